package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

// batchRun is a batch that this process runs, and what its rows need.
type batchRun struct {
	spec    batch.Spec
	file    *batch.File // nil: it is not stored yet
	chain   *chain.Chain
	job     runner.Job
	stack   *stack.Stack
	work    workInput
	json    bool
	close   []func()
	meter   priority.Meter // of how long rows wait for interactive calls
	waits   priority.Waits // as they were stored last
	away    atomic.Bool    // no provider answers
	wasAway bool           // as it was stored last
	// compare is what a comparison needs besides; nil: it is a plain batch.
	compare *comparison
	// batchAPI is the provider whose Batch API runs the rows; nil: none does.
	batchAPI *stack.BatchAPI
	// nodes is what nodes need to run the rows; nil: none do.
	nodes *nodesRun
	// requests is what a batch of requests needs instead of the chain; nil: it has one.
	requests *requestRun
	// ownModel says that a step of the chain names its model, which -m does not replace.
	ownModel bool
}

func (b *batchRun) currentStack() *stack.Stack { return b.stack }

func (b *batchRun) closeAll() {
	for _, c := range slices.Backward(b.close) {
		c()
	}
}

// batch starts a batch, or continues the one that writes to the same file.
func (a *app) batch(ctx context.Context, in batchInput, flags *pflag.FlagSet) error {
	steadyHeap()
	isRequests := requests.IsFile(in.file)
	err := in.check(isRequests)
	switch {
	case err != nil:
	case in.resume:
		err = a.resumeOut(ctx, in, keptFlags(flags))
	case isRequests:
		err = a.startRequests(ctx, in, flags)
	default:
		err = a.startBatch(ctx, in, flags)
	}
	return a.batchFailed(in.json, err)
}

// steadyHeap has the first garbage collection, which main puts off for the sake of short
// commands: from now on the heap is not much larger than what it holds.
func steadyHeap() { runtime.GC() }

// batchFailed is the error of a batch, which with --json is printed unless it was.
func (a *app) batchFailed(asJSON bool, err error) error {
	if err == nil || errors.Is(err, errReported) {
		return err
	}
	return a.fail(asJSON, err)
}

func (a *app) startBatch(ctx context.Context, in batchInput, flags *pflag.FlagSet) error {
	b := &batchRun{work: in.work, json: in.json}
	defer b.closeAll()
	file, err := a.chainFile(in.file)
	if err != nil {
		return err
	}
	if b.chain, err = a.batchChain(file, in.trusted); err != nil {
		return err
	}
	given, err := a.params(ctx, b.chain, in.params)
	if err != nil {
		return err
	}
	out, err := a.checkOut(ctx, &in)
	if err != nil {
		return cmp.Or(a.mistyped(ctx, &in), err)
	}
	rows, err := a.openBatchRows(ctx, &in, b.chain, given)
	if err != nil {
		return err
	}
	b.close = append(b.close, rows.close)
	if how := rows.bound.Format.Remarkable(); how != "" {
		a.dimf("· read %s: %s", in.in, how)
	}
	if len(rows.bound.Unused) > 0 {
		a.dimf("· ignored columns, which are not inputs of the chain: %s", strings.Join(rows.bound.Unused, ", "))
	}
	a.sayEmpty(in.in, rows.bound)
	if err := a.assembleBatch(ctx, b, &in, file); err != nil {
		return err
	}
	picked, what, err := rows.picked()
	if err != nil {
		return err
	}
	if what != "" {
		a.dimf("· rows: %s", what)
	}
	if in.batchAPI {
		if b.spec.BatchAPI, err = a.chooseBatchAPI(ctx, b, picked, given, in.dry); err != nil {
			return err
		}
	}
	if in.dry {
		return a.batchPlan(ctx, b, picked, given)
	}
	if in.work.nodes {
		if err := a.useNodes(ctx, b, []string{file}, picked, given); err != nil {
			return err
		}
	}
	b.spec = batch.Spec{
		ID: store.NewID(), Kind: "batch", Created: time.Now(), Tandem: buildVersion().Version, Args: keptFlags(flags),
		Input: rows.source, Out: out, EscapeFormulas: in.escape, Given: given, Columns: columnsOf(b.chain, given), Picked: what,
		Settings: b.spec.Settings, BatchAPI: b.spec.BatchAPI, Cluster: b.clusterID(), Variants: 1, Repeats: 1,
	}
	if b.spec.Dir, err = os.Getwd(); err != nil {
		return err
	}
	if b.spec.Chain, err = chainSource(b.chain, file); err != nil {
		return err
	}
	if err := a.refuseEarly(ctx, b, ofAllVariants(picked), given); err != nil {
		return err
	}
	if err := a.storeRows(ctx, b, rows, picked); err != nil {
		return err
	}
	return a.runBatch(ctx, b)
}

