package openai_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// answered asks a server that answers with a body, whatever was asked.
func answered(t *testing.T, req provider.Request, contentType, body string) (provider.Response, error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	if len(req.Messages) == 0 {
		req.Messages = []provider.Message{provider.User("hi")}
	}
	return provider.Collect(newProvider(t, srv.URL).Chat(context.Background(), req))
}

const (
	sseType  = "text/event-stream"
	jsonType = "application/json"
)

// forms are answers that say "Paris." in the ways that servers have; see
// internal/normalize for the single members.
var forms = []struct{ what, source, delta, more, finish, thinking string }{
	{"as OpenAI", "api.openai.com", `{"role":"assistant","content":"Paris."}`, `"created":1700000000`, `"stop"`, ""},
	{"created with a fraction", "SambaNova; siyuan 14787", `{"content":"Paris."}`, `"created":1716313435.779`, `"stop"`, ""},
	{"created as text", "new-api 1131", `{"content":"Paris."}`, `"created":"1716313435"`, `"stop"`, ""},
	{"content in parts", "Mistral; llm-mistral 39", `{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]},{"type":"text","text":"Paris."},{"type":"reference","reference_ids":[1]}]}`, `"created":1`, `"stop"`, "Hm."},
	{"logprobs as a list", "llama-cpp-python", `{"content":"Paris."}`, `"logprobs":[1]`, `"stop"`, ""},
	{"ids as numbers", "one-api", `{"content":"Paris."}`, `"id":7,"model":null,"object":7`, `"stop"`, ""},
	{"counts with fractions", "siyuan 14787", `{"content":"Paris."}`, `"usage":{"prompt_tokens":5.0,"completion_tokens":"3","total_tokens":8.0}`, `"stop"`, ""},
	{"an end in capitals", "Gemini", `{"content":"Paris."}`, `"created":1`, `"STOP"`, ""},
	{"an end as an object", "SGLang's native API", `{"content":"Paris."}`, `"created":1`, `{"type":"stop","matched":2}`, ""},
	{"reasoning by two names", "vLLM", `{"reasoning":"Hm.","reasoning_content":"","content":"Paris."}`, `"created":1`, `"stop"`, "Hm."},
	{"refusal null, no calls", "vLLM", `{"content":"Paris.","refusal":null,"tool_calls":[],"function_call":null}`, `"service_tier":{"a":1}`, `"stop"`, ""},
}

// Each form, streamed and whole, where it was asked for and where it was not.
func TestAnswersInEveryForm(t *testing.T) {
	for _, f := range forms {
		choice := func(member string) string {
			return fmt.Sprintf(`{%s,"choices":[{"index":0,%q:%s,"finish_reason":%s}]}`, f.more, member, f.delta, f.finish)
		}
		event, document := choice("delta"), choice("message")
		bodies := map[string][2]string{
			"a stream":                     {sseType, "data: " + event + "\n\ndata: [DONE]\n\n"},
			"a stream with BOM and CR":     {sseType, "\ufeffdata:" + event + "\r\rdata:[DONE]\r\r"},
			"a stream with comments":       {sseType, ": hi\r\nevent: message\r\nid: 1\r\ndata: " + event + "\r\n\r\n"},
			"a stream that is called JSON": {jsonType, "data: " + event + "\n\ndata: [DONE]\n\n"},
			"lines of JSON":                {"application/x-ndjson", event + "\n"},
			"a document":                   {jsonType, document},
			"a document with BOM":          {jsonType, "\ufeff" + document + "\n"},
			"a document over lines":        {jsonType, strings.ReplaceAll(document, "{\"index\"", "{\r\n  \"index\"") + "\n"},
			"a document called a stream":   {sseType, document},
			"a document in an event":       {sseType, "data: " + document + "\n\n"},
			"a document in a list":         {jsonType, "[" + document + "]"},
			"a document within data":       {jsonType, `{"code":0,"message":"success","data":` + document + `}`},
		}
		for how, b := range bodies {
			for _, noStream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, whole asked %v", f.what, how, noStream), func(t *testing.T) {
					r, err := answered(t, provider.Request{NoStream: noStream}, b[0], b[1])
					if err != nil || r.Text != "Paris." || r.Thinking != f.thinking || r.Finish != provider.FinishStop {
						t.Fatalf("%s: %+v, %v", f.source, r, err)
					}
					if strings.Contains(f.more, "usage") && !reflect.DeepEqual(r.Usage, &provider.Usage{InputTokens: 5, OutputTokens: 3}) {
						t.Errorf("usage %+v", r.Usage)
					}
				})
			}
		}
	}
}

