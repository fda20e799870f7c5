package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// comparisonRun runs one row in one variant.
func (a *app) comparisonRun(b *batchRun) batch.Run {
	c := b.compare
	return func(ctx context.Context, item batch.Item) batch.Reply {
		job := b.job
		v := &c.plan.Variants[item.Variant]
		job.Chain = c.chains[v.Chain]
		job.Vars = c.varsOf(v.Chain, item.Inputs, b.spec.Given)
		job.Provider = c.plan.Ask(b.job.Provider, item.Variant, item.Repeat)
		r := batch.Ask(store.WithRow(ctx, item.Number), job)
		r.StaysLocal = r.StaysLocal || b.stack.Config().KeepsLocal()
		r.Result = a.shownResult(r.Result, r.Err)
		return r
	}
}

// watch looks at the answers as they come, and calls stop when the verdict stands.
// The returned functions take the outcomes, and wait for the last of them.
func (a *app) watchComparison(ctx context.Context, b *batchRun, kept func([]batch.Outcome), stop func(string)) (func([]batch.Outcome), func() error, error) {
	c := b.compare
	if c == nil || c.plan.Until == 0 {
		return kept, func() error { return nil }, nil
	}
	data, err := a.loadComparison(ctx, b.spec.ID, c)
	if err != nil {
		return nil, nil, err
	}
	w, err := compare.NewWatch(data)
	if err != nil {
		return nil, nil, err
	}
	scores, err := batch.OpenScores(ctx, a.stateDir(), b.spec.ID)
	if err != nil {
		return nil, nil, err
	}
	scoring := a.scoringOf(b.stack, scores, b.work)
	come := make(chan []batch.Outcome, 64)
	var failed error
	var done sync.WaitGroup
	done.Go(func() {
		defer func() { failed = errors.Join(failed, scores.Close()) }()
		next := 1
		for outcomes := range come {
			for i := range outcomes {
				if f := outcomes[i].Fate; f == batch.Done || f == batch.Failed {
					data.AddOutcome(&outcomes[i])
				}
			}
			for failed == nil && !c.decided.Load() {
				row := data.At(next)
				if row == nil || !row.Complete() {
					break
				}
				next++
				stands := false
				if failed = data.ScoreRow(ctx, row, scoring); failed == nil {
					stands, failed = w.Add(row)
					row.Drop() // the report reads what is stored
				}
				if failed != nil {
					stop("")
				} else if stands {
					c.decided.Store(true)
					stop("the verdict stands")
				}
			}
		}
	})
	come <- nil // looks at what was there before
	return func(o []batch.Outcome) { kept(o); come <- slices.Clone(o) }, func() error { close(come); done.Wait(); return failed }, nil
}

// scoringOf is how answers are scored.
func (a *app) scoringOf(st *stack.Stack, scores *batch.Scores, work workInput) compare.Scoring {
	s := compare.Scoring{Concurrency: max(1, int(work.concurrency))}
	if work.concurrency == 0 {
		s.Concurrency = 4
	}
	if scores != nil {
		s.Store = scores
	}
	if st == nil {
		return s
	}
	s.Meter = func(ctx context.Context) (context.Context, func() (float64, int)) {
		c := &judgeCost{}
		return context.WithValue(ctx, judgeCostKey{}, c), c.total
	}
	s.Tools = &check.Tools{Ask: func(ctx context.Context, req provider.Request) (provider.Response, error) {
		r, err := provider.Collect(st.Chat(ctx, req))
		countCost(ctx, r.Route)
		return r, err
	}}
	if e := st.Collections.Embedder(); e != nil {
		s.Tools.Embed = func(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
			r, err := e.Embed(ctx, req)
			countCost(ctx, r.Route)
			return r, err
		}
	}
	return s
}

// judgeCost adds up what the calls of a check cost.
type judgeCost struct {
	mu       sync.Mutex
	usd      float64
	unpriced int
}

type judgeCostKey struct{}

func (c *judgeCost) total() (float64, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usd, c.unpriced
}

func countCost(ctx context.Context, route *provider.Route) {
	c, ok := ctx.Value(judgeCostKey{}).(*judgeCost)
	if !ok || route == nil || route.Cost == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if route.Cost.USD == nil {
		c.unpriced++
		return
	}
	c.usd += *route.Cost.USD
}

// loadComparison reads the answers that are stored.
func (a *app) loadComparison(ctx context.Context, id string, c *comparison) (*compare.Data, error) {
	v, err := batch.Look(a.stateDir(), id)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return compare.Load(ctx, v, c.plan, c.checks)
}

