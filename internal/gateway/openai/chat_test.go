package openai_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
)

// serve is the API in front of an engine.
func serve(t *testing.T, e *gatewaytest.Engine, cfg exchange.Config) (url string, x *exchange.Exchange) {
	t.Helper()
	x = gatewaytest.Exchange(gatewaytest.Stack(t, e, "ok"), cfg)
	mux := http.NewServeMux()
	api := openai.New(x, responsestore.New(responsestore.Config{Dir: t.TempDir()}))
	api.Register(mux)
	mux.HandleFunc("GET /v1/models", api.Models)
	mux.HandleFunc("GET /v1/models/{id...}", api.Model)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, x
}

const chat = "/v1/chat/completions"

func ask(model, more string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"Hi"}]` + more + `}`
}

// A whole answer says who gave it.
func TestChat(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, x := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+chat, ask("ok", ""))
	var got struct {
		ID, Object, Model string
		Choices           []struct {
			Message      struct{ Role, Content string }
			FinishReason string `json:"finish_reason"`
		}
		Usage struct {
			PromptTokens int `json:"prompt_tokens"`
			Total        int `json:"total_tokens"`
			Details      struct {
				Cached int `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil || r.Status != 200 {
		t.Fatalf("%d %v: %s", r.Status, err, r.Body)
	}
	if got.Object != "chat.completion" || got.Model != "ok" || got.Choices[0].Message.Content != "Hello there." || got.Choices[0].FinishReason != "stop" {
		t.Errorf("answered %s", r.Body)
	}
	if got.Usage.PromptTokens != 12 || got.Usage.Total != 17 || got.Usage.Details.Cached != 4 {
		t.Errorf("usage %+v", got.Usage)
	}
	for name, want := range map[string]string{
		"X-Tandem-Target": "house/ok", "X-Tandem-Reason": "first choice", "X-Tandem-Local": "true", "X-Tandem-Attempts": "house=answered",
	} {
		if have := r.Header.Get(name); !strings.HasPrefix(have, want) {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	c, ok := x.Lookup(r.Header.Get("X-Tandem-Id"))
	if !ok || c.State != exchange.Answered || c.Route == nil || c.Route.Provider != "house" {
		t.Errorf("the call is kept as %+v", c)
	}
}

// A stream has the role, the content, why it ended, and who answered with the end.
func TestChatStream(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for model, want := range map[string][]string{
		"ok":     {`"role":"assistant"`, `"content":"Hello "`, `"content":"there."`, `"finish_reason":"stop"`, `"tandem":{`, `"usage":{"prompt_tokens":12`},
		"think":  {`"reasoning":"Let me see. ","reasoning_content":"Let me see. "`, `"content":"It is four."`, `"finish_reason":"stop"`},
		"length": {`"finish_reason":"length"`},
	} {
		r := gatewaytest.Post(t, url+chat, ask(model, `,"stream":true,"stream_options":{"include_usage":true}`))
		events := gatewaytest.Events(r.Body)
		at := 0
		for _, w := range want {
			i := strings.Index(r.Body[at:], w)
			if i < 0 {
				t.Errorf("%s: no %s after byte %d of %s", model, w, at, r.Body)
				break
			}
			at += i
		}
		if events[len(events)-1] != "[DONE]" || r.Header.Get("X-Tandem-Target") != "house/"+model {
			t.Errorf("%s: ends with %q, target %q", model, events[len(events)-1], r.Header.Get("X-Tandem-Target"))
		}
	}
}

// Whatever fails before there is content is a reply of its own; what breaks off later
// ends in an error event, and never as if it were whole.
func TestChatFailures(t *testing.T) {
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
		r := gatewaytest.Post(t, url+chat, ask(c.model, `,"user":"`+c.stream+`","stream":`+c.stream))
		if r.Status != c.status || c.code != "" && !strings.Contains(r.Body, `"code":"`+c.code+`"`) || strings.Contains(r.Body, "[DONE]") {
			t.Errorf("%s, stream %s: %d %s", c.model, c.stream, r.Status, r.Body)
		}
		if c.model == "busy" && r.Header.Get("Retry-After") != "7" {
			t.Errorf("Retry-After is %q", r.Header.Get("Retry-After"))
		}
	}
}