// What cannot be read is an error that names the member, and never of Go's types.
func TestAnswersThatCannotBeRead(t *testing.T) {
	for what, c := range map[string]struct{ delta, says string }{
		"an object as content": {`{"content":{"capital":"Paris"}}`, "choices[0].delta.content in the answer is an object instead of a string"},
		"a part that is no text": {
			`{"content":[{"type":"text","text":"Pa"},{"type":"image_url","image_url":{}}]}`,
			`choices[0].delta.content[1] in the answer is a part of type "image_url", which is not text`,
		},
		"a list as a name": {`{"tool_calls":[{"function":{"name":[],"arguments":"{}"}}]}`, "choices[0].delta.tool_calls[0].function.name in the answer is a list instead of a string"},
	} {
		for _, noStream := range []bool{false, true} {
			body := events("stop", c.delta)
			if noStream {
				body = whole("stop", c.delta)
			}
			r, err := answered(t, provider.Request{NoStream: noStream}, map[bool]string{false: sseType, true: jsonType}[noStream], body)
			want := c.says
			if provider.KindOf(err) != provider.BadAnswer || !strings.Contains(err.Error(), strings.Replace(want, ".delta", "", 1)) && !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), strings.Replace(want, ".delta", ".message", 1)) {
				t.Errorf("%s: %+v, %v", what, r, err)
			}
		}
	}
}

