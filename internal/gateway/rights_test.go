package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// owned is what key a has made: a call that has ended, one in flight, a stored response,
// and one that is being answered. Every one has the word canary in its texts.
type owned struct {
	ended, live, response, answering string // ids
	e                                *gatewaytest.Engine
	g                                *gateway.Server
}

const canary = "canary-of-a"

func own(t *testing.T, url string, e *gatewaytest.Engine, g *gateway.Server, key string) *owned {
	t.Helper()
	o := &owned{e: e, g: g}
	chat := gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"`+canary+`"}]}`, key)
	o.ended = chat.Header.Get("X-Tandem-Id")
	var stored struct{ ID string }
	reply := gatewaytest.Post(t, url+"/v1/responses", `{"model":"echo","input":"`+canary+`"}`, key)
	if err := json.Unmarshal([]byte(reply.Body), &stored); err != nil || stored.ID == "" {
		t.Fatal(reply)
	}
	o.response = stored.ID
	for _, q := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"hang","stream":true,"messages":[{"role":"user","content":"` + canary + `"}]}`},
		{"/v1/responses", `{"model":"hang","stream":true,"input":"` + canary + `"}`},
	} {
		hang(t, url+q.path, q.body, key)
	}
	for len(g.Exchange().Live()) < 2 || o.live == "" || o.answering == "" {
		for _, c := range g.Exchange().Live() {
			switch {
			case c.State != exchange.Answering:
			case c.Path == "/v1/responses":
				o.answering = "resp_" + c.ID
			default:
				o.live = c.ID
			}
		}
		time.Sleep(time.Millisecond)
	}
	return o
}

