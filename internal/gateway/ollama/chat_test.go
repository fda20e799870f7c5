package ollama_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/ollama"
)

// serve is the API in front of an engine.
func serve(t *testing.T, e *gatewaytest.Engine, cfg exchange.Config) (url string, x *exchange.Exchange) {
	t.Helper()
	x = gatewaytest.Exchange(gatewaytest.Stack(t, e, "ok"), cfg)
	mux := http.NewServeMux()
	ollama.New(x).Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, x
}

const (
	upstream = "/v1/chat/completions"
	chat     = "/api/chat"
	generate = "/api/generate"
)

func ask(model, more string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"Hi"}]` + more + `}`
}

// object is a JSON object.
type object = map[string]any

func parse(t *testing.T, text string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

// at is what a path of names and indexes leads to.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(object)
			v = o[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// A whole answer has everything that Ollama's has, and who gave it.
func TestWhole(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, x := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+chat, ask("ok", `,"stream":false`))
	o := parse(t, r.Body)
	if r.Status != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		t.Fatalf("%d %s: %s", r.Status, r.Header.Get("Content-Type"), r.Body)
	}
	if at(o, "model") != "ok" || at(o, "message", "role") != "assistant" || at(o, "message", "content") != "Hello there." || at(o, "done") != true || at(o, "done_reason") != "stop" {
		t.Errorf("answered %s", r.Body)
	}
	if at(o, "prompt_eval_count") != 12.0 || at(o, "eval_count") != 5.0 || at(o, "prompt_eval_cached_count") != 4.0 {
		t.Errorf("counts of %s", r.Body)
	}
	for _, name := range []string{"total_duration", "prompt_eval_duration", "eval_duration"} {
		if n, ok := at(o, name).(float64); !ok || n < 0 {
			t.Errorf("%s is %v", name, at(o, name))
		}
	}
	if when, ok := at(o, "created_at").(string); !ok || !strings.HasSuffix(when, "Z") {
		t.Errorf("created_at is %v", at(o, "created_at"))
	}
	if at(o, "tandem", "provider") != "house" || r.Header.Get("X-Tandem-Target") != "house/ok" {
		t.Errorf("the route of %s", r.Body)
	}
	if c, ok := x.Lookup(r.Header.Get("X-Tandem-Id")); !ok || c.State != exchange.Answered || c.Dialect != "ollama" {
		t.Errorf("the call is kept as %+v", c)
	}
	r = gatewaytest.Post(t, url+generate, `{"model":"ok","prompt":"Hi","stream":false}`)
	if o := parse(t, r.Body); at(o, "response") != "Hello there." || at(o, "message") != nil || at(o, "done_reason") != "stop" {
		t.Errorf("generated %s", r.Body)
	}
}

// Ollama streams unless it is told not to: lines of which the last says that it is done.
func TestStream(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for _, c := range []struct{ path, body, text, thinking, reason string }{
		{chat, ask("ok", ""), "Hello there.", "", "stop"},
		{chat, ask("ok", `,"stream":true`), "Hello there.", "", "stop"},
		{chat, ask("think", `,"think":true`), "It is four.", "Let me see. ", "stop"},
		{chat, ask("length", ""), "It is", "", "length"},
		{generate, `{"model":"ok","prompt":"Hi"}`, "Hello there.", "", "stop"},
		{generate, `{"model":"think","prompt":"Hi"}`, "It is four.", "Let me see. ", "stop"},
		{generate, `{"model":"echo","prompt":"Hi","system":"Be terse."}`, "Hi", "", "stop"},
	} {
		r := gatewaytest.Post(t, url+c.path, c.body)
		if r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: the type is %s", c.body, r.Header.Get("Content-Type"))
		}
		lines := gatewaytest.Lines(r.Body)
		var text, thinking string
		for i, line := range lines {
			o := parse(t, line)
			from := any(o)
			content := "response"
			if c.path == chat {
				from, content = at(o, "message"), "content"
			}
			piece, ok := at(from, content).(string)
			if !ok {
				t.Errorf("%s: no text in %s", c.body, line)
			}
			text += piece
			piece, _ = at(from, "thinking").(string)
			thinking += piece
			if last := i == len(lines)-1; at(o, "done") != last || last != (at(o, "tandem", "id") != nil) || last != (at(o, "done_reason") != nil) {
				t.Errorf("%s: line %d is %s", c.body, i+1, line)
			}
		}
		if text != c.text || thinking != c.thinking || at(parse(t, lines[len(lines)-1]), "done_reason") != c.reason {
			t.Errorf("%s: got %s", c.body, r.Body)
		}
	}
}

// Tool calls and their arguments are objects; results go back to the call that they are
// for, which Ollama's clients name by the tool at most.
func TestTools(t *testing.T) {
	const tools = `,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+chat, ask("tool", tools))
	call := at(parse(t, gatewaytest.Lines(r.Body)[0]), "message", "tool_calls", 0, "function")
	if at(call, "name") != "weather" || at(call, "arguments", "city") != "Paris" {
		t.Errorf("called %s", r.Body)
	}
	turns := `{"model":"ok","messages":[{"role":"user","content":"Weather?"},
		{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Paris"}}},{"function":{"name":"time","arguments":{}}}]},
		{"role":"tool","tool_name":"time","content":"noon"},{"role":"tool","content":"rain"}]` + tools + `}`
	for range 2 { // the same bytes each time
		if r := gatewaytest.Post(t, url+chat, turns); r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	sent := e.Requests(upstream)
	last := sent[len(sent)-1]
	ids := map[any]any{}
	for i := range 2 {
		ids[at(last.Body, "messages", 1, "tool_calls", i, "id")] = at(last.Body, "messages", 1, "tool_calls", i, "function", "name")
	}
	if ids[at(last.Body, "messages", 2, "tool_call_id")] != "time" || ids[at(last.Body, "messages", 3, "tool_call_id")] != "weather" {
		t.Errorf("sent %s", last.Raw)
	}
	if string(last.Raw) != string(sent[len(sent)-2].Raw) {
		t.Errorf("the same question was sent as\n%s\n%s", last.Raw, sent[len(sent)-2].Raw)
	}
}

