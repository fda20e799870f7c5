package exchange

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// Embedding is texts to embed, as a dialect decoded them.
type Embedding struct {
	Request provider.EmbedRequest
	Model   string   // that the client asked for
	Ignored []string // as those of a [Question]
	Notes   []string
}

// Embedded are the vectors, and who made them.
type Embedded struct {
	provider.EmbedResponse
	Model string
	Call  Call
}

// Embed asks for vectors. There is no fallback: another model's vectors are other
// vectors. It writes the headers that say who answers, and leaves the reply to the
// dialect. Errors: a failure.
func (x *Exchange) Embed(w http.ResponseWriter, r *http.Request, in Asked, e *Embedding) (*Embedded, *Failure) {
	if x.Closing() {
		return nil, errStopping
	}
	target, err := x.embedder(r, e)
	if err != nil {
		return nil, x.failureOf(err)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	call := &liveCall{cancel: cancel, Call: Call{
		ID: store.NewID(), Dialect: in.Dialect, Operation: Embed, Path: r.URL.Path, Asked: e.Model, Caller: x.caller(ctx).Name, Began: time.Now(), State: Asking,
		Provider: target.Provider, Model: target.Model.Name, Ignored: e.Ignored, Notes: e.Notes,
	}}
	x.begin(call)
	defer x.end(call)
	res, err := x.embed(begun(ctx, &call.Call), target, e.Request)
	if err != nil {
		return nil, x.notEmbedded(ctx, w, r, call, err)
	}
	x.update(call, func(c *Call) {
		c.State, c.Status, c.Usage, c.Route, c.Finish = Answered, http.StatusOK, res.Usage, res.Route, provider.FinishStop
		if res.Route != nil && res.Route.Model != "" {
			c.Model = res.Route.Model
		}
	})
	writeHeaders(w.Header(), &call.Call)
	return &Embedded{EmbedResponse: res, Model: call.Model, Call: call.Call}, nil
}

// notEmbedded is why there are no vectors.
func (x *Exchange) notEmbedded(ctx context.Context, w http.ResponseWriter, r *http.Request, call *liveCall, err error) *Failure {
	if f, ok := context.Cause(ctx).(*Failure); ok && ctx.Err() != nil { //nolint:errorlint // it is never wrapped
		err = f
	}
	f := x.failureOf(err)
	x.update(call, func(c *Call) {
		c.State, c.Status, c.Code, c.Error = Failed, f.Status, f.Code, f.Message
		if r.Context().Err() != nil {
			c.State = Cancelled
		}
	})
	writeHeaders(w.Header(), &call.Call)
	return f
}

// embedder is the model that is to make the vectors, if the caller and the headers
// allow it; e's request is tightened.
func (x *Exchange) embedder(r *http.Request, e *Embedding) (Entry, error) {
	s := x.cfg.Stack()
	q := &Question{Model: e.Model}
	q.Request.Privacy = e.Request.Privacy
	target, err := x.embedEntry(r.Context(), e.Model)
	if err != nil {
		return target, err
	}
	q.Request.Use = []string{target.Provider}
	if err := x.tighten(r, s, q); err != nil {
		return target, err
	}
	e.Request.Privacy = q.Request.Privacy
	if s.Config().Privacy == string(provider.PrivacyLocal) {
		e.Request.Privacy = provider.PrivacyLocal
	}
	return target, nil
}

// prepareEmbedding is prepare for a question that asks for vectors.
func (x *Exchange) prepareEmbedding(r *http.Request, q *Question) error {
	e := &Embedding{Model: q.Model, Request: *q.Embed}
	target, err := x.embedder(r, e)
	if err != nil {
		return err
	}
	q.Request.Use, q.Request.Model, q.Embed.Privacy = []string{target.Provider}, target.Model.Name, e.Request.Privacy
	return nil
}

// Embedder makes vectors for prepared questions, by a model that is named
// provider/model, when its turn comes.
func (x *Exchange) Embedder() provider.Embedder { return embeds{x} }

type embeds struct{ x *Exchange }

// Embed asks for the vectors.
func (e embeds) Embed(ctx context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	name, model, _ := strings.Cut(req.Model, "/")
	return e.x.embed(ctx, Entry{Provider: name, Model: provider.Model{Name: model}}, req)
}

// embedEntry is the model of that name. No name, or [Default], is the first model that
// is known to embed.
func (x *Exchange) embedEntry(ctx context.Context, name string) (Entry, error) {
	if name != "" && !isNamed(name, Default) {
		target, err := x.Find(ctx, name)
		if err == nil && target.Provider == "" {
			err = &Failure{Status: http.StatusBadRequest, Code: CodeUnsupported, Param: "model", Message: Brief(name) + " does not make embeddings; name an embedding model"}
		}
		return target, err
	}
	for _, e := range x.Models(ctx) {
		if can, _ := e.Model.Can(provider.CanEmbed); can && e.Provider != "" {
			return e, nil
		}
	}
	return Entry{}, &Failure{Status: http.StatusBadRequest, Code: CodeUnsupported, Param: "model", Message: "no model here is known to make embeddings; name the one that does in model"}
}

// embed waits for its turn, and asks by the rules that collections keep to.
func (x *Exchange) embed(ctx context.Context, target Entry, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	if queue := x.cfg.Queue; queue != nil {
		release, err := queue.Enter(ctx, Ticket{Model: target.Model.Name, Provider: target.Provider, Caller: x.caller(ctx).Name})
		if err != nil {
			return provider.EmbedResponse{}, err
		}
		defer release()
	}
	req.Model = target.Provider + "/" + target.Model.Name
	return x.cfg.Stack().Embedder().Embed(ctx, req)
}