// hang asks, and leaves at the test's end.
func hang(t *testing.T, url, body, key string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	name, value, _ := strings.Cut(key, ": ")
	req.Header.Set(name, value)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// ways are all the paths that could show or end what another caller has made. Those that
// every caller gets in the same way, such as the list of models, are here, too.
func (o *owned) ways() []way {
	responseBody := func(id string) string { return `{"model":"echo","input":"go on","previous_response_id":"` + id + `"}` }
	return []way{
		{"GET", "/routes/" + o.ended, "", 404},
		{"GET", "/routes/" + o.live, "", 404},
		{"GET", "/ui/api/state", "", 200},
		{"GET", "/ui/api/models", "", 200},
		{"POST", "/ui/api/calls/" + o.live + "/cancel", "{}", 404},
		{"POST", "/ui/api/calls/" + strings.TrimPrefix(o.answering, "resp_") + "/cancel", "{}", 404},
		{"GET", "/v1/responses/" + o.response, "", 404},
		{"GET", "/v1/responses/" + o.answering, "", 404},
		{"GET", "/v1/responses/" + o.response + "/input_items", "", 404},
		{"POST", "/v1/responses/" + o.response + "/cancel", "", 404},
		{"POST", "/v1/responses/" + o.answering + "/cancel", "", 404},
		{"DELETE", "/v1/responses/" + o.response, "", 404},
		{"POST", "/v1/responses", responseBody(o.response), 400},
		{"POST", "/v1/responses/input_tokens", responseBody(o.response), 400},
		{"POST", "/v1/responses", `{"model":"echo","input":[{"type":"item_reference","id":"msg_` + strings.TrimPrefix(o.response, "resp_") + `_0"}]}`, 400},
		{"GET", "/v1/models", "", 200},
		{"GET", "/api/tags", "", 200},
		{"GET", "/api/ps", "", 200},
		{"GET", "/chains/", "", 200},
		{"GET", "/metrics", "", 0},
		{"GET", "/readyz", "", 200},
		{"POST", "/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"mine"}]}`, 200},
	}
}

type way struct {
	method, path, body string
	status             int // of a stranger; 0: any
}

// A key sees and ends nothing of another key's, whichever path it takes and though it
// knows every id.
func TestKeysAreStrangers(t *testing.T) {
	const a, b = "Authorization: Bearer sk-a", "Authorization: Bearer sk-b"
	e := gatewaytest.NewEngine(t)
	url, g := guarded(t, gatewaytest.Stack(t, e, "ok"), keys{"sk-a": {Name: "caller-a"}, "sk-b": {Name: "caller-b"}}, io.Discard)
	o := own(t, url, e, g, a)
	for _, w := range o.ways() {
		r := gatewaytest.Do(t, w.method, url+w.path, w.body, b)
		if w.status != 0 && r.Status != w.status {
			t.Errorf("%s %s: %d, want %d: %s", w.method, w.path, r.Status, w.status, r.Body)
		}
		said := strings.ReplaceAll(r.Body, strings.TrimPrefix(strings.TrimPrefix(w.path, "/routes/"), "/v1/responses/"), "") // it may repeat what it was asked for
		for what, text := range map[string]string{"the text": canary, "the name": "caller-a", "the call": o.ended, "the call in flight": o.live} {
			if strings.Contains(said, text) {
				t.Errorf("%s %s shows %s: %s", w.method, w.path, what, r.Body)
			}
		}
	}
	state := gatewaytest.Do(t, http.MethodGet, url+"/ui/api/state", "", b).Body
	if !strings.Contains(state, `"counts":{"calls":1,`) || !strings.Contains(state, `"caller":"caller-b"`) {
		t.Errorf("b's own sums: %s", state)
	}
	if n := len(g.Exchange().Live()); n != 2 {
		t.Errorf("%d of a's calls are in flight, want 2", n)
	}
	for _, w := range []way{
		{"GET", "/routes/" + o.ended, "", 200},
		{"GET", "/routes/" + o.live, "", 200},
		{"GET", "/v1/responses/" + o.response, "", 200},
		{"GET", "/v1/responses/" + o.answering, "", 200},
		{"POST", "/v1/responses/" + o.answering + "/cancel", "", 200},
		{"POST", "/ui/api/calls/" + o.live + "/cancel", "{}", 200},
		{"DELETE", "/v1/responses/" + o.response, "", 200},
	} {
		if r := gatewaytest.Do(t, w.method, url+w.path, w.body, a); r.Status != w.status {
			t.Errorf("a itself, %s %s: %d %s", w.method, w.path, r.Status, r.Body)
		}
	}
	e.Left(t)
	e.Left(t)
}

// An operator's key sees the calls of all keys and cancels them, and reads no texts.
// Where no key exists, everybody on this machine is one caller.
func TestOperators(t *testing.T) {
	for name, callers := range map[string]keys{
		"an operator": {"sk-a": {Name: "caller-a"}, "sk-b": {Name: "caller-b", Operator: true}},
		"no keys":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			const a, b = "Authorization: Bearer sk-a", "Authorization: Bearer sk-b"
			e := gatewaytest.NewEngine(t)
			url, g := guarded(t, gatewaytest.Stack(t, e, "ok"), callers, io.Discard)
			o := own(t, url, e, g, a)
			for path, want := range map[string]string{"/routes/" + o.ended: o.ended, "/routes/" + o.live: o.live, "/ui/api/state": `"counts":{"calls":2,`} {
				if r := gatewaytest.Do(t, http.MethodGet, url+path, "", b); r.Status != http.StatusOK || !strings.Contains(r.Body, want) || strings.Contains(r.Body, canary) {
					t.Errorf("%s: %d %s", path, r.Status, r.Body)
				}
			}
			if r := gatewaytest.Do(t, http.MethodGet, url+"/v1/responses/"+o.response, "", b); r.Status != http.StatusNotFound && callers != nil {
				t.Errorf("the texts: %d %s", r.Status, r.Body)
			}
			if r := gatewaytest.Post(t, url+"/ui/api/calls/"+o.live+"/cancel", "{}", b); r.Status != http.StatusOK {
				t.Errorf("it cancels: %d %s", r.Status, r.Body)
			}
			e.Left(t)
		})
	}
}

// A question that failed for one key is not refused for another: that would tell that it
// was asked, and why it failed.
func TestStormsAreOnesOwn(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := guarded(t, gatewaytest.Stack(t, e, "ok"), keys{"sk-a": {Name: "a"}, "sk-b": {Name: "b"}}, io.Discard)
	ask := func(key string) string {
		return gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"cut","messages":[{"role":"user","content":"x"}]}`, "Authorization: Bearer "+key, "Session-Id: the same").Body
	}
	for range 2 {
		ask("sk-a")
	}
	if body := ask("sk-a"); !strings.Contains(body, exchange.CodeRepeated) {
		t.Errorf("a: %s", body)
	}
	if body := ask("sk-b"); strings.Contains(body, exchange.CodeRepeated) {
		t.Errorf("b: %s", body)
	}
}
