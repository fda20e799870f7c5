package node

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// asks is what the rows of a batch ask: a chain, those of a comparison's variants, or
// what requests say.
type asks struct {
	*Host
	m      *natsqueue.Manifest
	title  string
	chains []*chain.Chain // none: the rows are requests
	plan   *compare.Plan  // nil: it compares nothing
	wanted []natsqueue.Provider
}

// asks reads what a batch asks.
func (h *Host) asks(m *natsqueue.Manifest, bundle []byte) (*asks, error) {
	a := &asks{Host: h, m: m}
	if m.Models != nil {
		a.title = requests.Kind
		return a, nil
	}
	files, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		return nil, fmt.Errorf("its chain cannot be read: %w", err)
	}
	names := []string{m.Chain}
	if m.Plan != nil {
		a.plan = &compare.Plan{}
		if err := json.Unmarshal(m.Plan, a.plan); err != nil {
			return nil, fmt.Errorf("its comparison cannot be read: %w", err)
		}
		names = a.plan.Chains
	}
	for _, name := range names {
		c, err := chain.LoadFS(files, name)
		if errors.Is(err, template.ErrJinja2) { // no flag of a node allows it
			return nil, provider.Errorf(provider.Unsupported, "", "", "its templates are in jinja2, which are programs, and nodes run none of others")
		}
		if err != nil {
			return nil, err
		}
		a.chains = append(a.chains, c)
	}
	if len(a.chains) == 0 {
		return nil, errors.New("it has no chain")
	}
	if a.plan != nil {
		for _, v := range a.plan.Variants {
			if v.Chain < 0 || v.Chain >= len(a.chains) {
				return nil, errors.New("its comparison cannot be read: a variant has no chain")
			}
		}
	}
	a.title = cmp.Or(a.chains[0].Name(), names[0])
	return a, nil
}

// modelsOf are the models that a provider may be asked for, as far as the batch says; an
// empty one is its own.
func (a *asks) modelsOf(want *natsqueue.Provider) []string {
	models := []string{want.Model}
	add := func(use []string, model string) {
		if slices.Contains(use, want.Name) {
			models = append(models, model)
		}
	}
	add(a.m.Defaults.Use, a.m.Defaults.Model)
	for _, t := range a.m.Models {
		add(t.Use, t.Model)
	}
	if a.plan != nil {
		for _, v := range a.plan.Variants {
			add(v.Use, v.Model)
		}
	}
	slices.Sort(models)
	return slices.Compact(models)
}

// first are the providers that a row asks first.
func (a *asks) first(item *batch.Item) []string {
	var names []string
	for _, t := range a.m.Models {
		names = append(names, t.Use...)
	}
	if a.plan != nil && item.Variant < len(a.plan.Variants) {
		if use := a.plan.Variants[item.Variant].Use; len(use) > 0 {
			return use[:1]
		}
	}
	if len(a.chains) > 0 && len(a.wanted) > 0 {
		names = append(names, a.wanted[0].Name)
	}
	for _, c := range a.chains {
		names = append(names, c.Providers()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// open returns what runs the rows, and what to do when none is left.
func (a *asks) open(ctx context.Context) (run batch.Run, done func(), err error) {
	if len(a.chains) == 0 {
		return a.answerer().Answer, func() {}, nil
	}
	job := runner.Job{Chain: a.chains[0], Provider: a.Stack, Defaults: a.m.Defaults, Embedder: a.Stack.Collections.Embedder(), Strict: a.m.Strict}
	if a.m.Local {
		job.Defaults.Privacy = provider.PrivacyLocal
	}
	done = func() {}
	if wanted := a.chains[0].Tools(); len(wanted) > 0 { // chains that are compared share them
		var tools []tool.Tool
		if tools, done, err = a.tools(ctx, wanted); err != nil {
			return nil, nil, err
		}
		job.Tools = a.ToolOptions(tools)
	}
	return func(ctx context.Context, item batch.Item) batch.Reply {
		job := job
		job.Vars = item.Inputs
		if a.plan != nil {
			if item.Variant >= len(a.plan.Variants) {
				return a.reply(batch.Reply{Err: errors.New("the batch has no such variant")})
			}
			v := &a.plan.Variants[item.Variant]
			job.Chain = a.chains[v.Chain]
			job.Vars, job.Provider = compare.Vars(job.Chain, item.Inputs, nil), a.plan.Ask(job.Provider, item.Variant, item.Repeat)
		}
		return a.reply(batch.Ask(ctx, job))
	}, done, nil
}

func (a *asks) reply(r batch.Reply) batch.Reply {
	r.Result = a.Shown(r.Result, r.Err)
	return r
}

// tools opens the tools of a chain, all of which have to be allowed here.
func (a *asks) tools(ctx context.Context, wanted []string) (tools []tool.Tool, done func(), err error) {
	if tools, done, err = a.Stack.Tools(ctx, wanted); err != nil {
		done()
		return nil, nil, err
	}
	for i := range tools {
		if !slices.ContainsFunc(a.AllowTools, func(p string) bool { return tool.Matches(p, &tools[i]) }) {
			done()
			return nil, nil, notAllowed(tools[i].Title())
		}
	}
	return tools, done, nil
}

// answerer answers requests.
func (a *asks) answerer() *requests.Answerer {
	defaults := a.m.Defaults
	if a.m.Local {
		defaults.Privacy = provider.PrivacyLocal
	}
	return &requests.Answerer{
		Batch: a.m.ID, Provider: a.Stack, Embedder: a.Stack.Collections.Embedder(),
		Shown: func(err error) *runner.Error { return a.Shown(runner.Result{}, err).Error },
		Prepare: func(_ context.Context, q *exchange.Question) error {
			t, ok := a.m.Models[q.Model]
			if !ok {
				return provider.Errorf(provider.Invalid, "", q.Model, "the batch does not say who is asked for the model %q", q.Model)
			}
			requests.Ask(q, exchange.Target{Use: t.Use, Model: t.Model}, &defaults)
			return nil
		},
	}
}