// A client that leaves ends the call upstream.
func TestClientLeaves(t *testing.T) {
	for _, model := range []string{"hang", "silent"} {
		e := gatewaytest.NewEngine(t)
		url, x := serve(t, e, exchange.Config{})
		gatewaytest.Leaves(t, e, x, url+chat, model, ask(model, `,"stream":true`))
	}
}

// While nothing comes, a stream says that it is alive, and still fails in its own way.
func TestHeartbeat(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{Heartbeat: time.Millisecond})
	r := gatewaytest.Held(t, e, url+chat, ask("hold", `,"stream":true`))
	events := gatewaytest.Events(r.Body)
	if !strings.Contains(events[0], `"delta":{}`) || strings.Contains(events[0], "role") || !strings.Contains(r.Body, `"content":"there."`) || events[len(events)-1] != "[DONE]" {
		t.Errorf("got %s", r.Body)
	}
}

// A question whose answer breaks off again and again is refused at last.
func TestStorm(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for i := range 5 { // what cannot change the answer makes no other question of it
		metadata := []string{`"a":"1","b":"2"`, `"b":"2","a":"1"`, `"turn":"3"`}[i%3]
		r := gatewaytest.Post(t, url+chat, ask("cut", `,"stream":true,"metadata":{`+metadata+`}`), "X-Session-Id: s")
		if i >= 2 && (r.Status != 400 || !strings.Contains(r.Body, "repeated_request")) {
			t.Errorf("%d: %d %s", i, r.Status, r.Body)
		}
	}
	if n := e.Chats("cut"); n != 2 {
		t.Errorf("asked %d times", n)
	}
	if r := gatewaytest.Post(t, url+chat, ask("cut", `,"stream":true`), "X-Session-Id: another"); r.Status != 200 {
		t.Errorf("another session gets %d", r.Status)
	}
}

// Bad input is refused with its place, and nothing is asked.
func TestChatBadInput(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	for body, want := range map[string]string{
		"":                                "the body is empty",
		"{":                               "line 1, column 2: the JSON is cut short",
		"[]":                              "has to be an object, not an array",
		`{"messages":[]} {}`:              "line 1, column 17: the body has more",
		"{\"messages\":\n [,]}":           "line 2, column 3: this is not JSON",
		"{\"model\":\"\xff\"}":            "not UTF-8",
		`{"model":"ok"}`:                  "messages: it is missing; send at least one message",
		`{"model":"ok","mesages":[]}`:     `messages: it is missing; there is "mesages": did you mean "messages"?`,
		`{"model":"ok","messages":[]}`:    "messages: it is empty",
		`{"model":5,"messages":[]}`:       "model: it has to be a string, not a number",
		`{"model":"ok","messages":"hi"}`:  "messages: it has to be an array, not a string",
		`{"model":"ok","model":"ok"}`:     "model: it comes twice",
		ask("ok", `,"temperature":"hot"`): "temperature: it has to be a number, not a string",
		ask("ok", `,"temperature":3`):     "temperature: it has to be a number from 0 to 2",
		ask("ok", `,"max_tokens":0`):      "max_tokens: it has to be from 1",
		ask("ok", `,"n":2`):               "unsupported parameter n",
		ask("ok", `,"tools":[{"type":"web_search"}]`):                                     "tools[0].type: a tool has to be of type function",
		`{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}`:               "messages[0].content[0].type: a content part of type \"input_audio\" is not supported",
		`{"messages":[{"role":"user","content":"a"},{"role":"robot","content":"b"}]}`:     "messages[1].role: it has to be system",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]}`: "image_url: an image has to be an https URL",
	} {
		r := gatewaytest.Post(t, url+chat, body)
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
