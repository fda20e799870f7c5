package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/table"
)

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
	if c.plan.Until > 0 { // how many rows that takes depends on the answers
		a.infof("stops when the verdict stands, or when the interval is at most %.0f points wide", 100*c.plan.Until)
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
