package anthropic_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/anthropic"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// serve is the API in front of an engine.
func serve(t *testing.T, e *gatewaytest.Engine, cfg exchange.Config) (url string, x *exchange.Exchange) {
	t.Helper()
	x = gatewaytest.Exchange(gatewaytest.Stack(t, e, "ok"), cfg)
	mux := http.NewServeMux()
	a := anthropic.New(x)
	a.Register(mux)
	mux.HandleFunc("GET /v1/models", a.Models)
	mux.HandleFunc("GET /v1/models/{id...}", a.Model)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, x
}

const (
	path = "/v1/messages"
	chat = "/v1/chat/completions" // of the engine
)

func ask(model, more string) string {
	return `{"model":"` + model + `","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]` + more + `}`
}

type answer struct {
	ID, Type, Role, Model string
	Content               []struct {
		Type, Text, Thinking, Signature, ID, Name string
		Input                                     map[string]any
	}
	StopReason   string  `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
	Usage        struct {
		Input    int `json:"input_tokens"`
		Read     int `json:"cache_read_input_tokens"`
		Creation int `json:"cache_creation_input_tokens"`
		Output   int `json:"output_tokens"`
	}
	Tandem *exchange.Call
}

func decode[T any](t *testing.T, body string) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return out
}

// A whole answer is a message that says who gave it.
func TestMessage(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, x := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+path+"?beta=true", ask("anthropic/ok", ""))
	got := decode[answer](t, r.Body)
	if r.Status != 200 || got.Type != "message" || got.Role != "assistant" || got.Model != "ok" || len(got.Content) != 1 || got.Content[0].Text != "Hello there." || got.StopReason != "end_turn" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if got.Usage.Input != 8 || got.Usage.Read != 4 || got.Usage.Output != 5 {
		t.Errorf("usage %+v", got.Usage)
	}
	if c, ok := x.Lookup(r.Header.Get("X-Tandem-Id")); !ok || got.ID != "msg_"+c.ID || got.Tandem == nil || got.Tandem.Route == nil || r.Header.Get("X-Tandem-Target") != "house/ok" {
		t.Errorf("the call is kept as %+v", c)
	}
	if !strings.HasPrefix(r.Header.Get("request-id"), "req_") {
		t.Errorf("request-id is %q", r.Header.Get("request-id"))
	}
	if got := decode[answer](t, gatewaytest.Post(t, url+path, ask("length", "")).Body); got.StopReason != "max_tokens" {
		t.Errorf("%+v", got)
	}
	if got := decode[answer](t, gatewaytest.Post(t, url+path, ask("tool", tools)).Body); got.StopReason != "tool_use" || len(got.Content) != 1 || got.Content[0].Name != "weather" || got.Content[0].Input["city"] != "Paris" {
		t.Errorf("%+v", got)
	}
	thinks := decode[answer](t, gatewaytest.Post(t, url+path, ask("think", `,"thinking":{"type":"enabled","budget_tokens":1024}`)).Body)
	if len(thinks.Content) != 2 || thinks.Content[0].Thinking != "Let me see. " || thinks.Content[0].Signature == "" || thinks.Content[1].Text != "It is four." {
		t.Errorf("%+v", thinks)
	}
}

const tools = `,"tools":[{"name":"weather","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}]`

// A stream is the events of one message, and each block is closed before the next one.
func TestStream(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for _, c := range []struct {
		model, more string
		want        []string
	}{
		{"ok", "", []string{
			"message_start", `"type":"text","text":""`, `"text_delta","text":"Hello "`, `"text_delta","text":"there."`, "content_block_stop",
			`message_delta: `, "message_stop: ",
		}},
		{"think", `,"thinking":{"type":"enabled","budget_tokens":1024}`, []string{
			"message_start", `"type":"thinking","thinking":"","signature":""`, `"thinking_delta","thinking":"Let me see. "`, `"signature_delta","signature":"tandem.`, `content_block_stop: {"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`, `"It is four."`, `"index":1}`, "message_delta", "message_stop",
		}},
		{"think", "", []string{"ping", "message_start", `"type":"text","text":""`, `"It is four."`, "content_block_stop", "message_delta", "message_stop"}},
		{"tool", tools, []string{
			"message_start", `"type":"tool_use","id":"call_1","name":"weather","input":{}`, `"input_json_delta","partial_json":"{\"city\":\"Paris\"}"`,
			"content_block_stop", `"stop_reason":"tool_use"`, "message_stop",
		}},
		{"length", "", []string{"message_start", "content_block_start", `"It is"`, "content_block_stop", `"stop_reason":"max_tokens"`, "message_stop"}},
	} {
		r := gatewaytest.Post(t, url+path, ask(c.model, `,"stream":true`+c.more))
		events := gatewaytest.Events(r.Body)
		if len(events) != len(c.want) || r.Header.Get("Content-Type") != "text/event-stream" || r.Header.Get("X-Tandem-Target") != "house/"+c.model {
			t.Errorf("%s: %d events, %v: %s", c.model, len(events), r.Header, r.Body)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(events[i], want) {
				t.Errorf("%s: event %d is %s, want %s", c.model, i, events[i], want)
			}
		}
		end := events[len(events)-2]
		if !strings.Contains(end, `"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":5}`) || !strings.Contains(end, `"tandem":{`) {
			t.Errorf("%s ends with %s", c.model, end)
		}
	}
}

// Whatever fails before there is content is a reply of its own; what breaks off later
// ends in an error event, and never as if it were whole.
func TestFailures(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for _, c := range []struct {
		model, stream string
		status        int
		kind, code    string
		retry         string
	}{
		{"busy", "false", 429, "rate_limit_error", "rate_limited", "true"},
		{"busy", "true", 429, "rate_limit_error", "rate_limited", "true"},
		{"down", "false", 503, "api_error", "unavailable", ""},
		{"down", "true", 503, "api_error", "unavailable", ""},
		{"denied", "false", 403, "permission_error", "denied", "false"},
		{"denied", "true", 403, "permission_error", "denied", "false"},
		{"invalid", "false", 400, "invalid_request_error", "invalid", "false"},
		{"invalid", "true", 400, "invalid_request_error", "invalid", "false"},
		{"cutearly", "false", 503, "api_error", "", ""},
		{"cutearly", "true", 503, "api_error", "", ""},
		{"cut", "false", 502, "api_error", "truncated", "false"},
		{"cut", "true", 200, "api_error", "truncated", ""},
		{"nobody", "false", 404, "not_found_error", "model_not_found", "false"},
		{"nobody", "true", 404, "not_found_error", "model_not_found", "false"},
		{"empty", "false", 502, "api_error", "truncated", "false"},
		{"empty", "true", 502, "api_error", "truncated", "false"},
		{"badtool", "false", 502, "api_error", "bad_answer", "false"},
		{"badtool", "true", 502, "api_error", "bad_answer", "false"},
	} {
		r := gatewaytest.Post(t, url+path, ask(c.model, `,"metadata":{"user_id":"`+c.stream+`"},"stream":`+c.stream))
		body := r.Body
		if c.status == 200 {
			events := gatewaytest.Events(body)
			body = strings.TrimPrefix(events[len(events)-1], "error: ")
		}
		got := decode[struct {
			Type, RequestID string
			ID              string `json:"request_id"`
			Error           struct{ Type, Message, Code string }
		}](t, body)
		if r.Status != c.status || got.Type != "error" || got.Error.Type != c.kind || c.code != "" && got.Error.Code != c.code || got.Error.Message == "" || strings.Contains(r.Body, "message_stop") || strings.Contains(r.Body, "overloaded_error") {
			t.Errorf("%s, stream %s: %d %s", c.model, c.stream, r.Status, r.Body)
		}
		if got.ID == "" || got.ID != r.Header.Get("request-id") {
			t.Errorf("%s: request_id %q, header %q", c.model, got.ID, r.Header.Get("request-id"))
		}
		if c.retry != "" && r.Header.Get("X-Should-Retry") != c.retry {
			t.Errorf("%s: X-Should-Retry is %q", c.model, r.Header.Get("X-Should-Retry"))
		}
		if c.model == "busy" && r.Header.Get("Retry-After") != "7" {
			t.Errorf("Retry-After is %q", r.Header.Get("Retry-After"))
		}
	}
}

// While nothing comes, a stream sends pings, which bind to nothing.
func TestPing(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{Heartbeat: time.Millisecond})
	r := gatewaytest.Held(t, e, url+path, ask("hold", `,"stream":true`))
	events := gatewaytest.Events(r.Body)
	if events[0] != `ping: {"type":"ping"}` || !strings.Contains(r.Body, `"text":"there."`) || events[len(events)-1] != `message_stop: {"type":"message_stop"}` {
		t.Errorf("got %s", r.Body)
	}
	if at := strings.Index(r.Body, "message_start"); strings.Contains(r.Body[at:], "ping") {
		t.Errorf("a ping after the start: %s", r.Body)
	}
}

// A prompt that is too long for the model is said in the words that clients act on.
func TestTooLong(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, "use: [house]\nretries: 0\nproviders:\n- {name: house, kind: ollama, host: '"+e.URL+"', model: small, num_ctx: 50, managed: false}\n")
	x := gatewaytest.Exchange(s, exchange.Config{})
	mux := http.NewServeMux()
	anthropic.New(x).Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	long := `{"model":"tandem","max_tokens":100,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 400) + `"}]}`
	r := gatewaytest.Post(t, srv.URL+path, long)
	got := decode[struct {
		Error struct{ Type, Message string }
	}](t, r.Body)
	if r.Status != 400 || got.Error.Type != "invalid_request_error" || !strings.HasPrefix(got.Error.Message, "prompt is too long: about ") || !strings.Contains(got.Error.Message, " tokens > 50 maximum; ") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	// it can be counted all the same
	r = gatewaytest.Post(t, srv.URL+path+"/count_tokens", long)
	if n := decode[struct {
		Input     int `json:"input_tokens"`
		Estimated bool
	}](t, r.Body); r.Status != 200 || n.Input < 400 || !n.Estimated || !strings.Contains(r.Header.Get("X-Tandem-Notes"), "estimate") {
		t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
	}
}

// A count asks no model.
func TestCount(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	count := func(body string) gatewaytest.Reply { return gatewaytest.Post(t, url+path+"/count_tokens", body) }
	few := decode[struct {
		N int `json:"input_tokens"`
	}](t, count(ask("ok", "")).Body)
	many := decode[struct {
		N int `json:"input_tokens"`
	}](t, count(ask("ok", tools+`,"system":"`+strings.Repeat("You are kind. ", 50)+`"`)).Body)
	if few.N < 1 || many.N < few.N+100 {
		t.Errorf("%d and %d tokens", few.N, many.N)
	}
	if r := count(ask("nobody", "")); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := count(`{"messages":[]}`); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if len(e.Requests(chat)) > 0 {
		t.Error("a model was asked")
	}
}

// A prompt that has to stay is not sent to another machine to be counted.
func TestCountStays(t *testing.T) {
	for _, tc := range []struct {
		name, configured string
		header           []string
		asked            bool
	}{
		{name: "may leave", asked: true},
		{name: "header", header: []string{"X-Tandem-Privacy: local"}},
		{name: "configuration", configured: "privacy: local\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := gatewaytest.NewEngine(t)
			s := gatewaytest.Open(t, tc.configured+"use: [far]\nretries: 0\nproviders:\n- {name: far, kind: openai, base_url: '"+e.URL+"/v1', model: ok, local: false}\n")
			mux := http.NewServeMux()
			anthropic.New(gatewaytest.Exchange(s, exchange.Config{})).Register(mux)
			srv := httptest.NewServer(mux)
			t.Cleanup(srv.Close)
			r := gatewaytest.Do(t, http.MethodPost, srv.URL+path+"/count_tokens", ask("tandem", ""), tc.header...)
			asked := len(e.Requests("/tokenize"))+len(e.Requests("/apply-template")) > 0
			if asked != tc.asked {
				t.Errorf("asked: %v; %d %s", asked, r.Status, r.Body)
			}
		})
	}
}

