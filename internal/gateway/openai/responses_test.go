package openai_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
	"github.com/tandem-llm/tandem/internal/stack"
)

const responses = "/v1/responses"

// serveStack is the API of a stack.
func serveStack(t *testing.T, s *stack.Stack, cfg exchange.Config) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	openai.New(gatewaytest.Exchange(s, cfg), responsestore.New(responsestore.Config{Dir: t.TempDir()})).Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func respond(model, more string) string { return `{"model":"` + model + `","input":"Hi"` + more + `}` }

// sent are the messages that the engine got with the last question.
func sent(t *testing.T, e *gatewaytest.Engine) string {
	t.Helper()
	all := e.Requests(chat)
	if len(all) == 0 {
		t.Fatal("nothing was asked")
	}
	raw, _ := json.Marshal(all[len(all)-1].Body["messages"])
	return string(raw)
}

// A whole response has its items, and what it was used.
func TestResponse(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for model, want := range map[string][]string{
		"ok":     {`"object":"response"`, `"status":"completed"`, `"output":[{"id":"msg_`, `"type":"output_text","text":"Hello there."`, `"input_tokens":12,"input_tokens_details":{"cached_tokens":4}`, `"tandem":{`},
		"think":  {`"output":[{"id":"rs_`, `"summary":[{"type":"summary_text","text":"Let me see. "}]`, `"text":"It is four."`},
		"tool":   {`"output":[{"id":"fc_`, `"type":"function_call"`, `"call_id":"call_1","name":"weather","arguments":"{\"city\":\"Paris\"}"`},
		"length": {`"status":"incomplete"`, `"incomplete_details":{"reason":"max_output_tokens"}`, `"status":"incomplete","role":"assistant"`},
	} {
		r := gatewaytest.Post(t, url+responses, respond(model, `,"tools":[{"type":"function","name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]`))
		at := 0
		for _, w := range want {
			i := strings.Index(r.Body[at:], w)
			if i < 0 {
				t.Errorf("%s: %d, no %s after byte %d of %s", model, r.Status, w, at, r.Body)
				break
			}
			at += i
		}
	}
}

// A stream has the events of OpenAI's, numbered, and nothing before there is content.
func TestResponseStream(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	message := "response.output_item.added response.content_part.added response.output_text.delta response.output_text.delta response.output_text.done response.content_part.done response.output_item.done "
	for model, want := range map[string]string{
		"ok": message + "response.completed",
		"think": "response.output_item.added response.reasoning_summary_part.added response.reasoning_summary_text.delta response.reasoning_summary_text.done response.reasoning_summary_part.done response.output_item.done " +
			strings.Replace(message, "response.output_text.delta ", "", 1) + "response.completed",
		"tool":   "response.output_item.added response.function_call_arguments.delta response.function_call_arguments.done response.output_item.done response.completed",
		"length": strings.Replace(message, "response.output_text.delta ", "", 1) + "response.incomplete",
	} {
		r := gatewaytest.Post(t, url+responses, respond(model, `,"stream":true,"tools":[{"type":"function","name":"weather"}]`))
		var names []string
		for i, ev := range gatewaytest.Events(r.Body) {
			name, data, _ := strings.Cut(ev, ": ")
			var got struct {
				Type     string
				Sequence *int `json:"sequence_number"`
			}
			if err := json.Unmarshal([]byte(data), &got); err != nil || got.Type != name || got.Sequence == nil || *got.Sequence != i {
				t.Errorf("%s: event %d is %s (%v)", model, i, ev, err)
			}
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != "response.created response.in_progress "+want {
			t.Errorf("%s: %s", model, got)
		}
		if !strings.Contains(r.Body, `"tandem":{`) || r.Header.Get("X-Tandem-Target") != "house/"+model {
			t.Errorf("%s: nobody says who answered: %s", model, r.Body)
		}
	}
}

// Whatever fails before there is content is a reply of its own; what breaks off later
// ends in response.failed.
func TestResponseFailures(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for _, c := range []struct {
		model, stream string
		status        int
		code          string
	}{
		{"busy", "false", 429, "rate_limit_exceeded"},
		{"busy", "true", 429, "rate_limit_exceeded"},
		{"down", "true", 503, "unavailable"},
		{"denied", "true", 403, "denied"},
		{"invalid", "false", 400, "invalid"},
		{"cutearly", "true", 503, ""},
		{"cut", "false", 502, "truncated"},
		{"cut", "true", 200, "truncated"},
		{"nobody", "true", 404, "model_not_found"},
		{"badtool", "true", 502, "bad_answer"},
	} {
		r := gatewaytest.Post(t, url+responses, respond(c.model, `,"user":"`+c.stream+`","stream":`+c.stream))
		if r.Status != c.status || c.code != "" && !strings.Contains(r.Body, `"code":"`+c.code+`"`) || strings.Contains(r.Body, "response.completed") {
			t.Errorf("%s, stream %s: %d %s", c.model, c.stream, r.Status, r.Body)
		}
		if r.Status == 200 {
			events := gatewaytest.Events(r.Body)
			if n := len(events); !strings.HasPrefix(events[n-2], "response.failed: ") || !strings.HasPrefix(events[n-1], "error: ") || !strings.Contains(events[n-2], `"status":"failed","background":false,"error":{"code":"truncated"`) {
				t.Errorf("%s ends with %v", c.model, events[n-2:])
			}
		}
	}
}

// While nothing comes, a stream says that it is alive, and binds itself to nothing.
func TestResponseHeartbeat(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{Heartbeat: time.Millisecond})
	r := gatewaytest.Held(t, e, url+responses, respond("hold", `,"stream":true`))
	events := gatewaytest.Events(r.Body)
	if !strings.HasPrefix(events[0], "response.in_progress: ") || strings.Index(r.Body, "response.created") > strings.Index(r.Body, "response.output_item.added") || !strings.HasPrefix(events[len(events)-1], "response.completed: ") {
		t.Errorf("got %s", r.Body)
	}
}

