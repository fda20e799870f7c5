package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// requestRun is what a batch of requests needs besides.
type requestRun struct {
	Models []string `json:"models"` // that they name, sorted; kept with the batch

	targets  map[string]exchange.Target // of the models
	defaults provider.Request
}

// chainFlag is the error of a flag of a batch that says something about a chain or about a
// table of its inputs, for a file of requests; nil: any other flag.
func chainFlag(file, name string) error {
	switch name {
	case "in", "encoding", "param", "escape-formulas":
		return usageError{fmt.Errorf("%s holds requests in OpenAI's batch format, and --%s is for chains; leave it out", file, name)}
	case "strict":
		return usageError{fmt.Errorf("%s holds requests in OpenAI's batch format, whose answers say with finish_reason \"length\" that they were cut; leave out --strict", file)}
	}
	return nil
}

// startRequests starts a batch of requests.
func (a *app) startRequests(ctx context.Context, in batchInput, flags *pflag.FlagSet) error {
	var wrong error
	flags.Visit(func(f *pflag.Flag) { wrong = cmp.Or(wrong, chainFlag(in.file, f.Name)) })
	if wrong != nil {
		return wrong
	}
	out, err := a.checkRequestsOut(ctx, &in)
	if err != nil {
		return err
	}
	b := &batchRun{work: in.work, json: in.json, requests: &requestRun{}}
	defer b.closeAll()
	rows := &batchRows{name: in.file, pick: in.pick, values: requestValues, close: func() {}}
	if err := cmp.Or(rows.parseWhere(), rows.checkWhere(requests.Columns())); err != nil {
		return err
	}
	rows.all = func() iter.Seq2[table.Row, error] { return rowsOfRequests(ctx, in.file) }
	if err := rows.identify(ctx); err != nil {
		return err
	}
	var mistake error
	found, err := requests.Check(in.file, rows.all(), "", func(m *requests.Mistake) bool { mistake = m; return false })
	if err = cmp.Or(mistake, err); err != nil {
		return err
	}
	if found.N == 0 {
		return usageError{fmt.Errorf("%s holds no requests", in.file)}
	}
	if in.sample.model == "" {
		if err := namelessVectors(in.file, found); err != nil {
			return err
		}
	}
	b.requests.Models = slices.Sorted(maps.Keys(found.Models))
	if err := a.openRequests(ctx, b, &in, func(model string) (string, int) { return in.file, found.Models[model] }); err != nil {
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
		if b.spec.BatchAPI, err = a.chooseBatchAPI(ctx, b, picked, nil, in.dry); err != nil {
			return err
		}
	}
	if in.dry {
		return a.batchPlan(ctx, b, picked, nil)
	}
	if in.work.nodes {
		if err := a.useNodes(ctx, b, nil, picked, nil); err != nil {
			return err
		}
	}
	b.spec = batch.Spec{
		ID: store.NewID(), Kind: requests.Kind, Created: time.Now(), Tandem: buildVersion().Version, Args: keptFlags(flags),
		Input: rows.source, Out: out, Picked: what, Columns: requests.Columns(), Settings: b.spec.Settings, BatchAPI: b.spec.BatchAPI, Cluster: b.clusterID(), Variants: 1, Repeats: 1,
	}
	if b.spec.Dir, err = os.Getwd(); err != nil {
		return err
	}
	if b.spec.Extra, err = json.Marshal(b.requests); err != nil {
		return err
	}
	if err := a.refuseEarly(ctx, b, ofAllVariants(picked), nil); err != nil {
		return err
	}
	if err := a.storeRows(ctx, b, rows, picked); err != nil {
		return err
	}
	return a.runBatch(ctx, b)
}

// requestValues are the members of a request, for --where.
func requestValues(row *table.Row) (map[string]any, error) {
	r := requests.Of(row.Inputs)
	var body any
	err := json.Unmarshal([]byte(r.Body), &body)
	return map[string]any{"custom_id": r.ID, "url": r.URL, "body": body}, err
}

// namelessVectors is the error of a request for vectors that names no model: other
// vectors are of no use beside those of one model.
func namelessVectors(file string, found requests.Found) error {
	if found.Nameless == 0 {
		return nil
	}
	return &diag.Error{File: file, Line: found.Nameless, Message: "embeddings need a model", Remedy: "name one in body.model"}
}

// checkRequestsOut is [app.checkOut] for the two files that a batch of requests writes.
func (a *app) checkRequestsOut(ctx context.Context, in *batchInput) (string, error) {
	if in.out != "" && in.out != stdinPath && table.Flat(in.out) {
		return "", usageError{fmt.Errorf("--out %s: the answers to requests are JSON lines; name it .jsonl", in.out)}
	}
	out, err := a.checkOut(ctx, in)
	if err == nil && out != stdinPath && !in.dry {
		if err = checkPlace(errorsPath(out), in.overwrite); err != nil {
			err = usageError{err}
		}
	}
	return out, err
}

// rowsOfRequests reads the requests of a file.
func rowsOfRequests(ctx context.Context, name string) iter.Seq2[table.Row, error] {
	return requests.Rows(ctx, name, func() (io.ReadCloser, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("cannot read %s: %w", name, cause(err))}
		}
		return f, nil
	})
}

