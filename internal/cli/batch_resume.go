package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
)

func (a *app) batchResumeCommand() *cobra.Command {
	var work workInput
	var asJSON bool
	cmd := &cobra.Command{
		Use: "resume [ID]", Short: "Continue a batch that has rows left",
		Long: `Continue a batch: the one of that ID, or the newest that has rows left. It uses the
flags that the batch was started with; those given here replace them.`,
		Args: atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.batchFailed(asJSON, a.resumeBatch(cmd.Context(), args, work, asJSON, keptFlags(cmd.Flags())))
		},
	}
	work.register(cmd.Flags())
	cmd.Flags().BoolVar(&work.nodes, "nodes", false, nodesUsage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the summary as one JSON object")
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
	switch {
	case err != nil:
		return err
	case id != "":
		if err := a.sameRows(ctx, id, &in); err != nil {
			return err
		}
		return a.resume(ctx, id, in.work, in.json, given)
	}
	return usageError{fmt.Errorf("no batch writes to %s; leave out --resume to start one", in.out)}
}

// sameRows refuses to continue a batch with flags for other rows than it has, and says
// which it has where that cannot be told.
func (a *app) sameRows(ctx context.Context, id string, in *batchInput) error {
	s, err := a.batchStatusOf(ctx, id)
	if err != nil {
		return err
	}
	if in.in != "" && s.Spec.Input.File != stdinPath {
		if path, err := filepath.Abs(in.in); err == nil && path != s.Spec.Input.File {
			return usageError{fmt.Errorf("the batch %s has the rows of %s; leave out --in to continue it, or start over with --overwrite", id, s.Spec.Input.File)}
		}
	}
	switch chosen := in.pick.given(); {
	case chosen == "":
	case s.Picked == "":
		return usageError{fmt.Errorf("%s chooses rows when a batch starts, and the batch %s has %s; leave it out to continue, or start over with --overwrite", chosen, id, count(s.Rows, "row"))}
	default:
		a.dimf("· rows, as they were chosen when the batch began: %s", s.Picked)
	}
	return nil
}

func (a *app) resumeBatch(ctx context.Context, args []string, work workInput, asJSON bool, given []string) error {
	id, err := a.batchID(ctx, args, func(s batch.Status) bool {
		return s.Owner == "" && (!s.Over || work.retryFailed && s.Failed > 0)
	}, "no batch has rows left to run; see `tandem batch list`")
	if err != nil {
		return err
	}
	if err := work.check(time.Now()); err != nil {
		return err
	}
	return a.resume(ctx, id, work, asJSON, given)
}

// resume continues a batch. The flags that were given replace the batch's own.
func (a *app) resume(ctx context.Context, id string, work workInput, asJSON bool, given []string) error {
	steadyHeap()
	file, err := batch.Open(ctx, a.stateDir(), id)
	if err != nil {
		return batchFileError(id, err)
	}
	if file.Spec().Owner == batch.OwnerServe {
		return errors.Join(usageError{fmt.Errorf("the batch %s came through `tandem serve`, which continues it when it runs", id)}, file.Close())
	}
	b := &batchRun{file: file, json: asJSON}
	defer b.closeAll()
	switch file.Spec().Kind {
	case "compare":
		err = a.resumeComparison(ctx, b, work, given)
	case requests.Kind:
		err = a.resumeRequests(ctx, b, work, given)
	default:
		err = a.prepareResume(ctx, b, work, given)
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

// prepareResume loads what the batch was started with, and refuses what has
// changed since.
func (a *app) prepareResume(ctx context.Context, b *batchRun, work workInput, given []string) error {
	spec := b.file.Spec()
	in, err := a.restoreFlags(spec.Args, given)
	if err != nil {
		return err
	}
	in.work.deadline, in.work.retryFailed, in.work.accept = work.deadline, work.retryFailed, work.accept
	b.work = in.work
	in.file = spec.Chain.File
	if b.chain, err = a.batchChain(spec.Chain.File, in.trusted); err != nil {
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
	if err := a.resumeNodes(ctx, b, []string{spec.Chain.File}, &spec); err != nil {
		return err
	}
	settings := b.spec.Settings
	b.spec = spec
	return a.continueChanged(ctx, b, source, settings, func() error { return a.sameInputs(b, spec) })
}

// continueChanged refuses to continue a batch whose chain, rows or settings have
// changed, unless that is accepted. fits, if not nil, says whether the stored rows can
// be used with what is there now.
func (a *app) continueChanged(ctx context.Context, b *batchRun, source batch.Source, settings map[string]string, fits func() error) error {
	spec := b.spec
	changes, err := a.changesOf(ctx, spec, source, settings)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if !b.work.accept {
			return usageError{fmt.Errorf("the batch %s cannot continue as it began: %s; undo that, start over with another --out, or add --accept-changes to answer the rows that are left with what is there now", spec.ID, strings.Join(changes, "; "))}
		}
		b.spec.Chain, b.spec.Settings = source, settings
		if fits != nil {
			if err := fits(); err != nil {
				return err
			}
		}
	}
	if s, err := b.file.Status(ctx); err != nil || s.State == batch.Reading {
		return errors.Join(err, a.readAgain(ctx, b))
	}
	_, err = b.file.Resume(ctx, b.work.retryFailed)
	if err == nil && len(changes) > 0 {
		err = b.file.SetSpec(ctx, b.spec)
	}
	return err
}

// changesOf are what has changed since a batch was started that decides its
// answers, in words.
func (a *app) changesOf(ctx context.Context, spec batch.Spec, chain batch.Source, settings map[string]string) ([]string, error) {
	var out []string
	if chain.Digest != spec.Chain.Digest {
		out = append(out, "the chain "+spec.Chain.File+" has changed")
	}
	if spec.Input.File != stdinPath {
		switch now, err := sourceOf(ctx, spec.Input.File); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // its rows are stored
		case err != nil:
			return nil, err
		case now.Digest != spec.Input.Digest:
			out = append(out, "the rows of "+spec.Input.File+" have changed (those that are stored would be used)")
		}
	}
	return append(out, differences(spec.Settings, settings)...), nil
}

// sameInputs refuses a changed chain that needs other inputs than are stored.
func (a *app) sameInputs(b *batchRun, spec batch.Spec) error {
	for _, name := range b.chain.Inputs() {
		in, _ := b.chain.Input(name)
		if _, given := spec.Given[name]; !given && in.Default == nil && !in.Optional && !slices.Contains(spec.Columns, name) {
			return usageError{fmt.Errorf("the chain now has an input %s, which the stored rows do not have; start over with another --out", name)}
		}
	}
	return nil
}

// readAgain is the error of a batch whose rows were not all stored.
func (a *app) readAgain(_ context.Context, b *batchRun) error {
	return usageError{fmt.Errorf("the batch %s was interrupted while its rows were read, before any call; remove it with `tandem batch rm %[1]s`, and start it again", b.spec.ID)}
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