// finishComparison scores what was answered and reports it. early is why the run
// ended before its last row.
func (a *app) finishComparison(ctx context.Context, b *batchRun, early error) error {
	if early != nil {
		return early
	}
	c := b.compare
	if c.decided.Load() {
		if err := batch.Cancel(ctx, a.stateDir(), b.spec.ID); err != nil {
			return err
		}
	}
	r, err := a.scoreComparison(ctx, b.spec.ID, c, b.stack, b.work)
	if err == nil {
		r.Stopped = c.decided.Load()
		err = a.reportComparison(ctx, b.spec, c, r)
	}
	var verdict *batchError
	if err != nil && !errors.As(err, &verdict) {
		return &batchError{fmt.Sprintf("%s. The answers are stored: continue with `tandem batch resume %s`", strings.TrimSuffix(a.explain(err), "."), b.spec.ID), exitCode(err), err}
	}
	if late := b.file.Finish(context.WithoutCancel(ctx)); late != nil {
		return errors.Join(err, late)
	}
	if b.spec.Cluster != "" {
		if late := a.leaveCluster(ctx, b); late != nil {
			return errors.Join(err, late)
		}
	}
	return err
}

// scoreComparison scores the stored answers, as far as that has not been done.
func (a *app) scoreComparison(ctx context.Context, id string, c *comparison, st *stack.Stack, work workInput) (*compare.Report, error) {
	data, err := a.loadComparison(ctx, id, c)
	if err != nil {
		return nil, err
	}
	if err := a.addColumns(data, c); err != nil {
		return nil, err
	}
	if len(data.Rows) == 0 {
		return nil, usageError{errors.New("no row has been answered yet")}
	}
	scores, err := batch.OpenScores(ctx, a.stateDir(), id)
	if err != nil {
		return nil, err
	}
	defer scores.Close()
	s := a.scoringOf(st, scores, work)
	s.Done = func(done, of int) { a.setBatchStatus(fmt.Sprintf("· judged %d/%d", done, of)) }
	err = data.Score(ctx, s)
	a.setBatchStatus("")
	if err != nil {
		return nil, err
	}
	return compare.Analyse(data)
}

// resumeComparison continues a comparison with the flags that it was started with.
func (a *app) resumeComparison(ctx context.Context, b *batchRun, again resumeInput) error {
	spec := b.file.Spec()
	for _, arg := range again.given {
		if name := flagOf(arg); answerSettings[name] != "" || name == "strict" {
			return usageError{fmt.Errorf("%s is a comparison, which keeps its targets and settings; leave out --%s, or start a new one with `tandem compare`", spec.ID, name)}
		}
	}
	var in compareInput
	if err := a.restore("compare", in.register, spec.Args, again.given); err != nil {
		return err
	}
	in.work.deadline, in.work.retryFailed, in.work.accept = again.work.deadline, again.work.retryFailed, again.work.accept
	in.file = spec.Chain.File
	in.reports.overwrite = true // that there was no such file was checked at the start
	var plan compare.Plan
	if err := json.Unmarshal(spec.Extra, &plan); err != nil {
		return fmt.Errorf("the comparison %s cannot be read: %w", spec.ID, err)
	}
	b.work, b.json, b.compare = in.work, b.json || in.reports.json, &comparison{in: &in}
	foreign, err := a.promptfoo(&in)
	if err != nil {
		return err
	}
	if err := a.prepareComparison(ctx, b, foreign); err != nil {
		return err
	}
	source, settings := b.spec.Chain, b.spec.Settings
	b.compare.plan.Columns = plan.Columns
	if now := b.compare.plan; jsonText(now.Variants) != jsonText(plan.Variants) || now.Repeats != plan.Repeats {
		return usageError{fmt.Errorf("the comparison %s has other targets and settings than these flags; start a new one with `tandem compare`", spec.ID)}
	}
	b.spec = spec
	if err := b.compare.checks.Bind(plan.Columns); err != nil {
		return err
	}
	return a.continueChanged(ctx, b, source, settings, again.given, b.compare.plan.Chains, nil)
}

// restore reads the flags that a batch was started with into what register made of
// them, and those that are given now in the place of them.
func (a *app) restore(name string, register func(*pflag.FlagSet), kept, given []string) error {
	now := a.flags
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	a.flags.register(f)
	register(f)
	a.answers.register(f)
	a.tools.register(f)
	replaced := map[string]bool{}
	for _, arg := range given {
		flag, _, _ := strings.Cut(arg, "=")
		replaced[flag] = true
	}
	args := slices.DeleteFunc(slices.Clone(kept), func(arg string) bool {
		flag, _, _ := strings.Cut(arg, "=")
		return replaced[flag]
	})
	err := f.Parse(append(args, given...))
	a.flags.quiet, a.flags.verbose, a.flags.color = now.quiet, now.verbose, now.color
	return err
}

// newestID is the newest batch of a kind.
func (a *app) newestID(ctx context.Context, kind string) (string, error) {
	ids, err := batch.List(a.stateDir())
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if s, err := a.batchStatusOf(ctx, id); err == nil && s.Kind == kind {
			return id, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.term.Noticef("%s %s: %s", a.term.Yellow("warning:"), id, a.explain(err))
		}
	}
	return "", usageError{fmt.Errorf("there is no comparison yet; start one with `tandem compare`")}
}
