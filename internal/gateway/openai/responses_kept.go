package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
	"github.com/tandem-llm/tandem/provider"
)

const (
	// mostTurns is how many responses a conversation may have, and mostKept how many bytes
	// they may have: as many as a request that has all of it in its body.
	mostTurns = 1000
	mostKept  = 64 << 20
	// storeTime is how long storing may take.
	storeTime = 10 * time.Second
)

// keeps reports whether responses are stored at all: never more than the log holds.
func (a *API) keeps() bool { return a.store != nil && a.x.KeepsTexts() }

// keeper is what stores a response; nil: nothing is to be stored.
func (a *API) keeper(r *http.Request, q *responseQuestion) func(id string, output []any, object *responseObject) bool {
	if !q.store || !a.keeps() {
		return nil
	}
	return func(id string, output []any, object *responseObject) bool {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTime)
		defer cancel()
		input := q.items
		if input == nil {
			input = []json.RawMessage{}
		}
		kept := &responsestore.Response{
			ID: id, Previous: q.previous, Caller: a.x.Caller(ctx).Name, Private: a.x.Stays(q.Question), Created: time.Now(),
			Input: a.redacted(input), Output: a.redacted(output), Object: a.redacted(object),
		}
		return a.store.Put(ctx, kept) == nil
	}
}

// redacted is the JSON of v without the keys that are known.
func (a *API) redacted(v any) []byte {
	data, _ := json.Marshal(v) // our own types, and JSON that was read
	return []byte(a.x.Stack().Redact(string(data)))
}

func (a *API) find(ctx context.Context, id string) (*responsestore.Response, error) {
	return a.findBy(ctx, id, (*responsestore.Store).Get)
}

// findBy is find by another way to read.
func (a *API) findBy(ctx context.Context, id string, read func(s *responsestore.Store, ctx context.Context, caller, id string) (*responsestore.Response, bool, error)) (*responsestore.Response, error) {
	if a.store == nil {
		return nil, a.noResponse(id)
	}
	r, ok, err := read(a.store, ctx, a.x.Caller(ctx).Name, id)
	if err == nil && !ok {
		err = a.noResponse(id)
	}
	return r, err
}

func (a *API) noResponse(id string) *exchange.Failure {
	why := "it was not stored, or it has expired; send the whole conversation as input"
	if !a.keeps() {
		why = "responses are stored only with `log: full`; send the whole conversation as input"
	}
	return &exchange.Failure{Status: http.StatusNotFound, Code: "response_not_found", Message: fmt.Sprintf("there is no response %q here: %s", exchange.Brief(id), why)}
}

// before adds the conversation that the response of that id ends.
func (h *history) before(id string) error {
	if id == "" {
		return nil
	}
	var turns []*responsestore.Response
	size := 0
	for id != "" {
		if len(turns) == mostTurns {
			return exchange.Refuse("previous_response_id", fmt.Sprintf("the conversation has more than %d responses; send what matters as input", mostTurns))
		}
		r, err := h.find(id)
		if err != nil {
			f := exchange.FailureOf(err)
			out := *f
			out.Param = "previous_response_id"
			if out.Status == http.StatusNotFound {
				out.Status, out.Code = http.StatusBadRequest, "previous_response_not_found" // 404 would be read as: there is no such API
			}
			return &out
		}
		if size += len(r.Input) + len(r.Output); size > mostKept {
			return exchange.Refuse("previous_response_id", fmt.Sprintf("the conversation has more than %d MiB; send what matters as input", mostKept>>20))
		}
		h.q.tighten(r)
		turns, id = append(turns, r), r.Previous
	}
	for _, r := range slices.Backward(turns) {
		for _, items := range [][]byte{r.Input, r.Output} {
			var list []json.RawMessage
			if err := json.Unmarshal(items, &list); err != nil {
				return err
			}
			if h.read(list, "previous"); h.err != nil {
				return h.err
			}
		}
	}
	return nil
}

// tighten has a conversation stay on this machine that had to before.
func (q *responseQuestion) tighten(r *responsestore.Response) {
	if r.Private {
		q.Request.Privacy = provider.PrivacyLocal
	}
}

