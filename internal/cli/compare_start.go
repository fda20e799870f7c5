package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// intervalLevel is that of all intervals.
const intervalLevel = 0.95

// Rows are run variant by variant in blocks of this size, so that a model stays in
// memory; of a run that is watched, in smaller ones.
const (
	compareBlock = 200
	watchedBlock = 10
)

// comparison is what a batch that compares needs besides.
type comparison struct {
	in      *compareInput
	plan    compare.Plan
	checks  *check.Set
	chains  []*chain.Chain
	foreign *compare.Promptfoo     // nil: there is a chain file
	decided atomic.Bool            // the run may stop
	more    map[int]map[string]any // columns of rows that the batch did not store
}

// compare compares, or scores again what was compared.
func (a *app) compare(ctx context.Context, in compareInput, flags *pflag.FlagSet) error {
	steadyHeap()
	if in.rescore != "" {
		return a.rescoreComparison(ctx, in)
	}
	foreign, err := a.promptfoo(&in)
	if err == nil {
		err = in.check(foreign)
	}
	if err == nil {
		err = in.work.check(time.Now())
	}
	if err == nil {
		err = in.reports.check()
	}
	if err != nil {
		return err
	}
	b := &batchRun{work: in.work, json: in.reports.json, compare: &comparison{in: &in}}
	defer b.closeAll()
	if err := a.prepareComparison(ctx, b, foreign); err != nil {
		return err
	}
	rows, err := a.comparisonRows(ctx, b)
	if err != nil {
		return err
	}
	c := b.compare
	if err := c.bind(rows); err != nil {
		return err
	}
	if err := a.sayPlan(c, rows); err != nil || in.dry {
		return err
	}
	if in.work.nodes {
		if err := a.useNodes(ctx, b, c.plan.Chains, eachRow(rows), b.spec.Given); err != nil {
			return err
		}
	}
	if err := a.refuseEarly(ctx, b, ofAllVariants(eachRow(rows)), b.spec.Given); err != nil {
		return err
	}
	if err := a.refuseJudges(ctx, b, rows); err != nil {
		return err
	}
	b.spec.ID, b.spec.Kind, b.spec.Created, b.spec.Tandem = store.NewID(), "compare", time.Now(), buildVersion().Version
	b.spec.Args, b.spec.Cluster = keptFlags(flags), b.clusterID()
	b.spec.Variants, b.spec.Repeats, b.spec.Block = len(c.plan.Variants), c.plan.Repeats, compareBlock
	if c.plan.Until > 0 {
		b.spec.Block = watchedBlock
	}
	if b.spec.Dir, err = os.Getwd(); err != nil {
		return err
	}
	if b.spec.Extra, err = json.Marshal(c.plan); err != nil {
		return err
	}
	if err := a.storeComparison(ctx, b, rows); err != nil {
		return err
	}
	return a.runBatch(ctx, b)
}

// prepareComparison loads the chains and the checks, and makes what asks. It calls
// no model.
func (a *app) prepareComparison(ctx context.Context, b *batchRun, foreign bool) (err error) {
	c, in := b.compare, b.compare.in
	files := append([]string{in.file}, in.prompts...)
	if foreign {
		if c.foreign, err = compare.ReadPromptfoo(in.file); err != nil {
			return err
		}
		c.chains = c.foreign.Chains
		files = []string{in.file}
	}
	for i := range files {
		if foreign {
			break
		}
		if files[i], err = a.chainFile(files[i]); err != nil {
			return err
		}
		loaded, err := a.batchChain(files[i], in.trusted)
		if err != nil {
			return err
		}
		c.chains = append(c.chains, loaded)
	}
	b.chain = c.chains[0]
	for i, other := range c.chains[1:] {
		for _, name := range other.Tools() {
			if !slices.Contains(b.chain.Tools(), name) {
				return usageError{fmt.Errorf("%s has the tool %s, which %s does not have: chains that are compared share their tools", files[min(i+1, len(files)-1)], name, files[0])}
			}
		}
	}
	if err := a.assembleBatch(ctx, b, &batchInput{file: in.file, work: in.work, sample: in.sample, dry: in.dry}, files[0]); err != nil {
		return err
	}
	b.job.Defaults.NoStream = false // the time to the first token is measured
	if c.checks, err = a.compileChecks(&in.scoring, b.stack, &c.plan); err != nil {
		return err
	}
	if err := a.planOf(c, b.stack, files); err != nil {
		return err
	}
	b.spec.Settings, err = a.comparisonSettings(b)
	if err != nil {
		return err
	}
	b.spec.Chain, err = chainSource(b.chain, files[0])
	names := compare.ShortPaths(files)
	for i := 1; i < len(files) && err == nil; i++ {
		var other batch.Source
		if other, err = chainSource(c.chains[i], files[i]); err == nil {
			b.spec.Settings["prompt "+names[i]] = other.Digest[:12]
		}
	}
	return err
}

// comparisonSettings are what decides the answers, of all targets.
func (a *app) comparisonSettings(b *batchRun) (map[string]string, error) {
	sources, err := a.answers.options()
	if err != nil {
		return nil, err
	}
	defaults := b.job.Defaults
	for _, v := range b.compare.plan.Variants {
		defaults.Use = append(slices.Clone(defaults.Use), v.Use...)
	}
	slices.Sort(defaults.Use)
	defaults.Use = slices.Compact(defaults.Use)
	return settingsOf(b.chain.Providers(), b.stack, defaults, sources), nil
}

// refuseJudges is the error of a judge that cannot be asked about the answers, before
// there are any: where they have to stay on this machine, it has to be here.
func (a *app) refuseJudges(ctx context.Context, b *batchRun, rows []table.Row) error {
	planner, ok := provider.As[router.Planner](b.stack.Provider)
	if !ok || len(rows) == 0 {
		return nil // a replay asks nobody
	}
	e := a.newEarly(b, planner)
	stays := b.stack.Config().KeepsLocal()
	for v := range b.compare.plan.Variants {
		asked, err := e.run.plannedAs(ctx, v, rows[0].Inputs, b.spec.Given)
		if err != nil {
			continue // running the row tells it
		}
		stays = stays || slices.ContainsFunc(asked, func(q chain.Planned) bool { return q.Request.Privacy == provider.PrivacyLocal })
	}
	for _, c := range b.compare.checks.Checks {
		req, ok := c.Judge()
		if !ok {
			continue
		}
		if stays {
			req.Privacy = provider.PrivacyLocal
		}
		if err := e.refuseCall(ctx, &chain.Planned{Request: req}); err != nil {
			return fmt.Errorf("the judge of the check %s: %w", c.Name, err)
		}
	}
	return nil
}