// Claude Code is shown names that begin with anthropic/, and may ask for them.
func TestModels(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	type list struct {
		Data []struct {
			Type, ID, DisplayName string
			Created               time.Time `json:"created_at"`
		}
		HasMore bool   `json:"has_more"`
		First   string `json:"first_id"`
		Last    string `json:"last_id"`
	}
	get := func(query string, header ...string) list {
		r := gatewaytest.Do(t, http.MethodGet, url+"/v1/models"+query, "", append(header, "anthropic-version: 2023-06-01")...)
		if r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		return decode[list](t, r.Body)
	}
	all := get("?limit=1000")
	if len(all.Data) <= len(gatewaytest.Models) || all.HasMore || all.First != all.Data[0].ID || all.Last != all.Data[len(all.Data)-1].ID || all.First != "tandem" {
		t.Errorf("%+v", all)
	}
	for _, m := range all.Data {
		if m.Type != "model" || m.Created.IsZero() {
			t.Errorf("%+v", m)
		}
	}
	page := get("?limit=3&after_id=" + all.Data[1].ID)
	if len(page.Data) != 3 || !page.HasMore || page.First != all.Data[2].ID {
		t.Errorf("%+v", page)
	}
	page = get("?limit=3&before_id=" + all.Data[5].ID)
	if len(page.Data) != 3 || !page.HasMore || page.First != all.Data[2].ID || page.Last != all.Data[4].ID {
		t.Errorf("%+v", page)
	}
	for _, m := range get("?limit=1000", "User-Agent: claude-cli/2.1.197 (external, cli)").Data {
		if !strings.HasPrefix(m.ID, "anthropic/") {
			t.Errorf("Claude Code does not show %s", m.ID)
		}
	}
	for id, status := range map[string]int{"ok": 200, "anthropic/ok": 200, "house/ok": 200, "nobody": 404} {
		if r := gatewaytest.Do(t, http.MethodGet, url+"/v1/models/"+id, ""); r.Status != status || status == 404 && !strings.Contains(r.Body, "not_found_error") {
			t.Errorf("%s: %d %s", id, r.Status, r.Body)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=x", "?after_id=nobody"} {
		if r := gatewaytest.Do(t, http.MethodGet, url+"/v1/models"+query, ""); r.Status != 400 {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
}