// Whatever fails before there is content is a reply of its own; what breaks off later
// ends in a line with the error, and never as if it were whole.
func TestFailures(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for _, path := range []string{chat, generate} {
		for _, c := range []struct {
			model, stream string
			status        int
			text          string
		}{
			{"busy", "false", 429, "rate limited"},
			{"busy", "true", 429, "rate limited"},
			{"down", "true", 503, "unavailable"},
			{"down", "false", 503, "unavailable"},
			{"denied", "true", 403, "denied"},
			{"invalid", "false", 400, "invalid"},
			{"invalid", "true", 400, "invalid"},
			{"cutearly", "true", 503, ""},
			{"cut", "false", 502, "truncated"},
			{"cut", "true", 200, "truncated"},
			{"nobody", "true", 404, "model 'nobody' not found"},
			{"nobody", "false", 404, "model 'nobody' not found"},
			{"badtool", "true", 502, "bad answer"},
			{"badtool", "false", 502, "bad answer"},
		} {
			body := ask(c.model, `,"stream":`+c.stream)
			if path == generate {
				body = `{"model":"` + c.model + `","prompt":"Hi","stream":` + c.stream + `}`
			}
			r := gatewaytest.Post(t, url+path, body, "X-Session-Id: "+path+c.stream)
			lines := gatewaytest.Lines(r.Body)
			o := parse(t, lines[len(lines)-1])
			text, _ := at(o, "error").(string)
			if r.Status != c.status || text == "" || !strings.Contains(text, c.text) || strings.Contains(r.Body, `"done":true`) {
				t.Errorf("%s %s, stream %s: %d %s", path, c.model, c.stream, r.Status, r.Body)
			}
			if c.model == "busy" && r.Header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After is %q", r.Header.Get("Retry-After"))
			}
		}
	}
}

// A client that leaves ends the call upstream.
func TestClientLeaves(t *testing.T) {
	for _, model := range []string{"hang", "silent"} {
		e := gatewaytest.NewEngine(t)
		url, x := serve(t, e, exchange.Config{})
		gatewaytest.Leaves(t, e, x, url+chat, model, ask(model, ""))
	}
}

