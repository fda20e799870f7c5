package gateway_test

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/internal/store"
)

// The log has each call under the id that its reply tells, in the header and in the forms
// of the dialects, whole or streamed, answered or failed, and says that it was served.
func TestTheLogHasTheIDsOfReplies(t *testing.T) {
	e, state := gatewaytest.NewEngine(t), t.TempDir()
	s, err := stack.Open(stacktest.Load(t, fmt.Sprintf("use: [house]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n", e.URL), nil, nil), stack.Options{StateDir: state})
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Config{Stack: s, Chains: chainFolder(t)})
	srv := httptest.NewServer(g.Handler())
	defer srv.Close()
	replies := []struct {
		path, body string
		id         string // a pattern of the ids in the reply
		chain      string
	}{
		{"/v1/chat/completions", `{"model":"ok","messages":[{"role":"user","content":"a"}]}`, `chatcmpl-\w+`, ""},
		{"/v1/chat/completions", `{"model":"ok","stream":true,"messages":[{"role":"user","content":"b"}]}`, `chatcmpl-\w+`, ""},
		{"/v1/chat/completions", `{"model":"invalid","messages":[{"role":"user","content":"c"}]}`, ``, ""},
		{"/v1/chat/completions", `{"model":"chain:one","messages":[{"role":"user","content":"d"}]}`, `chatcmpl-\w+`, "one"},
		{"/v1/completions", `{"model":"ok","prompt":"e"}`, `cmpl-\w+`, ""},
		{"/v1/responses", `{"model":"ok","input":"f"}`, `(resp|message)_\w+`, ""},
		{"/v1/messages", `{"model":"ok","max_tokens":9,"messages":[{"role":"user","content":"g"}]}`, `msg_\w+`, ""},
		{"/api/chat", `{"model":"ok","messages":[{"role":"user","content":"h"}]}`, ``, ""},
		{"/api/chat", `{"model":"chain:one:latest","messages":[{"role":"user","content":"i"}]}`, ``, "one"},
		{"/api/generate", `{"model":"ok","prompt":"j","stream":false}`, ``, ""},
		{"/v1/embeddings", `{"model":"ok","input":["j"]}`, ``, ""},
		{"/v1/embeddings", `{"model":"invalid","input":["j"]}`, ``, ""},
		{"/api/embed", `{"model":"ok","input":["j"]}`, ``, ""},
		{"/api/embeddings", `{"model":"ok","prompt":"j"}`, ``, ""},
		{"/chains/one/invoke", `{"input":{"topic":"k"}}`, `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "one"},
		{"/chains/one/stream", `{"input":{"topic":"l"}}`, `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "one"},
	}
	ids := make([][]string, len(replies))
	for i, c := range replies {
		r := gatewaytest.Post(t, srv.URL+c.path, c.body)
		ids[i] = []string{r.Header.Get("X-Tandem-Id")}
		if c.id != "" {
			found := regexp.MustCompile(c.id).FindAllString(r.Body, -1)
			if len(found) == 0 {
				t.Errorf("%s: no id in %s", c.path, r.Body)
			}
			ids[i] = append(ids[i], found...)
		}
		for _, id := range ids[i] {
			if r := gatewaytest.Do(t, "GET", srv.URL+"/routes/"+id, ""); r.Status != 200 || !strings.Contains(r.Body, ids[i][0]) {
				t.Errorf("%s: the route of %s: %d %s", c.path, id, r.Status, r.Body)
			}
		}
	}
	_ = g.Close()
	s.Close()
	log := store.New(state)
	defer log.Close()
	for i, c := range replies {
		for _, id := range ids[i] {
			run, err := log.Run(t.Context(), exchange.CallID(id))
			if err != nil || run.Command != "serve" || run.Chain != c.chain || len(run.Calls) != 1 {
				t.Errorf("%s: %s: %+v, %v", c.path, id, run, err)
			}
		}
	}
}

