package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/stack"
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
	if err := a.refuseEarly(ctx, b, rows[0]); err != nil {
		return err
	}
	b.spec.ID, b.spec.Kind, b.spec.Created, b.spec.Tandem = store.NewID(), "compare", time.Now(), buildVersion().Version
	b.spec.Args = keptFlags(flags)
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
	for i := 1; i < len(files) && err == nil; i++ {
		var other batch.Source
		if other, err = chainSource(c.chains[i], files[i]); err == nil {
			b.spec.Settings["prompt "+filepath.Base(files[i])] = other.Digest[:12]
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
	return settingsOf(b.chain, b.stack, defaults, sources), nil
}

// planOf makes the plan of flags, or of promptfoo's file.
func (a *app) planOf(c *comparison, st *stack.Stack, files []string) (err error) {
	in, p := c.in, &c.plan
	p.Cluster, p.Level, p.Margin, p.Until, p.Repeats, p.Chains = in.cluster, intervalLevel, float64(in.margin), float64(in.until), in.repeats, files
	if c.foreign != nil {
		if p.Variants, err = c.foreign.Variants(c.providersOf(st), in.noise); err != nil {
			return err
		}
		more, err := c.foreign.Checks(check.Options{SplitModel: st.SplitModel, JudgeModel: in.scoring.judgeModel})
		if err != nil {
			return err
		}
		c.checks.Checks = append(c.checks.Checks, more...)
	} else if err := a.variantsOf(c, st, files); err != nil {
		return err
	}
	switch {
	case p.Until > 0 && p.Comparisons() == 0:
		return usageError{errors.New("--until needs two targets to compare")}
	case p.Until > 0 && len(c.checks.Single()) == 0:
		return usageError{errors.New("--until needs a check that scores one answer, besides --prefer")}
	case len(c.checks.Single()) == 0 && p.Comparisons() == 0:
		return usageError{errors.New("--prefer needs two targets to compare")}
	case in.minPass > 0 && len(c.checks.Single()) == 0:
		return usageError{errors.New("--min-pass needs a check that scores one answer, besides --prefer")}
	}
	return nil
}

func (a *app) variantsOf(c *comparison, st *stack.Stack, files []string) error {
	in := c.in
	axes := compare.Axes{Models: in.models, Chains: files, Noise: in.noise}
	allowed := a.allowed(st)
	for _, name := range in.with {
		t, err := targetOf(st, name)
		if err != nil {
			return err
		}
		for _, p := range t.Use {
			if err := checkAllowed("--with "+name, p, allowed); err != nil {
				return err
			}
		}
		axes.Targets = append(axes.Targets, t)
	}
	for _, m := range in.models {
		if use, model := st.SplitModel(m); len(use) > 0 {
			return usageError{fmt.Errorf("-m %s names a provider: compare targets with --with %s", m, strings.TrimSuffix(strings.Join(use, ",")+"/"+model, "/"))}
		}
	}
	var err error
	if axes.Temperatures, err = numbersOf("--temperature", in.temperatures, func(s string) (float64, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err == nil && !(f >= 0 && f <= 2) {
			err = strconv.ErrRange
		}
		return f, err
	}, "a number from 0 to 2"); err != nil {
		return err
	}
	if axes.NumCtx, err = numbersOf("--num-ctx", in.numCtx, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err == nil && n < 1 {
			err = strconv.ErrRange
		}
		return n, err
	}, "a number of tokens"); err != nil {
		return err
	}
	if axes.Seeds, err = numbersOf("--seed", in.seeds, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }, "a whole number"); err != nil {
		return err
	}
	if len(axes.Targets) == 0 && len(c.chains[0].Providers()) == 0 && len(st.Config().Use) > 0 {
		// Without a target: who is asked first, and no fallback, whose answers would be
		// counted as that one's.
		name := st.Config().Use[0]
		axes.Targets = []compare.Target{{Name: name, Use: []string{name}}}
	}
	if len(axes.Models) > 0 {
		for _, t := range axes.Targets {
			if t.Model != "" {
				return usageError{fmt.Errorf("--with %s has a model; leave out -m", t.Name)}
			}
		}
	}
	c.plan.Variants, err = axes.Variants()
	if err != nil {
		return usageError{err}
	}
	return nil
}

// targetOf is a target by its name: a provider, provider/model, or an alias.
func targetOf(st *stack.Stack, name string) (compare.Target, error) {
	use, model := st.SplitModel(name)
	if len(use) > 0 {
		return compare.Target{Name: name, Use: use, Model: model}, nil
	}
	var known []string
	for _, t := range st.Targets {
		known = append(known, t.Config.Name)
	}
	return compare.Target{}, usageError{fmt.Errorf("--with %s: there is no provider %s; %s (for a model, write PROVIDER/MODEL)", name, diag.Quote(name), diag.Suggest(name, known))}
}

