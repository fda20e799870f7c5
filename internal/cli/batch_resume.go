package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
)

// resumeInput is what a command says that continues a batch.
type resumeInput struct {
	work   workInput
	json   bool
	given  []string // flags, which replace those that the batch was started with
	params []string // -p
}

func (a *app) batchResumeCommand() *cobra.Command {
	var in resumeInput
	var answers sampling // read from the flags, with those of the batch
	cmd := &cobra.Command{
		Use: "resume [flags] [ID]", Short: "Continue a batch that has rows left",
		Long: `Continue a batch: the one of that ID, or the newest that has rows left. It uses the
flags that the batch was started with; those given here replace them. Flags that say
how to answer, such as -m, need --accept-changes where rows have been answered.`,
		Example: `  tandem batch resume
  tandem batch resume 1m8 --retry-failed
  tandem batch resume 1m8 --retry-failed -m qwen3:8b`,
		Args: atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.given = keptFlags(cmd.Flags())
			return a.batchFailed(in.json, a.resumeBatch(cmd.Context(), args, in))
		},
	}
	in.work.register(cmd.Flags())
	answers.register(cmd.Flags())
	cmd.Flags().BoolVar(&in.work.nodes, "nodes", false, nodesUsage)
	cmd.Flags().BoolVar(&in.json, "json", false, "print the summary as one JSON object")
	return cmd
}

// resumeOut continues the batch that writes to a file.
func (a *app) resumeOut(ctx context.Context, in batchInput, given []string) error {
	out := in.out
	if out != stdinPath {
		var err error
		if out, err = filepath.Abs(in.out); err != nil {
			return err
		}
	}
	id, err := a.batchWriting(ctx, out)
	if err != nil {
		return err
	}
	if id == "" {
		return usageError{fmt.Errorf("no batch writes to %s; leave out --resume to start one", in.out)}
	}
	s, err := a.batchStatusOf(ctx, id)
	if err == nil {
		err = a.sameCommand(&s, &in)
	}
	if err != nil {
		return err
	}
	return a.resume(ctx, id, resumeInput{in.work, in.json, given, in.params})
}

func (a *app) resumeBatch(ctx context.Context, args []string, in resumeInput) error {
	id, err := a.batchID(ctx, args, func(s batch.Status) bool {
		return s.Owner == "" && (!s.Over || in.work.retryFailed && s.Failed > 0)
	}, "no batch has rows left to run; see `tandem batch list`")
	if err != nil {
		return err
	}
	if err := in.work.check(time.Now()); err != nil {
		return err
	}
	return a.resume(ctx, id, in)
}

// resume continues a batch.
func (a *app) resume(ctx context.Context, id string, in resumeInput) error {
	steadyHeap()
	file, err := batch.Open(ctx, a.stateDir(), id)
	if err != nil {
		return batchFileError(id, err)
	}
	if file.Spec().Owner == batch.OwnerServe {
		return errors.Join(usageError{fmt.Errorf("the batch %s came through `tandem serve`, which continues it when it runs", id)}, file.Close())
	}
	b := &batchRun{file: file, json: in.json}
	defer b.closeAll()
	switch file.Spec().Kind {
	case "compare":
		err = a.resumeComparison(ctx, b, in)
	case requests.Kind:
		err = a.resumeRequests(ctx, b, in)
	default:
		err = a.resumeChain(ctx, b, in)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if s, err := file.Status(ctx); err == nil {
		a.dimf("· batch %s: %s", id, doneText(s))
	}
	return a.runBatch(ctx, b)
}

// batchFileError is the error of a batch that cannot be opened, with what to do.
func batchFileError(id string, err error) error {
	var held *batch.HeldError
	var file *batch.FileError
	switch {
	case errors.As(err, &held):
		return usageError{fmt.Errorf("%w; `tandem batch watch %s` follows it, and `tandem batch cancel %[2]s` stops it", err, id)}
	case errors.As(err, &file) && file.Damaged:
		return fmt.Errorf("%w; save what can be read with `tandem batch export %s --out FILE`, remove it with `tandem batch rm %[2]s`, and start over", err, id)
	}
	return err
}

// resumeChain loads what the batch was started with, and refuses what has changed since.
func (a *app) resumeChain(ctx context.Context, b *batchRun, again resumeInput) error {
	spec := b.file.Spec()
	in, err := a.restoreFlags(spec.Args, again.given)
	if err != nil {
		return err
	}
	in.work.deadline, in.work.retryFailed, in.work.accept = again.work.deadline, again.work.retryFailed, again.work.accept
	b.work = in.work
	in.file = spec.Chain.File
	if b.chain, err = a.batchChain(spec.Chain.File, in.trusted); err != nil {
		return err
	}
	if err := a.sameGiven(ctx, b, &spec, again.params); err != nil {
		return err
	}
	source, err := chainSource(b.chain, spec.Chain.File)
	if err != nil {
		return err
	}
	if err := a.assembleBatch(ctx, b, &in, spec.Chain.File); err != nil {
		return err
	}
	if err := a.resumeBatchAPI(ctx, b, &in, spec); err != nil {
		return err
	}
	settings := b.spec.Settings
	spec.EscapeFormulas = in.escape
	b.spec = spec
	return a.continueChanged(ctx, b, source, settings, again.given, []string{spec.Chain.File}, func() error { return a.sameInputs(b, &spec) })
}

// servedPrefix is what clients of `tandem serve` see before a batch's id.
const servedPrefix = "batch_"

// batchID is the id that a command was given, as `tandem serve` tells it too, or a beginning
// of it that only one batch has, or last; without one, the newest batch that is wanted.
func (a *app) batchID(ctx context.Context, args []string, wanted func(batch.Status) bool, none string) (string, error) {
	ids, err := batch.List(a.stateDir())
	if err != nil {
		return "", err
	}
	if len(args) == 0 {
		for _, id := range ids {
			if s, err := a.batchStatusOf(ctx, id); err == nil && (wanted == nil || wanted(s)) {
				return id, nil
			}
		}
		return "", usageError{errors.New(none)}
	}
	if args[0] == "last" && len(ids) > 0 {
		return ids[0], nil
	}
	name := strings.TrimPrefix(args[0], servedPrefix)
	var found []string
	for _, id := range ids {
		if id == name {
			return id, nil
		}
		if strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", usageError{fmt.Errorf("there is no batch %s; see `tandem batch list`", args[0])}
	}
	return "", usageError{fmt.Errorf("%s is the beginning of %d batches: %s", args[0], len(found), strings.Join(found, ", "))}
}