// mistyped is what is wrong with the names of a command whose OUT is taken: whoever starts
// over would meet it next.
func (a *app) mistyped(ctx context.Context, in *batchInput) error {
	if in.in != stdinPath {
		if _, err := os.Stat(in.in); err != nil {
			return usageError{fmt.Errorf("cannot read %s: %w", in.in, cause(err))}
		}
	}
	if in.only == "" {
		return nil
	}
	b := &batchRun{chain: &chain.Chain{}}
	defer b.closeAll()
	return a.assembleBatch(ctx, b, in, in.file)
}

// columnsOf are the inputs that come from the rows.
func columnsOf(c *chain.Chain, given map[string]any) []string {
	return slices.DeleteFunc(c.Inputs(), func(name string) bool { _, is := given[name]; return is })
}

// batchChain loads the chain's file.
func (a *app) batchChain(file string, t trusted) (*chain.Chain, error) {
	if isPipe(file) {
		return nil, usageError{errors.New("a batch needs its chain in a regular file, to continue it later")}
	}
	c, err := chain.Load(file, t.load()...)
	if err == nil {
		a.sayNotes(c.Notes())
	}
	return c, err
}

// assembleBatch makes what runs the rows.
func (a *app) assembleBatch(ctx context.Context, b *batchRun, in *batchInput, file string) (err error) {
	if in.only != "" {
		if len(a.flags.use) > 0 {
			return usageError{errors.New("use only one of --only and --use")}
		}
		a.flags.use = []string{in.only}
		for _, name := range b.chain.Providers() {
			if name != in.only {
				return usageError{fmt.Errorf("%s asks %s, and --only %s forbids that", in.file, name, in.only)}
			}
		}
	}
	a.budget, a.pace = in.work.budget.value, &pace.Set{Fixed: int(in.work.concurrency)}
	if b.stack, err = a.open(ctx); err != nil {
		return err
	}
	b.close = append(b.close, b.stack.Close)
	if err := configured(file, b.chain, b.stack); err != nil {
		return err
	}
	defaults := provider.Request{NoStream: true}
	if err := in.sample.apply(&defaults, b.stack, a.allowed(b.stack)); err != nil {
		return err
	}
	sources, err := a.answers.options()
	if err != nil {
		return err
	}
	b.spec.Settings = settingsOf(b.chain.Providers(), b.stack, defaults, sources)
	b.job = runner.Job{Chain: b.chain, Provider: b.stack, Defaults: defaults, Passages: passagesOf(b.stack), Embedder: b.stack.Collections.Embedder(), Strict: in.sample.strict}
	names := b.chain.Tools()
	if len(names) == 0 || in.dry || in.work.nodes {
		return nil
	}
	tools, done, err := b.stack.Tools(ctx, names)
	b.close = append(b.close, done)
	if err != nil {
		return a.withLog(err)
	}
	b.job.Tools = a.toolOptions(tools, nil, nil)
	return nil
}

// storeRows makes the batch's file and stores its rows. Whatever goes wrong, no
// batch is left.
func (a *app) storeRows(ctx context.Context, b *batchRun, rows *batchRows, picked iter.Seq2[table.Row, error]) (err error) {
	if b.file, err = batch.Create(ctx, a.stateDir(), b.spec); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.file.Discard())
			b.file = nil
		}
	}()
	a.setBatchStatus("· reading the rows of " + rows.name)
	n, err := b.file.Add(ctx, picked, b.firstPrompt(ctx))
	a.setBatchStatus("")
	if err != nil {
		return err
	}
	if n == 0 {
		return usageError{fmt.Errorf("--where leaves none of the rows of %s", rows.name)}
	}
	if rows.source.File != stdinPath {
		if err := rows.unchanged(rows.source.File); err != nil {
			return err
		}
	}
	return b.file.Ready(ctx, b.spec)
}

// firstPrompt returns what gives the first prompt of a row: rows whose prompts begin
// alike run one after another. It is "" where the prompt cannot be told before the run.
func (b *batchRun) firstPrompt(ctx context.Context) func(inputs map[string]any) string {
	if b.requests != nil {
		return requests.FirstPrompt
	}
	return func(inputs map[string]any) string {
		vars := maps.Clone(inputs)
		maps.Copy(vars, b.spec.Given)
		if b.compare != nil {
			vars = b.compare.varsOf(0, inputs, b.spec.Given)
		}
		asked, err := b.chain.Plan(ctx, vars, chain.Defaults(b.job.Defaults))
		if err != nil {
			return "" // running the row tells
		}
		var text strings.Builder
		for _, q := range asked {
			if q.Lookup != nil {
				continue
			}
			for i := range q.Request.Messages {
				text.WriteString(q.Request.Messages[i].Text)
			}
			break
		}
		return text.String()
	}
}

func (a *app) setBatchStatus(text string) {
	if !a.flags.quiet {
		a.term.SetStatus(a.term.Dim(text))
	}
}