// openRequests makes what answers the requests, and finds who is asked for each of
// their models. where says where a model is named.
func (a *app) openRequests(ctx context.Context, b *batchRun, in *batchInput, where func(model string) (file string, line int)) (err error) {
	if in.only != "" {
		if len(a.flags.use) > 0 {
			return usageError{errors.New("use only one of --only and --use")}
		}
		a.flags.use = []string{in.only}
	}
	a.budget, a.pace = in.work.budget.value, &pace.Set{Fixed: int(in.work.concurrency)}
	if b.stack, err = a.open(ctx); err != nil {
		return err
	}
	b.close = append(b.close, b.stack.Close)
	r := b.requests
	r.defaults = provider.Request{NoStream: true}
	if err := in.sample.apply(&r.defaults, b.stack, a.allowed(b.stack)); err != nil {
		return err
	}
	sources, err := a.answers.options()
	if err != nil {
		return err
	}
	if in.sample.model != "" && in.dry { // else it is looked up before the first call
		if err := a.checkModel(ctx, b.stack, in.sample.model); err != nil {
			return err
		}
	}
	x := exchange.New(exchange.Config{Stack: b.currentStack, Explain: a.explain})
	r.targets = map[string]exchange.Target{}
	var providers []string
	for _, model := range r.Models {
		t, err := r.target(ctx, b.stack, x, in.sample.model != "", model)
		if err == nil && in.only != "" && !slices.Equal(t.Use, []string{in.only}) {
			err = fmt.Errorf("the model %s is that of %s, and --only %s forbids that", diag.Quote(model), strings.Join(t.Use, " and "), in.only)
		}
		if err != nil {
			file, line := where(model)
			return &diag.Error{File: file, Line: line, Message: err.Error(), Remedy: "name one of the models that `tandem models` lists, or add an alias with `tandem models alias`", Err: err}
		}
		r.targets[model] = t
		providers = append(providers, t.Use...)
	}
	slices.Sort(providers)
	b.spec.Settings = settingsOf(slices.Compact(providers), b.stack, r.defaults, sources)
	for model, t := range r.targets {
		b.spec.Settings["model "+cmp.Or(model, exchange.Default)] = strings.Join(t.Use, ",") + "/" + t.Model
	}
	return nil
}

// target is who is asked for a model that requests name: with -m, the flag's.
func (r *requestRun) target(ctx context.Context, st *stack.Stack, x *exchange.Exchange, flag bool, model string) (exchange.Target, error) {
	if !flag {
		return x.Target(ctx, model)
	}
	t := exchange.Target{Use: r.defaults.Use, Model: r.defaults.Model}
	if len(t.Use) == 0 {
		t.Use = st.Config().Use
	}
	return t, nil
}

// resumeRequests loads what a batch of requests was started with, and refuses what has
// changed since.
func (a *app) resumeRequests(ctx context.Context, b *batchRun, again resumeInput) error {
	spec := b.file.Spec()
	for _, arg := range again.given {
		if err := chainFlag(spec.Input.File, flagOf(arg)); err != nil {
			return err
		}
	}
	in, err := a.restoreFlags(spec.Args, again.given)
	if err != nil {
		return err
	}
	in.work.deadline, in.work.retryFailed, in.work.accept = again.work.deadline, again.work.retryFailed, again.work.accept
	b.work, b.requests = in.work, &requestRun{}
	if err := json.Unmarshal(spec.Extra, b.requests); err != nil {
		return err
	}
	if err := a.openRequests(ctx, b, &in, func(string) (string, int) { return spec.Input.File, 0 }); err != nil {
		return err
	}
	if err := a.resumeBatchAPI(ctx, b, &in, spec); err != nil {
		return err
	}
	settings := b.spec.Settings
	b.spec = spec
	return a.continueChanged(ctx, b, batch.Source{}, settings, again.given, nil, nil)
}

// requestAnswerer answers the requests of a batch.
func (a *app) requestAnswerer(b *batchRun, by provider.Provider, e provider.Embedder) *requests.Answerer {
	return &requests.Answerer{
		Batch: b.spec.ID, Provider: by, Embedder: e, Shown: a.errorOf,
		Prepare: func(_ context.Context, q *exchange.Question) error {
			b.requests.prepare(q)
			return nil
		},
	}
}

// prepare says who is asked a question, and what the flags say where it says nothing.
func (r *requestRun) prepare(q *exchange.Question) {
	requests.Ask(q, r.targets[q.Model], &r.defaults)
}

// planned are the calls that a request makes.
func (r *requestRun) planned(inputs map[string]any) ([]chain.Planned, error) {
	q, err := requests.Decode(inputs)
	if err != nil {
		return nil, err
	}
	r.prepare(q.Question)
	step := "request"
	if q.Embed != nil {
		step = vectorsStep
		for _, text := range q.Embed.Input {
			q.Request.Messages = append(q.Request.Messages, provider.User(text))
		}
	}
	return []chain.Planned{{Step: step, Request: q.Request, Times: 1}}, nil
}

// vectorsStep is the step of a request for vectors.
const vectorsStep = "embedding"

// planCall says who would answer a call of a batch; an error that nobody would. Vectors need
// no model that can chat.
func (b *batchRun) planCall(ctx context.Context, planner router.Planner, q *chain.Planned) (router.Plan, error) {
	p, err := planner.Plan(ctx, q.Request)
	if err == nil {
		err = p.Err()
	}
	if b.requests == nil || q.Step != vectorsStep {
		return p, err
	}
	for i := range p.Candidates {
		c := &p.Candidates[i]
		if c.Kind == provider.Unsupported {
			c.Keep, c.Kind, c.Reason = true, "", ""
		}
	}
	if provider.KindOf(err) == provider.Unsupported {
		err = nil
	}
	return p, err
}