// A call for vectors is in the log as others are: who made them, of which texts, and what
// they cost. The vectors are not kept, of many texts only the first, and none where no
// texts are to be kept.
func TestEmbeddingsAreLogged(t *testing.T) {
	const many = 2000
	for _, c := range []struct {
		log   string
		calls int
		texts []string
	}{{"full", 3, []string{"canary question", "canary passage"}}, {"meta", 3, nil}, {"off", 0, nil}} {
		t.Run(c.log, func(t *testing.T) {
			e, state := gatewaytest.NewEngine(t), t.TempDir()
			s, err := stack.Open(stacktest.Load(t, fmt.Sprintf("use: [house]\nretries: 0\nlog: %s\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true, price: {input: 2, output: 0}}\n", c.log, e.URL), nil, nil), stack.Options{StateDir: state})
			if err != nil {
				t.Fatal(err)
			}
			g := gateway.New(gateway.Config{Stack: s})
			srv := httptest.NewServer(g.Handler())
			defer srv.Close()
			var ids []string
			for _, body := range []string{
				`{"model":"ok","input":["canary question","canary passage"]}`,
				`{"model":"ok","input":["` + strings.Repeat(`0123456789","`, many-1) + `0123456789"]}`,
				`{"model":"invalid","input":["canary refused"]}`,
			} {
				ids = append(ids, gatewaytest.Post(t, srv.URL+"/v1/embeddings", body).Header.Get("X-Tandem-Id"))
			}
			_ = g.Close()
			s.Close()
			log := store.New(state)
			defer log.Close()
			var runs []store.Run
			for _, id := range ids {
				if run, err := log.Run(t.Context(), id); err == nil {
					runs = append(runs, run)
				}
			}
			if len(runs) != c.calls {
				t.Fatalf("%d of %d calls are in the log", len(runs), len(ids))
			}
			if c.calls == 0 {
				return
			}
			call := runs[0].Calls[0]
			var texts []string
			for _, m := range call.Asked.Messages {
				texts = append(texts, m.Text)
			}
			if em := call.Embedding; !slices.Equal(texts, c.texts) || em == nil || em.Texts != 2 || em.Bytes != 29 || em.Dimensions != 3 || call.Finish != "stop" || call.Route == nil || call.Route.Provider != "house" || call.Usage == nil || call.Route.Cost == nil {
				t.Errorf("%+v, %+v, texts %q", call, em, texts)
			}
			if em := runs[1].Calls[0].Embedding; em.Texts != many || em.Bytes != 10*many || c.texts != nil && len(runs[1].Calls[0].Asked.Messages) >= many {
				t.Errorf("%+v, with %d texts", em, len(runs[1].Calls[0].Asked.Messages))
			}
			if failed := runs[2].Calls[0]; failed.Error == nil || failed.Error.Kind != "invalid" || failed.Finish != "" || failed.Embedding.Dimensions != 0 {
				t.Errorf("%+v", failed)
			}
			for l, err := range log.Lines(t.Context(), store.Filter{Model: "ok"}) {
				if err != nil || l.Command != "serve" || l.Provider != "house" || l.USD == nil {
					t.Errorf("%+v, %v", l, err)
				}
			}
			for _, run := range runs {
				if record := fmt.Sprintf("%+v", run); c.log == "meta" && strings.Contains(record, "canary") {
					t.Errorf("it keeps %s", record)
				}
			}
		})
	}
}

// What is not an id of a reply stays as it is.
func TestCallID(t *testing.T) {
	id := store.NewID()
	for text, want := range map[string]string{
		id: id, id[:6]: id[:6], "": "", "chatcmpl-" + id: id, "resp_" + id: id, "message_" + id + "_0": id, "batch_req_" + id + "_12": id, "batch_" + id: id, exchange.UUID(id): id, strings.ToUpper(exchange.UUID(id)): id,
		"chatcmpl-": "chatcmpl-", "chatcmpl-" + id + "x": "chatcmpl-" + id + "x", "550e8400-e29b-41d4-a716-446655440000": "550e8400-e29b-41d4-a716-446655440000", "00000000-0000-0000-0000-000000000000": "00000000-0000-0000-0000-000000000000",
	} {
		if got := exchange.CallID(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int{id: 0, id + "_7": 7, "chatcmpl-" + id + "_12": 12, "batch_req_" + id + "_1": 1, "batch_" + id: 0, "x_7": 0} {
		if _, got := exchange.CallPart(text); got != want {
			t.Errorf("%q: part %d, want %d", text, got, want)
		}
	}
}