// reference adds the stored item of that id.
func (h *history) reference(o body.Object) {
	id := o.Text("id")
	_, rest, _ := strings.Cut(id, "_")
	call, _, _ := strings.Cut(rest, "_")
	r, err := h.find(responsePrefix + call)
	if err != nil {
		o.Failf("id", "there is no item %q here, because its response was not stored; send the item itself", exchange.Brief(id))
		return
	}
	h.q.tighten(r)
	b := body.Parse([]byte(`{"output":` + string(r.Output) + `}`))
	for _, item := range b.Object().List("output") {
		if own := item.Object(); own.Text("id") == id {
			h.item(own)
			return
		}
	}
	o.Failf("id", "there is no item %q here; send the item itself", exchange.Brief(id))
}

// response serves a stored response, or one that is being answered.
func (a *API) response(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("stream") == "true" {
		Fail(w, exchange.Refuse("stream", "a stored response cannot be streamed; leave out stream"))
		return
	}
	id := r.PathValue("id")
	if live, ok := a.live(r, id); ok {
		exchange.WriteJSON(w, http.StatusOK, live)
		return
	}
	kept, err := a.find(r.Context(), id)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	exchange.WriteJSON(w, http.StatusOK, json.RawMessage(kept.Object))
}

// live is a response that is being answered, which the caller may see: as with other calls
// in flight, an operator sees those of everybody. A stored one is its own caller's only.
func (a *API) live(r *http.Request, id string) (*responseObject, bool) {
	callID, ok := strings.CutPrefix(id, responsePrefix)
	if !ok {
		return nil, false
	}
	c, ok := a.x.LookupFor(r.Context(), callID)
	if !ok || c.Ended() || c.Path != ResponsePath {
		return nil, false
	}
	o := &responseObject{ID: id, Object: "response", CreatedAt: c.Began.Unix(), Status: inProgress, Model: c.Model, Output: []any{}, Tandem: &c}
	o.echo = echoOf(body.Parse([]byte("{}")).Object(), nil)
	return o, true
}

// deleteResponse drops a stored response.
func (a *API) deleteResponse(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, err := a.find(r.Context(), id); err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	if _, err := a.store.Delete(r.Context(), a.x.Caller(r.Context()).Name, id); err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	exchange.WriteJSON(w, http.StatusOK, map[string]any{"id": id, "object": "response", "deleted": true})
}

// cancelResponse ends a response that is being answered. One that has ended stays as it
// is.
func (a *API) cancelResponse(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if live, ok := a.live(r, id); ok && a.x.CancelFor(r.Context(), strings.TrimPrefix(id, responsePrefix)) {
		live.Status = "cancelled"
		exchange.WriteJSON(w, http.StatusOK, live)
		return
	}
	a.response(w, r)
}

// responseInput lists the items of a stored response's own request.
func (a *API) responseInput(w http.ResponseWriter, r *http.Request) {
	kept, err := a.find(r.Context(), r.PathValue("id"))
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	var items []map[string]any
	if err := json.Unmarshal(kept.Input, &items); err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	list := map[string]any{"object": "list", "data": items, "has_more": false, "first_id": nil, "last_id": nil}
	for i, item := range items {
		if _, ok := item["id"].(string); !ok {
			item["id"] = fmt.Sprintf("in_%s_%d", strings.TrimPrefix(kept.ID, responsePrefix), i)
		}
		if i == 0 {
			list["first_id"] = item["id"]
		}
		list["last_id"] = item["id"]
	}
	exchange.WriteJSON(w, http.StatusOK, list)
}

// inputTokens counts the tokens of a request.
func (a *API) inputTokens(w http.ResponseWriter, r *http.Request) {
	_, q, err := a.readResponse(r)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	n, failure := a.x.Count(r, q.Question)
	if failure != nil {
		Fail(w, failure)
		return
	}
	exchange.WriteJSON(w, http.StatusOK, map[string]any{"object": "response.input_tokens", "input_tokens": n.Tokens, "tandem": map[string]any{"exact": n.Exact, "provider": n.Provider}})
}