// providersOf are the configured providers, for promptfoo's names.
func (c *comparison) providersOf(st *stack.Stack) []compare.Configured {
	var out []compare.Configured
	for _, t := range st.Targets {
		out = append(out, compare.Configured{Name: t.Config.Name, Kind: t.Config.Kind, Endpoint: t.Endpoint})
	}
	return out
}

// compileChecks compiles the checks of files and flags, and notes their texts.
func (a *app) compileChecks(in *scoringInput, st *stack.Stack, plan *compare.Plan) (*check.Set, error) {
	o := check.Options{JudgeModel: in.judgeModel}
	if st != nil {
		o.SplitModel = st.SplitModel
	}
	set := &check.Set{Mode: check.All}
	var errs []error
	for _, file := range in.files {
		one, err := check.Read(file, o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		set.Mode = one.Mode
		for _, c := range one.Checks {
			if slices.ContainsFunc(set.Checks, func(other *check.Check) bool { return other.Name == c.Name }) {
				errs = append(errs, &diag.Error{File: c.File, Line: c.Line, Column: c.Column, Message: "another file has a check named " + diag.Quote(c.Name), Remedy: "add a name"})
			}
			set.Checks = append(set.Checks, c)
		}
		if data, err := os.ReadFile(file); err == nil && plan != nil {
			plan.Checks = append(plan.Checks, compare.CheckSource{File: file, Text: string(data)})
		}
	}
	set, err := in.inline.Compile(set, o)
	if err = diag.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if data, err := json.Marshal(in.inline); err == nil && plan != nil && !in.inline.Empty() {
		plan.Checks = append(plan.Checks, compare.CheckSource{File: "flags", Text: string(data)})
	}
	return set, nil
}

// comparisonRows reads the rows with all of their columns, and the inputs of every
// chain. They are held in memory, as they are for the report.
func (a *app) comparisonRows(ctx context.Context, b *batchRun) ([]table.Row, error) {
	c, in := b.compare, b.compare.in
	if c.foreign != nil {
		b.spec.Input = b.spec.Chain
		b.spec.Columns = c.foreign.Columns()
		return c.foreign.Rows(), nil
	}
	if in.in == stdinPath && len(c.chains) > 1 {
		return nil, usageError{errors.New("several chains read the rows: give them in a file, not on standard input")}
	}
	var all []table.Row
	given := map[string]any{}
	for i, ch := range c.chains {
		own, err := a.params(ctx, ch, c.paramsOf(ch))
		if err != nil {
			return nil, err
		}
		maps.Copy(given, own)
		rows, err := a.openBatchRows(ctx, &batchInput{in: in.in, encoding: in.coding, pick: in.pick}, ch, own)
		if err != nil {
			return nil, err
		}
		b.close = append(b.close, rows.close)
		if all, err = c.merge(all, rows, i, b); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, usageError{fmt.Errorf("--where leaves none of the rows of %s", in.in)}
	}
	b.spec.Given = given
	columns := map[string]bool{}
	for i := range all {
		for name := range all[i].Inputs {
			if _, is := given[name]; !is {
				columns[name] = true
			}
		}
	}
	b.spec.Columns = slices.Sorted(maps.Keys(columns))
	if in.cluster != "" && !columns[in.cluster] {
		return nil, usageError{fmt.Errorf("--cluster: %s has no column %s; %s", in.in, diag.Quote(in.cluster), diag.Suggest(in.cluster, b.spec.Columns))}
	}
	if c.plan.Until > 0 {
		shuffle(all, in.cluster, in.pick.seed)
	}
	return all, nil
}

// paramsOf are the parameters that a chain has inputs for; those that none has go to
// the first, which says so.
func (c *comparison) paramsOf(ch *chain.Chain) []string {
	return slices.DeleteFunc(slices.Clone(c.in.params), func(p string) bool {
		name, _, _ := strings.Cut(p, "=")
		if _, is := ch.Input(name); is {
			return false
		}
		return ch != c.chains[0] || slices.ContainsFunc(c.chains, func(other *chain.Chain) bool { _, is := other.Input(name); return is })
	})
}

// merge adds a chain's inputs to the rows. All columns stay, for the checks.
func (c *comparison) merge(all []table.Row, rows *batchRows, i int, b *batchRun) ([]table.Row, error) {
	picked, what, err := rows.picked()
	if err != nil {
		return nil, err
	}
	b.spec.Input, b.spec.Picked = rows.source, what
	at := 0
	for row, err := range picked {
		if err != nil {
			return nil, err
		}
		columns := map[string]any{}
		if object, ok := row.Value.(map[string]any); ok {
			maps.Copy(columns, object)
		}
		maps.Copy(columns, row.Inputs)
		if i == 0 {
			row.Inputs = columns
			all = append(all, row)
			continue
		}
		if at >= len(all) || all[at].Number != row.Number {
			return nil, usageError{fmt.Errorf("%s changed while it was read; start again when it is complete", rows.name)}
		}
		for name, value := range row.Inputs {
			if before, ok := all[at].Inputs[name]; ok && jsonText(before) != jsonText(value) {
				return nil, usageError{fmt.Errorf("%s, row %d: the chains %s and %s take the column %s as different types; declare the same type in both",
					rows.name, row.Number, c.plan.Chains[0], c.plan.Chains[i], diag.Quote(name))}
			}
			all[at].Inputs[name] = value
		}
		at++
	}
	if rows.source.File != stdinPath {
		if err := rows.unchanged(rows.source.File); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// shuffle puts rows into a random order, those of a cluster together.
func shuffle(rows []table.Row, cluster string, seed int64) {
	random := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // a sample, not a secret
	if cluster == "" {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		return
	}
	place := map[string]int{}
	var names []string
	for i := range rows {
		name := jsonText(rows[i].Inputs[cluster])
		if _, ok := place[name]; !ok {
			place[name] = 0
			names = append(names, name)
		}
	}
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i, name := range names {
		place[name] = i
	}
	slices.SortStableFunc(rows, func(a, b table.Row) int {
		return place[jsonText(a.Inputs[cluster])] - place[jsonText(b.Inputs[cluster])]
	})
}

// bind compares the checks with the rows.
func (c *comparison) bind(rows []table.Row) error {
	columns := map[string]bool{}
	for i := range rows {
		for name := range rows[i].Inputs {
			columns[name] = true
		}
	}
	c.plan.Columns = slices.Sorted(maps.Keys(columns))
	if err := c.checks.Bind(c.plan.Columns); err != nil {
		return err
	}
	for i := range rows {
		if err := c.checks.Prepare(rows[i].Number, rows[i].Inputs); err != nil {
			return err
		}
	}
	return nil
}

// sayPlan says before the run what it can show.
func (a *app) sayPlan(c *comparison, rows []table.Row) error {
	var names []string
	for _, v := range c.plan.Variants {
		names = append(names, v.Name)
	}
	calls := len(rows) * len(names) * c.plan.Repeats
	a.infof("comparing %s on %s (%s)", strings.Join(names, ", "), count(len(rows), "row"), count(calls, "run"))
	if c.plan.Comparisons() == 0 {
		return nil
	}
	clusters := 0
	if c.plan.Cluster != "" {
		seen := map[string]bool{}
		for i := range rows {
			seen[jsonText(rows[i].Inputs[c.plan.Cluster])] = true
		}
		clusters = len(seen)
	}
	d, err := c.plan.Smallest(len(rows), clusters)
	switch {
	case err != nil:
		return err
	case d >= 1:
		a.infof("these rows are too few to show a difference of any size; at least 10 rows are needed, and better 100")
	default:
		a.infof("the smallest difference that these rows can show is about %.0f points (in 4 of 5 runs, if the targets disagree on 3 rows in 10)", 100*d)
	}
	return nil
}

// refuseEarly refuses what could not be asked anyway, before anything is asked.
func (a *app) refuseEarly(ctx context.Context, b *batchRun, row table.Row) error {
	planner, ok := provider.As[router.Planner](b.stack.Provider)
	if !ok {
		return nil // a replay asks nobody
	}
	c := b.compare
	for i, v := range c.plan.Variants {
		asked, err := c.chains[v.Chain].Plan(ctx, c.varsOf(v.Chain, row.Inputs, b.spec.Given), chain.Defaults(b.job.Defaults), chain.PassagesStay(b.stack.Collections.PassagesStay))
		if err != nil {
			return err
		}
		for _, q := range asked {
			if q.Lookup != nil {
				continue
			}
			p, err := planner.Plan(ctx, c.plan.Request(q.Request, i, 0))
			if err == nil {
				err = p.Err()
			}
			switch provider.KindOf(err) {
			case provider.Private, provider.Offline, provider.Denied, provider.Unsupported, provider.Invalid:
				return fmt.Errorf("%s: %w", v.Name, err)
			}
		}
	}
	return nil
}

// varsOf are the inputs of a chain among a row's columns.
func (c *comparison) varsOf(chainAt int, columns, given map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range c.chains[chainAt].Inputs() {
		if v, ok := given[name]; ok {
			out[name] = v
		} else if v := columns[name]; v != nil {
			out[name] = v
		}
	}
	return out
}

// storeComparison stores the rows. Whatever goes wrong, no batch is left.
func (a *app) storeComparison(ctx context.Context, b *batchRun, rows []table.Row) (err error) {
	if b.file, err = batch.Create(ctx, a.stateDir(), b.spec); err != nil {
		return err
	}
	prompt := b.firstPrompt(ctx)
	if b.compare.plan.Until > 0 {
		prompt = nil // the order must be random
	}
	_, err = b.file.Add(ctx, func(yield func(table.Row, error) bool) {
		for i := range rows {
			if !yield(rows[i], nil) {
				return
			}
		}
	}, prompt)
	if err == nil {
		err = b.file.Ready(ctx, b.spec)
	}
	if err != nil {
		err = errors.Join(err, b.file.Discard())
		b.file = nil
	}
	return err
}
