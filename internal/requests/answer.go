// Package requests is OpenAI's batch format, `{custom_id, method, url, body}` a line:
// its requests are read, checked and answered as the rows of a batch, and the answers
// written as OpenAI writes them.
package requests

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// Kind is the kind of a batch whose rows are requests.
const Kind = "requests"

// Answerer answers the requests of one batch.
type Answerer struct {
	Batch    string // its id
	Provider provider.Provider
	Embedder provider.Embedder // of models that are named provider/model
	// Prepare says who is asked a question for what, and under which limits.
	Prepare func(ctx context.Context, q *exchange.Question) error
	// Shown is an error as the program tells it; nil for none.
	Shown func(error) *runner.Error
}

// Ask has a question ask a target, with what defaults say where it says nothing itself.
func Ask(q *exchange.Question, t exchange.Target, defaults *provider.Request) {
	q.Request.Use, q.Request.Model = t.Use, t.Model
	exchange.Fill(&q.Request, defaults)
	if q.Embed != nil {
		q.Embed.Privacy = q.Request.Privacy
	}
}

// Answer answers one request. What is stored as its value is the reply.
func (a *Answerer) Answer(ctx context.Context, item batch.Item) (reply batch.Reply) {
	began, r := time.Now(), Of(item.Inputs)
	id := a.idOf(item)
	q, err := Decode(item.Inputs)
	if err == nil {
		err = a.Prepare(ctx, q.Question)
	}
	if err == nil && q.Embed != nil {
		return a.embed(ctx, item, q.Question)
	}
	var resp provider.Response
	if err == nil {
		q.Request.NoStream = true
		resp, reply.Tally, err = batch.Call(ctx, a.asked(q.Question), q.Request)
		if q.Ask != nil { // the answer tells of its last step only
			countSteps(&reply.Tally, q.Spent())
		}
	}
	reply.Err, reply.OK, reply.Finish, reply.Usage, reply.Route = err, err == nil, resp.Finish, resp.Usage, resp.Route
	reply.Error = a.Shown(err)
	if err != nil {
		refused := a.Refuse(item, err)
		reply.Answer, reply.Thinking, reply.Value = resp.Text, resp.Thinking, refused.Value
		return reply
	}
	// The text is within the reply.
	call := exchange.Call{
		ID: id, Dialect: "openai", Path: r.URL, Asked: q.Model, Began: began, State: exchange.Answered, Ignored: q.Ignored, Notes: q.Notes,
		Provider: reply.Tally.Provider, Model: reply.Tally.Model, Took: time.Since(began), Finish: resp.Finish, Usage: resp.Usage, Route: resp.Route, Status: 200,
	}
	reply.Value = replyJSON{call.Status, id, q.Reply(&exchange.Answer{Response: resp, Call: call, Model: cmp.Or(call.Model, q.Model), Began: began})}
	return reply
}

// embed answers a request for vectors.
func (a *Answerer) embed(ctx context.Context, item batch.Item, q *exchange.Question) batch.Reply {
	began, req := time.Now(), *q.Embed
	req.Model = q.Request.Use[0] + "/" + q.Request.Model
	resp, tally, err := batch.Embed(ctx, a.Embedder, req)
	if err != nil {
		reply := a.Refuse(item, err)
		reply.Tally, reply.Usage, reply.Route = tally, resp.Usage, resp.Route
		return reply
	}
	call := &exchange.Call{
		ID: a.idOf(item), Dialect: "openai", Path: openai.EmbeddingPath, Asked: q.Model, Began: began, State: exchange.Answered, Ignored: q.Ignored, Notes: q.Notes,
		Provider: tally.Provider, Model: cmp.Or(tally.Model, q.Request.Model), Took: time.Since(began), Finish: provider.FinishStop, Usage: resp.Usage, Route: resp.Route, Status: 200,
	}
	reply := batch.Reply{Result: runner.Result{OK: true, Finish: call.Finish, Usage: resp.Usage, Route: resp.Route}, Tally: tally}
	reply.Value = replyJSON{call.Status, call.ID, openai.EmbeddingReply(q, resp, call)}
	return reply
}

// Refuse is the reply to a request that is not asked.
func (a *Answerer) Refuse(item batch.Item, err error) batch.Reply {
	reply := batch.Reply{Result: runner.Result{Error: a.Shown(err)}, Err: err}
	f := *exchange.FailureOf(err)
	f.Message = reply.Error.Message
	reply.Value = replyJSON{f.Status, a.idOf(item), openai.ErrorReply(&f)}
	return reply
}

func (a *Answerer) idOf(item batch.Item) string { return fmt.Sprintf("%s_%d", a.Batch, item.Row) }

// countSteps has a tally count all calls of a chain's steps.
func countSteps(t *batch.Tally, steps []exchange.Spent) {
	t.Input, t.Output, t.USD, t.Saved, t.Unpriced = 0, 0, 0, 0, 0
	for _, s := range steps {
		if t.Provider == "" { // the chain has failed
			t.Provider, t.Model = s.Provider, s.Model
		}
		t.Input += s.InputTokens
		t.Output += s.OutputTokens
		t.USD += s.USD
		t.Saved += s.Saved
		t.Unpriced += s.Unpriced
	}
}

// asked is who answers a question: the provider, or a chain.
func (a *Answerer) asked(q *exchange.Question) provider.Provider {
	if q.Ask == nil {
		return a.Provider
	}
	return asks{a.Provider, q.Ask}
}

type asks struct {
	provider.Provider
	ask exchange.Source
}

// Chat asks the chain, which has its run and its request since it was prepared.
func (c asks) Chat(ctx context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return c.ask(ctx, nil)
}

// replyJSON is the member response of a line of answers.
type replyJSON struct {
	Status int    `json:"status_code"`
	ID     string `json:"request_id"`
	Body   any    `json:"body"`
}

// Decode is the question of the request whose members are a row's inputs.
func Decode(inputs map[string]any) (*openai.Request, error) {
	r := Of(inputs)
	return openai.DecodeRequest(r.URL, []byte(r.Body))
}

// FirstPrompt is a request's messages, by which requests are put in the order they are
// asked.
func FirstPrompt(inputs map[string]any) string {
	q, err := Decode(inputs)
	if err != nil {
		return "" // running the row tells
	}
	if q.Embed != nil {
		return "" // no engine keeps what it has read for vectors
	}
	var text strings.Builder
	for i := range q.Request.Messages {
		text.WriteString(q.Request.Messages[i].Text)
	}
	return text.String()
}