// The ends, as far as the answer shows them; the words are in internal/normalize.
func TestEndsOfAnswers(t *testing.T) {
	const call = `{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	for _, c := range []struct {
		word, delta string
		finish      provider.Finish
		kind        provider.Kind
		says        string
	}{
		{"stop", `{"content":"Hi"}`, provider.FinishStop, "", ""},
		{"end", `{"content":"Hi"}`, provider.FinishStop, "", ""},
		{"STOP_SEQUENCE", `{"content":"Hi"}`, provider.FinishStop, "", ""},
		{"end_turn", call, provider.FinishToolCalls, "", ""},
		{"COMPLETE", `{"content":"Hi"}`, provider.FinishStop, "", ""},
		{"MAX_TOKENS", `{"content":"Hi"}`, provider.FinishLength, "", ""},
		{"model_length", `{"content":"Hi"}`, provider.FinishLength, "", ""},
		{"tool_use", call, provider.FinishToolCalls, "", ""},
		{"function_call", call, provider.FinishToolCalls, "", ""},
		{"tool_use", `{"content":"Hi"}`, "", provider.BadAnswer, "but has none"},
		{"SAFETY", `{"content":"Hi"}`, "", provider.Filtered, "SAFETY"},
		{"network_error", `{"content":"Hi"}`, "", provider.Truncated, `"network_error"`},
		{"abort", `{"content":"Hi"}`, "", provider.Truncated, `"abort"`},
		{"error", `{"content":""}`, "", provider.Unavailable, `"error"`},
		{"vibes", `{"content":"Hi"}`, "", provider.Truncated, `unknown finish reason "vibes"`},
	} {
		for _, noStream := range []bool{false, true} {
			body, kind := events(c.word, c.delta), sseType
			if noStream {
				body, kind = whole(c.word, c.delta), jsonType
			}
			r, err := answered(t, provider.Request{NoStream: noStream}, kind, body)
			if r.Finish != c.finish || provider.KindOf(err) != c.kind || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, whole %v: %+v, %v", c.word, noStream, r, err)
			}
		}
	}
}

// A stream without a finish_reason is whole where the server says [DONE], and its
// route says what that rests on; else it was cut.
func TestAStreamThatSaysOnlyDone(t *testing.T) {
	hello := `data: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}` + "\n\n"
	call := `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}` + "\n\n"
	const done = "data: [DONE]\n\n"
	for what, c := range map[string]struct {
		body   string
		finish provider.Finish
		kind   provider.Kind
	}{
		"text and DONE":        {hello + done, provider.FinishStop, ""},
		"a call and DONE":      {call + done, provider.FinishToolCalls, ""},
		"null as text":         {strings.Replace(hello, "null", `"null"`, 1) + done, provider.FinishStop, ""},
		"text and the end":     {hello, "", provider.Truncated},
		"a call and the end":   {call, "", provider.Truncated},
		"DONE alone":           {done, "", provider.Unavailable},
		"no word, and DONE":    {strings.Replace(hello, "Hello", "", 1) + done, "", provider.Truncated},
		"a ping and DONE":      {`data: {"type":"ping"}` + "\n\n" + hello + done, provider.FinishStop, ""},
		"half a call and DONE": {strings.Replace(call, `"{}"`, `"{"`, 1) + done, "", provider.BadAnswer},
	} {
		for _, noStream := range []bool{false, true} {
			r, err := answered(t, provider.Request{NoStream: noStream}, sseType, c.body)
			if r.Finish != c.finish || provider.KindOf(err) != c.kind {
				t.Errorf("%s, whole asked %v: %+v, %v", what, noStream, r, err)
			}
			if err == nil && (len(r.Route.Warnings) != 1 || !strings.Contains(r.Route.Warnings[0], "[DONE]")) {
				t.Errorf("%s: the route warns %q", what, r.Route.Warnings)
			}
			if err != nil && strings.Contains(err.Error(), "closed the connection") && strings.Contains(c.body, done) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// An event that is no piece of an answer and has a sentence was an error, where the
// server does not say besides that the answer is whole.
func TestAStreamWithAComplaint(t *testing.T) {
	const hello, done = `data: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}` + "\n\n", "data: [DONE]\n\n"
	end := func(word string) string {
		return `data: {"choices":[{"index":0,"delta":{},"finish_reason":"` + word + `"}]}` + "\n\n"
	}
	for _, complaint := range []string{
		`{"message":"The sky fell."}`, `{"code":1,"msg":"The sky fell."}`, `{"detail":{"error":"The sky fell."}}`, `{"detail":["The sky fell."]}`,
		`{"fault":{"faultstring":"The sky fell."}}`, `{"errors":{"sky":["The sky fell."]}}`, `{"status":{"message":"The sky fell."}}`,
		`{"choices":[],"message":"The sky fell."}`, `{"object":"chat.completion.chunk","choices":null,"error_msg":"The sky fell."}`,
		"Traceback (most recent call last):\n  File \"x\"\nSkyError: The sky fell.", "ERROR: The sky fell.",
	} {
		event := "data: " + complaint + "\n\n"
		before := event + hello + done
		if complaint[0] != '{' {
			event, before = complaint+"\n\n", hello+complaint+"\n\n"+hello+done
		}
		for _, body := range []string{hello + event + done, hello + event, before, hello + event + end("error") + done} {
			for noStream, kind := range map[bool]provider.Kind{false: provider.Truncated, true: provider.Unavailable} {
				if r, err := answered(t, provider.Request{NoStream: noStream}, sseType, body); provider.KindOf(err) != kind || !strings.Contains(err.Error(), "The sky fell.") {
					t.Errorf("%s, whole asked %v: %+v, %v", body, noStream, r, err)
				}
			}
		}
		if r, err := answered(t, provider.Request{}, sseType, hello+event+end("stop")+done); err != nil || r.Text != "Hello" {
			t.Errorf("%s and a finish_reason: %+v, %v", complaint, r, err)
		}
	}
}

// A prompt that the server has cut shows in its count of it.
func TestAPromptThatTheServerHasCut(t *testing.T) {
	long := strings.Repeat("word ", 9000)
	for _, c := range []struct {
		what, prompt, usage string
		cut                 bool
	}{
		{"to its window", long, `{"prompt_tokens":2048,"completion_tokens":2,"total_tokens":2050}`, true},
		{"to half of a small window", long, `{"prompt_tokens":258,"completion_tokens":2}`, true},
		{"Han", strings.Repeat("漢字", 9000), `{"prompt_tokens":512,"completion_tokens":2}`, true},
		{"not", long, `{"prompt_tokens":9013,"completion_tokens":2}`, false},
		{"fewer tokens than words, not half", long, `{"prompt_tokens":4600,"completion_tokens":2}`, false},
		{"a short prompt", "one two three four five six seven eight nine ten", `{"prompt_tokens":1,"completion_tokens":2}`, false},
		{"a server that counts what was not cached", long, `{"prompt_tokens":12,"completion_tokens":2}`, false},
		{"the rest came from a cache", long, `{"prompt_tokens":300,"completion_tokens":2,"cache_read_input_tokens":8700}`, false},
		{"no count", long, `{}`, false},
		{"zeros", long, `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, false},
	} {
		req := provider.Request{Messages: []provider.Message{provider.User(c.prompt)}}
		stream := strings.Replace(events("stop", `{"content":"Sure."}`), "data: [DONE]", `data: {"choices":[],"usage":`+c.usage+"}\n\ndata: [DONE]", 1)
		r, err := answered(t, req, sseType, stream)
		if err != nil || r.Text != "Sure." || (len(r.Route.Warnings) > 0) != c.cut {
			t.Errorf("%s, streamed: %+v %+v, %v", c.what, r, r.Route, err)
		}
		req.NoStream = true
		r, err = answered(t, req, jsonType, `{"choices":[{"index":0,"message":{"content":"Sure."},"finish_reason":"stop"}],"usage":`+c.usage+`}`)
		if got := provider.KindOf(err) == provider.ContextOverflow; got != c.cut || !c.cut && err != nil {
			t.Errorf("%s, whole: %+v, %v", c.what, r, err)
		}
	}
}