// Items become the messages that a model is asked with.
func TestResponseInput(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for name, c := range map[string]struct{ items, want string }{
		"roles":     {`[{"role":"developer","content":"B"},{"type":"message","role":"user","content":[{"type":"input_text","text":"C"}]}]`, `[{"content":"A\n\nB","role":"system"},{"content":"C","role":"user"}]`},
		"answered":  {`[{"role":"user","content":"C"},{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"D","annotations":[]}]},{"role":"user","content":"E"}]`, `[{"content":"A","role":"system"},{"content":"C","role":"user"},{"content":"D","role":"assistant"},{"content":"E","role":"user"}]`},
		"calls":     {`[{"role":"user","content":"C"},{"type":"reasoning","summary":[{"type":"summary_text","text":"T"}]},{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"},{"type":"function_call","call_id":"c2","name":"g","arguments":""},{"type":"function_call_output","call_id":"c1","output":"R"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"S"}]}]`, `"tool_calls":[{"function":{"arguments":"{\"a\":1}","name":"f"},"id":"c1","type":"function"},{"function":{"arguments":"{}","name":"g"},"id":"c2","type":"function"}]},{"content":"R","role":"tool","tool_call_id":"c1"},{"content":"S","role":"tool","tool_call_id":"c2"}]`},
		"image":     {`[{"role":"user","content":[{"type":"input_text","text":"C"},{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}]`, `"image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}`},
		"seen":      {`[{"role":"user","content":"C"},{"type":"function_call","call_id":"c1","name":"see","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]},{"type":"function_call_output","call_id":"c2","output":"R"}]`, `{"content":"R","role":"tool","tool_call_id":"c2"},{"content":[{"text":"The images`},
		"others":    {`[{"role":"user","content":"C"},{"type":"web_search_call","id":"ws_1"},{"type":"custom_tool_call","call_id":"c1","name":"patch","input":"*** x"},{"type":"custom_tool_call_output","call_id":"c1","output":"R"}]`, `"arguments":"{\"input\":\"*** x\"}"`},
		"namespace": {`[{"role":"user","content":"C"},{"type":"function_call","call_id":"c1","namespace":"mcp__fs","name":"read","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"R"}]`, `"name":"mcp__fs__read"`},
	} {
		r := gatewaytest.Post(t, url+responses, `{"model":"ok","store":false,"instructions":"A","input":`+c.items+`}`)
		if r.Status != 200 || !strings.Contains(sent(t, e), c.want) {
			t.Errorf("%s: %d %s\nsent %s", name, r.Status, r.Body, sent(t, e))
		}
	}
}

