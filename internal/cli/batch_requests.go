package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/pace"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

// kindRequests is the kind of a batch whose rows are requests in OpenAI's format.
const kindRequests = "requests"

// requests is what a batch of requests needs besides.
type requests struct {
	Models []string `json:"models"` // that they name, sorted; kept with the batch

	targets  map[string]exchange.Target // of the models
	defaults provider.Request
}

// notForRequests are the flags of a batch that say something about a chain or about a
// table of its inputs.
var notForRequests = []string{"in", "encoding", "param", "where", "limit", "sample", "sample-seed", "escape-formulas", "dry-run", "model", "option", "strict"}

// startRequests starts a batch of requests.
func (a *app) startRequests(ctx context.Context, in batchInput, flags *pflag.FlagSet) error {
	for _, name := range notForRequests {
		if flags.Changed(name) {
			return usageError{fmt.Errorf("%s holds requests in OpenAI's batch format, and --%s is for chains; leave it out", in.file, name)}
		}
	}
	out, err := a.checkRequestsOut(ctx, &in)
	if err != nil {
		return err
	}
	b := &batchRun{work: in.work, json: in.json, requests: &requests{}}
	defer b.closeAll()
	rows := &batchRows{name: in.file, close: func() {}}
	if err := rows.identify(ctx); err != nil {
		return err
	}
	where, err := b.requests.check(ctx, in.file)
	if err != nil {
		return err
	}
	if err := a.openRequests(ctx, b, &in, func(model string) (string, int) { return in.file, where[model] }); err != nil {
		return err
	}
	b.spec = batch.Spec{
		ID: store.NewID(), Kind: kindRequests, Created: time.Now(), Tandem: buildVersion().Version, Args: keptFlags(flags),
		Input: rows.source, Out: out, Columns: []string{"custom_id", "url", "body"}, Settings: b.spec.Settings, Variants: 1, Repeats: 1,
	}
	if b.spec.Dir, err = os.Getwd(); err != nil {
		return err
	}
	if b.spec.Extra, err = json.Marshal(b.requests); err != nil {
		return err
	}
	if err := a.storeRows(ctx, b, rows, requestRows(ctx, in.file)); err != nil {
		return err
	}
	return a.runBatch(ctx, b)
}

// checkRequestsOut is [app.checkOut] for the two files that a batch of requests writes.
func (a *app) checkRequestsOut(ctx context.Context, in *batchInput) (string, error) {
	if in.out != stdinPath && table.Flat(in.out) {
		return "", usageError{fmt.Errorf("--out %s: the answers to requests are JSON lines; name it .jsonl", in.out)}
	}
	out, err := a.checkOut(ctx, in)
	if err == nil && out != stdinPath {
		if err = checkPlace(errorsPath(out), in.overwrite); err != nil {
			err = usageError{err}
		}
	}
	return out, err
}

// check finds what is wrong with any request, and which models they name. It returns
// the first line of each model.
func (r *requests) check(ctx context.Context, file string) (map[string]int, error) {
	models, ids := map[string]int{}, map[[16]byte]int{}
	for row, err := range requestRows(ctx, file) {
		if err != nil {
			return nil, err
		}
		q := requestOf(row.Inputs)
		sum := sha256.Sum256([]byte(q.id))
		key := [16]byte(sum[:16])
		if first, twice := ids[key]; twice {
			return nil, &diag.Error{File: file, Line: row.Line, Message: fmt.Sprintf("custom_id %s is that of line %d, too", diag.Quote(q.id), first), Remedy: "give each request its own"}
		}
		ids[key] = row.Line
		asked, err := openai.DecodeRequest(q.url, []byte(q.body))
		if err != nil {
			return nil, err
		}
		if models[asked.Model] == 0 {
			models[asked.Model] = row.Line
		}
	}
	if len(ids) == 0 {
		return nil, usageError{fmt.Errorf("%s holds no requests", file)}
	}
	r.Models = slices.Sorted(maps.Keys(models))
	return models, nil
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
	x := exchange.New(exchange.Config{Stack: b.currentStack, Explain: a.explain})
	r.targets = map[string]exchange.Target{}
	var providers []string
	for _, model := range r.Models {
		t, err := x.Target(ctx, model)
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

// resumeRequests loads what a batch of requests was started with, and refuses what has
// changed since.
func (a *app) resumeRequests(ctx context.Context, b *batchRun, work workInput, given []string) error {
	spec := b.file.Spec()
	in, err := a.restoreFlags(spec.Args, given)
	if err != nil {
		return err
	}
	in.work.deadline, in.work.retryFailed, in.work.accept = work.deadline, work.retryFailed, work.accept
	b.work, b.requests = in.work, &requests{}
	if err := json.Unmarshal(spec.Extra, b.requests); err != nil {
		return err
	}
	if err := a.openRequests(ctx, b, &in, func(string) (string, int) { return spec.Input.File, 0 }); err != nil {
		return err
	}
	settings := b.spec.Settings
	b.spec = spec
	return a.continueChanged(ctx, b, batch.Source{}, settings, nil)
}

// answerRequest answers one request. What is stored as its value is the reply.
func (a *app) answerRequest(ctx context.Context, b *batchRun, item batch.Item) (reply batch.Reply) {
	began, r := time.Now(), requestOf(item.Inputs)
	id := fmt.Sprintf("%s_%d", b.spec.ID, item.Row)
	q, err := openai.DecodeRequest(r.url, []byte(r.body))
	var resp provider.Response
	if err == nil {
		req := q.Request
		t := b.requests.targets[q.Model]
		req.Use, req.Model, req.NoStream = t.Use, t.Model, true
		exchange.Fill(&req, &b.requests.defaults)
		resp, reply.Tally, err = batch.Call(ctx, b.stack, req)
	}
	reply.Err = err
	reply.OK, reply.Answer, reply.Thinking, reply.Finish, reply.Usage, reply.Route = err == nil, resp.Text, resp.Thinking, resp.Finish, resp.Usage, resp.Route
	reply.Result = a.shownResult(reply.Result, err)
	if err != nil {
		f := *exchange.FailureOf(err)
		f.Message = reply.Error.Message
		reply.Value = replyJSON{f.Status, id, openai.ErrorReply(&f)}
		return reply
	}
	// The text is within the reply.
	reply.Answer, reply.Thinking = "", ""
	call := exchange.Call{
		ID: id, Dialect: "openai", Path: r.url, Asked: q.Model, Began: began, State: exchange.Answered, Ignored: q.Ignored,
		Provider: reply.Tally.Provider, Model: reply.Tally.Model, Took: time.Since(began), Finish: resp.Finish, Usage: resp.Usage, Route: resp.Route, Status: 200,
	}
	reply.Value = replyJSON{call.Status, id, openai.Reply(r.url, &exchange.Answer{Response: resp, Call: call, Model: cmp.Or(call.Model, q.Model), Began: began})}
	return reply
}

// replyJSON is the member response of a line of answers.
type replyJSON struct {
	Status int    `json:"status_code"`
	ID     string `json:"request_id"`
	Body   any    `json:"body"`
}

// firstPromptOfRequest is a request's first messages, by which requests are put in
// the order they are asked.
func firstPromptOfRequest(inputs map[string]any) string {
	r := requestOf(inputs)
	q, err := openai.DecodeRequest(r.url, []byte(r.body))
	if err != nil {
		return "" // running the row tells
	}
	var text strings.Builder
	for i := range q.Request.Messages {
		text.WriteString(q.Request.Messages[i].Text)
	}
	return text.String()
}