// While nothing comes, a stream has empty messages, which say nothing of an answer.
func TestHeartbeat(t *testing.T) {
	for _, c := range []struct{ path, body, empty string }{
		{chat, ask("hold", ""), `"message":{"role":"assistant","content":""},"done":false`},
		{generate, `{"model":"hold","prompt":"Hi"}`, `"response":"","done":false`},
	} {
		e := gatewaytest.NewEngine(t)
		url, _ := serve(t, e, exchange.Config{Heartbeat: time.Millisecond})
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url+c.path, strings.NewReader(c.body))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 4096)
		n, _ := res.Body.Read(first) // comes while the engine is silent
		if !strings.Contains(string(first[:n]), c.empty) {
			t.Errorf("%s: begins with %s", c.path, first[:n])
		}
		close(e.Release)
		var rest strings.Builder
		buf := make([]byte, 4096)
		for err == nil {
			n, err = res.Body.Read(buf)
			rest.Write(buf[:n])
		}
		_ = res.Body.Close()
		if !strings.Contains(rest.String(), "there.") || !strings.Contains(rest.String(), `"done":true`) {
			t.Errorf("%s: goes on with %s", c.path, rest.String())
		}
	}
}

// Bad input is refused with its place, and nothing is asked.
func TestBadInput(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for body, want := range map[string]string{
		"":                               "the body is empty",
		"{":                              "line 1, column 2: the JSON is cut short",
		"[]":                             "has to be an object, not an array",
		`{"messages":[]} {}`:             "line 1, column 17: the body has more",
		"{\"model\":\"\xff\"}":           "not UTF-8",
		`{"model":5,"messages":[]}`:      "model: it has to be a string, not a number",
		`{"model":"ok","messages":"hi"}`: "messages: it has to be an array, not a string",
		`{"model":"ok","model":"ok"}`:    "model: it comes twice",
		ask("ok", `,"options":{"temperature":"hot"}`):                                                     "options.temperature: it has to be a number, not a string",
		ask("ok", `,"options":{"num_ctx":0}`):                                                             "options.num_ctx: it has to be from 1",
		ask("ok", `,"options":[]`):                                                                        "options: it has to be an object, not an array",
		ask("ok", `,"stream":"no"`):                                                                       "stream: it has to be a boolean, not a string",
		ask("ok", `,"format":"xml"`):                                                                      "format: it has to be json or a JSON Schema",
		ask("ok", `,"think":"hard"`):                                                                      "think: it has to be true, false",
		ask("ok", `,"keep_alive":"soon"`):                                                                 "keep_alive: it has to be a number of seconds or a duration",
		ask("ok", `,"logprobs":true`):                                                                     "unsupported parameter logprobs",
		ask("ok", `,"tools":[{"type":"web_search"}]`):                                                     "tools[0].type: a tool has to be of type function",
		`{"messages":[{"role":"user","content":"a"},{"role":"robot","content":"b"}]}`:                     "messages[1].role: it has to be system",
		`{"messages":[{"role":"user","content":[{"type":"text"}]}]}`:                                      "messages[0].content: it has to be a string, not an array",
		`{"messages":[{"role":"user","content":"a","images":["%%"]}]}`:                                    "messages[0].images[0]: an image has to be the data of its file in base64",
		`{"messages":[{"role":"user","content":""}]}`:                                                     "messages: none of them has a text",
		`{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":{}}}]}]}`:                "messages[0].tool_calls[0].function.name: it is missing",
		`{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":["a"]}}]}]}`:  "arguments: it has to be an object, not an array",
		`{"messages":[{"role":"system","content":"a","images":["aGk="]},{"role":"user","content":"hi"}]}`: "messages[0].images: images go with messages of the user only",
	} {
		r := gatewaytest.Post(t, url+chat, body)
		text, _ := at(parse(t, r.Body), "error").(string)
		if r.Status != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", body, r.Status, r.Body, want)
		}
	}
	for more, want := range map[string]string{
		`,"raw":1`: "raw: it has to be a boolean, not a number", `,"suffix":[]`: "suffix: it has to be a string, not an array", `,"template":{}`: "template: it has to be a string, not an object",
		`,"context":[1,2]`: "unsupported parameter context",
	} {
		r := gatewaytest.Post(t, url+generate, `{"model":"ok","prompt":"a"`+more+`}`)
		if r.Status != 400 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %s", more, r.Status, r.Body)
		}
	}
	if len(e.Requests(upstream)) > 0 {
		t.Error("something was asked")
	}
}