// Tools that do not run here are left out and named; those of a namespace keep it.
func TestResponseTools(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	tools := `[{"type":"namespace","name":"mcp__fs","tools":[{"type":"function","name":"read","parameters":{"type":"object","properties":{"city":{}}}}]},{"type":"web_search"},{"type":"custom","name":"apply_patch","format":{"type":"grammar"}},{"type":"image_generation"},{"type":"mcp","server_label":"x"}]`
	r := gatewaytest.Post(t, url+responses, respond("tool", `,"tools":`+tools))
	if !strings.Contains(r.Body, `"name":"read","namespace":"mcp__fs"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if got := r.Header.Get("X-Tandem-Ignored"); got != "tools[1] (web_search), tools[2] (custom apply_patch), tools[3] (image_generation), tools[4] (mcp)" {
		t.Errorf("ignored %q", got)
	}
	if raw := string(e.Requests(chat)[0].Raw); !strings.Contains(raw, `"name":"mcp__fs__read"`) || strings.Contains(raw, "apply_patch") {
		t.Errorf("asked %s", raw)
	}
	for choice, want := range map[string]string{
		`{"type":"custom","name":"apply_patch"}`:                "does not run here",
		`{"type":"web_search"}`:                                 "does not run here",
		`{"type":"function","name":"nothing"}`:                  "there is no function",
		`"never"`:                                               "tool_choice: it has to be auto",
		`{"type":"allowed_tools","mode":"required","tools":[]}`: "no function among the tools",
	} {
		if r := gatewaytest.Post(t, url+responses, respond("ok", `,"tools":`+tools+`,"tool_choice":`+choice)); r.Status != 400 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %s", choice, r.Status, r.Body)
		}
	}
}

var idOf = regexp.MustCompile(`"id":"(resp_[0-9a-z]+)"`)

// A stored response is gone on with, told, and dropped; one that is not to be is not.
func TestResponseStored(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	first := gatewaytest.Post(t, url+responses, `{"model":"ok","input":"One","instructions":"Be brief."}`)
	id := idOf.FindStringSubmatch(first.Body)[1]
	second := gatewaytest.Post(t, url+responses, `{"model":"ok","input":"Two","stream":true,"previous_response_id":"`+id+`"}`)
	if got := sent(t, e); got != `[{"content":"One","role":"user"},{"content":"Hello there.","role":"assistant"},{"content":"Two","role":"user"}]` {
		t.Errorf("asked %s", got)
	}
	next := idOf.FindStringSubmatch(second.Body)[1]
	gatewaytest.Post(t, url+responses, `{"model":"ok","input":"Three","previous_response_id":"`+next+`"}`)
	if got := sent(t, e); strings.Count(got, "Hello there.") != 2 || !strings.HasSuffix(got, `{"content":"Three","role":"user"}]`) {
		t.Errorf("asked %s", got)
	}
	item := regexp.MustCompile(`msg_[0-9a-z]+_0`).FindString(first.Body)
	gatewaytest.Post(t, url+responses, `{"model":"ok","input":[{"role":"user","content":"One"},{"type":"item_reference","id":"`+item+`"},{"role":"user","content":"Four"}]}`)
	if got := sent(t, e); !strings.Contains(got, `{"content":"Hello there.","role":"assistant"},{"content":"Four"`) {
		t.Errorf("a reference is asked as %s", got)
	}
	if r := gatewaytest.Do(t, "GET", url+responses+"/"+id, ""); r.Status != 200 || !strings.Contains(r.Body, "Hello there.") || !strings.Contains(r.Body, `"id":"`+id) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Do(t, "GET", url+responses+"/"+id+"/input_items", ""); r.Status != 200 || !strings.Contains(r.Body, `"content":"One"`) || !strings.Contains(r.Body, `"has_more":false`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Post(t, url+responses+"/"+id+"/cancel", ""); r.Status != 200 || !strings.Contains(r.Body, `"status":"completed"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Do(t, "DELETE", url+responses+"/"+id, ""); r.Status != 200 || !strings.Contains(r.Body, `"deleted":true`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Do(t, "GET", url+responses+"/"+id, ""); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	asked := len(e.Requests(chat))
	if r := gatewaytest.Post(t, url+responses, `{"model":"ok","input":"Two","previous_response_id":"`+next+`"}`); r.Status != 400 || !strings.Contains(r.Body, "previous_response_not_found") || len(e.Requests(chat)) != asked {
		t.Errorf("goes on without its beginning: %d %s", r.Status, r.Body)
	}
	off := gatewaytest.Post(t, url+responses, respond("ok", `,"store":false`))
	if r := gatewaytest.Do(t, "GET", url+responses+"/"+idOf.FindStringSubmatch(off.Body)[1], ""); r.Status != 404 || !strings.Contains(off.Body, `"store":false`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Nothing is stored where the log has no texts, and that is said.
func TestResponsesNotStored(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	for _, log := range []string{"meta", "off"} {
		s := gatewaytest.Open(t, "use: [house]\nlog: "+log+"\nproviders:\n- {name: house, kind: openai, base_url: '"+e.URL+"/v1', model: ok, local: true}\n")
		url := serveStack(t, s, exchange.Config{})
		r := gatewaytest.Post(t, url+responses, respond("ok", `,"store":true`))
		if !strings.Contains(r.Body, `"store":false`) {
			t.Errorf("%s", r.Body)
		}
		if r := gatewaytest.Do(t, "GET", url+responses+"/"+idOf.FindStringSubmatch(r.Body)[1], ""); r.Status != 404 || !strings.Contains(r.Body, "log: full") {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
}

// A conversation that had to stay on this machine has to stay when it goes on.
func TestResponseStaysPrivate(t *testing.T) {
	here, away := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, "use: [here, away]\nretries: 0\nproviders:\n- {name: here, kind: openai, base_url: '"+here.URL+"/v1', model: ok, local: true}\n- {name: away, kind: openai, base_url: '"+away.URL+"/v1', model: cut}\n")
	url := serveStack(t, s, exchange.Config{})
	first := gatewaytest.Post(t, url+responses, `{"model":"ok","input":"canary"}`, "X-Tandem-Privacy: local")
	r := gatewaytest.Post(t, url+responses, `{"model":"away/think","input":"Two","previous_response_id":"`+idOf.FindStringSubmatch(first.Body)[1]+`"}`)
	if r.Status != 403 || len(away.Requests(chat)) > 0 {
		t.Errorf("%d %s, sent away %d times", r.Status, r.Body, len(away.Requests(chat)))
	}
}

// Limits that come in several lines of one header all hold, and an empty one is not a limit
// that was left out.
func TestEachLineOfAHeaderForbids(t *testing.T) {
	here, away := gatewaytest.NewEngine(t), gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, "use: [here, away]\nretries: 0\nproviders:\n- {name: here, kind: openai, base_url: '"+here.URL+"/v1', model: ok, local: true}\n- {name: away, kind: openai, base_url: '"+away.URL+"/v1', model: ok}\n")
	url := serveStack(t, s, exchange.Config{})
	for _, headers := range [][]string{
		{"X-Tandem-Privacy: any", "X-Tandem-Privacy: local"},
		{"X-Tandem-Privacy: local", "X-Tandem-Privacy: any"},
		{"X-Tandem-Use: away", "X-Tandem-Use: here"},
		{"X-Tandem-Use: here", "X-Tandem-Use: away"},
		{"X-Tandem-Use: "},
	} {
		if r := gatewaytest.Post(t, url+responses, `{"model":"away/think","input":"canary"}`, headers...); r.Status < 400 || len(away.Requests(chat)) > 0 {
			t.Errorf("%v: %d %s", headers, r.Status, r.Body)
		}
	}
}

// A conversation that goes on by an id is no longer than one that comes in a body: what the
// turns are is read no further.
func TestAStoredConversationIsBounded(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	store := responsestore.New(responsestore.Config{Dir: t.TempDir()})
	defer store.Close()
	previous := ""
	for i := range 4 {
		one := &responsestore.Response{ID: fmt.Sprint("resp_", i), Previous: previous, Input: []byte("[" + strings.Repeat(" ", 20<<20) + "]"), Output: []byte("[]"), Object: []byte("{}"), Created: time.Now()}
		if err := store.Put(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		previous = one.ID
	}
	mux := http.NewServeMux()
	openai.New(gatewaytest.Exchange(gatewaytest.Stack(t, e, "ok"), exchange.Config{}), store).Register(mux)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for id, status := range map[string]int{"resp_1": 200, "resp_3": 400} {
		r := gatewaytest.Post(t, srv.URL+responses, respond("ok", `,"previous_response_id":"`+id+`"`))
		if r.Status != status || status == 400 && !strings.Contains(r.Body, "more than 64 MiB") {
			t.Errorf("%s: %d %s", id, r.Status, r.Body)
		}
	}
}

// Tokens are counted without a generation.
func TestResponseInputTokens(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+responses+"/input_tokens", respond("ok", ""))
	if r.Status != 200 || !strings.Contains(r.Body, `"object":"response.input_tokens"`) || strings.Contains(r.Body, `"input_tokens":0`) || len(e.Requests(chat)) > 0 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Bad input is refused with its place, and nothing is asked.
func TestResponseBadInput(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for body, want := range map[string]string{
		`{"model":"ok"}`:                            "input: it is missing",
		`{"model":"ok","input":[]}`:                 "input: it is empty",
		`{"model":"ok","input":""}`:                 "input: it is empty",
		`{"model":"ok","input":[5]}`:                "input[0]: it has to be an object, not a number",
		`{"model":"ok","input":5}`:                  "input: it has to be an array, not a number",
		`{"model":"ok","input":[{"type":"robot"}]}`: "input[0].type: an item of type",
		`{"model":"ok","input":[{"role":"user"}]}`:  "input[0].content: it is missing",
		`{"model":"ok","input":[{"role":"user","content":[{"type":"input_file"}]}]}`:                 "input[0].content[0].type: a content part of type",
		`{"model":"ok","input":[{"type":"function_call_output","output":"x"}]}`:                      "input[0].call_id: it is missing",
		`{"model":"ok","input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{"}]}`: "input[0].arguments: it has to be JSON",
		`{"model":"ok","input":[{"type":"item_reference","id":"msg_1"}]}`:                            "input[0].id: there is no item",
		respond("ok", `,"previous_response_id":"resp_1"`):                                            "there is no response",
		respond("ok", `,"text":{"format":{"type":"xml"}}`):                                           "text.format.type: it has to be text",
		respond("ok", `,"text":{"format":{"type":"json_schema"}}`):                                   "text.format.schema: it is missing",
		respond("ok", `,"reasoning":{"effort":"huge"}`):                                              "reasoning.effort: it has to be",
		respond("ok", `,"max_output_tokens":0`):                                                      "max_output_tokens: it has to be from 1",
		respond("ok", `,"background":true`):                                                          "unsupported parameter background",
		respond("ok", `,"conversation":"c"`):                                                         "unsupported parameter conversation",
		respond("ok", `,"tools":[{"name":"f"}]`):                                                     "tools[0].type: it is missing",
		respond("ok", `,"tools":[{"type":"function"}]`):                                              "tools[0].name: it is missing",
	} {
		r := gatewaytest.Post(t, url+responses, body)
		var got struct {
			Error struct{ Message, Type string }
		}
		if err := json.Unmarshal([]byte(r.Body), &got); err != nil {
			t.Errorf("%s: %v", r.Body, err)
		}
		if r.Status != 400 || !strings.Contains(got.Error.Message, want) || got.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %d %s, want %s", body, r.Status, r.Body, want)
		}
	}
	if len(e.Requests(chat)) > 0 {
		t.Error("something was asked")
	}
}

// What no provider can honour is an error that names the parameter as the API does.
func TestUnsupportedNamesItsParameter(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, "use: [house]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '"+e.URL+"/v1', model: ok, local: true, compat: {schema: prompt}}\n")
	url := serveStack(t, s, exchange.Config{})
	schema := `{"type":"json_schema","name":"a","strict":true,"schema":{"type":"object","properties":{},"additionalProperties":false}}`
	r := gatewaytest.Post(t, url+responses, respond("ok", `,"text":{"format":`+schema+`}`))
	if r.Status != 400 || !strings.Contains(r.Body, `"param":"text.format","code":"unsupported_parameter"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
