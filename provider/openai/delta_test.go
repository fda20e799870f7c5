package openai

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// outcome is what a caller gets of an answer, but for what its clock says.
type outcome struct {
	chunks []provider.Chunk
	err    string
	member string // that thinking goes back in
}

// outcomeOf is what a provider makes of a body, read by deltas or in the general way.
func outcomeOf(t testing.TB, general, stream bool, body string) outcome {
	p, err := New(Config{Model: "m", Local: true, BaseURL: "http://127.0.0.1:1/v1"})
	if err != nil {
		t.Fatal(err)
	}
	p.general = general
	ctx := httpx.WithCarrier(context.Background(), func(req *http.Request) (*http.Response, error) {
		kind := "application/json"
		if stream {
			kind = "text/event-stream"
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: req,
		}, nil
	})
	var out outcome
	for c, err := range p.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("hi")}, NoStream: !stream}) {
		if err != nil {
			out.err = err.Error()
			break
		}
		if c.Route != nil {
			rt := *c.Route
			rt.FirstToken, rt.Total = 0, 0
			c.Route = &rt
		}
		out.chunks = append(out.chunks, c)
	}
	out.member = p.thinkingMember()
	return out
}

// checkSame: whichever way an answer is read, its caller gets the same.
func checkSame(t *testing.T, stream bool, body string) {
	t.Helper()
	want, got := outcomeOf(t, true, stream, body), outcomeOf(t, false, stream, body)
	if !reflect.DeepEqual(want, got) {
		t.Errorf("stream %v:\n%s\nis read as\n%s\nand in the general way as\n%s", stream, body, shown(got), shown(want))
	}
}

func shown(o outcome) string {
	var b strings.Builder
	for _, c := range o.chunks {
		fmt.Fprintf(&b, "%+v", c)
		if c.Usage != nil {
			fmt.Fprintf(&b, " usage %+v", *c.Usage)
		}
		if c.Route != nil {
			fmt.Fprintf(&b, " route %+v", *c.Route)
		}
		b.WriteByte('\n')
	}
	return b.String() + "error: " + o.err + "\nmember: " + o.member
}

// written are events as servers write them. Those that are plain are read by a Delta.
var written = []struct {
	by    string
	plain bool
	event string
}{
	{"OpenAI, gpt-4o", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"Qx4"}`},
	{"OpenAI", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" Paris"},"logprobs":null,"finish_reason":null}],"usage":null}`},
	{"llama.cpp b6000", true, `{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"a \"word\"\n"}}],"created":1700000000,"id":"chatcmpl-1","model":"m","system_fingerprint":"b6000-abc","object":"chat.completion.chunk"}`},
	{"llama.cpp, the end", false, `{"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":1700000000,"id":"chatcmpl-1","model":"m","system_fingerprint":"b6000-abc","object":"chat.completion.chunk","timings":{"prompt_n":5,"prompt_ms":1.5}}`},
	{"vLLM 0.11", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":"東京"},"logprobs":null,"finish_reason":null,"token_ids":null}]}`},
	{"vLLM 0.11, thinking", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"reasoning":"Hm. "},"logprobs":null,"finish_reason":null,"token_ids":null}]}`},
	{"vLLM 0.9, thinking", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"Hm. "},"logprobs":null,"finish_reason":null}]}`},
	{"vLLM, the end", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}]}`},
	{"vLLM, continuous_usage_stats", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":5,"total_tokens":6,"completion_tokens":1}}`},
	{"SGLang 0.5", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":"a","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}`},
	{"SGLang, the end", false, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":151645}],"usage":null}`},
	{"Ollama 0.17", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}`},
	{"DeepSeek", true, `{"id":"1","object":"chat.completion.chunk","created":1700000000,"model":"deepseek-reasoner","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Hm"},"logprobs":null,"finish_reason":null}]}`},
	{"Python's json.dumps", true, `{"id": "1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m", "choices": [{"index": 0, "delta": {"content": "caf\u00e9 \/ \u0000"}, "finish_reason": null}]}`},
	{"its halves of letters", false, `{"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {"content": "\ud83d\ude00"}, "finish_reason": null}]}`},
	{"OpenRouter", false, `{"id":"gen-1","provider":"Acme","model":"m","object":"chat.completion.chunk","created":1700000000,"choices":[{"index":0,"delta":{"role":"assistant","content":"a","reasoning":null,"reasoning_details":[]},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}`},
	{"Groq", false, `{"id":"1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"x_groq":{"id":"req_1"}}`},
	{"Azure's first", false, `{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}`},
	{"usage alone", true, `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`},
	{"no choices, and no usage", false, `{"id":"chatcmpl-1","model":"m","choices":[]}`},
	{"an error", false, `{"error":{"message":"overloaded","type":"server_error"}}`},
	{"an error beside a choice", false, `{"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"m"}}]}`},
	{"an error by its object", false, `{"object":"error","message":"m","choices":[{"index":0,"delta":{"content":"a"}}]}`},
	{"error as a text", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"error"}}]}`},
	{"provider and x_groq as texts", true, `{"model":"provider","choices":[{"index":0,"delta":{"role":"x_groq","content":"base_resp"}}]}`},
	{"a call", false, `{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`},
	{"no calls", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"a","tool_calls":[],"annotations":[]}}]}`},
	{"a refusal", false, `{"model":"m","choices":[{"index":0,"delta":{"refusal":"No."}}]}`},
	{"an empty refusal", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a","refusal":""}}]}`},
	{"another index", false, `{"model":"m","choices":[{"index":1,"delta":{"content":"a"}}]}`},
	{"two choices", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}`},
	{"a content twice", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}`},
	{"a content by another case", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a","Content":"b"}}]}`},
	{"choices twice", false, `{"choices":[{"index":0,"delta":{"content":"a"}}],"choices":[{"index":0,"delta":{"content":"b"}}]}`},
	{"thinking twice", false, `{"model":"m","choices":[{"index":0,"delta":{"reasoning":"a","reasoning_content":"b"}}]}`},
	{"thinking, and none", true, `{"model":"m","choices":[{"index":0,"delta":{"reasoning":"","reasoning_content":"b","content":"c"}}]}`},
	{"content in parts", false, `{"model":"m","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]}}]}`},
	{"a message for a delta", false, `{"model":"m","choices":[{"index":0,"message":{"content":"a"}}]}`},
	{"a text for a delta", false, `{"model":"m","choices":[{"index":0,"text":"a"}]}`},
	{"no choices", false, `{"model":"m"}`},
	{"a user's role", true, `{"model":"m","choices":[{"index":0,"delta":{"role":"user","content":"a"}}]}`},
	{"an unknown end", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"vibes"}]}`},
	{"an end that is empty", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}]}`},
	{"a filter", true, `{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}`},
	{"another id", true, `{"id":"chatcmpl-2","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}`},
	{"an id as a number", false, `{"id":7,"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}`},
	{"usage by other names", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"input_tokens":5,"output_tokens":3}}`},
	{"usage with fractions", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5.0,"completion_tokens":3}}`},
	{"usage that cannot be", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":500,"completion_tokens":3,"total_tokens":8}}`},
	{"usage in detail", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}`},
	{"a large count", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5000000000000,"completion_tokens":3}}`},
	{"a leading zero", false, `{"created":017,"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}`},
	{"a tag of thinking", true, `{"model":"m","choices":[{"index":0,"delta":{"content":"<think>Hm.</think>a"}}]}`},
	{"no UTF-8", false, "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\xf0\x9f\"}}]}"},
	{"a private letter", false, "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\U0010fe41\"}}]}"},
	{"a control character", false, "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\x01\"}}]}"},
	{"no escape", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"\x"}}]}`},
	{"an escape cut short", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"\u00"}}]}`},
	{"cut", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]`},
	{"something behind it", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]} x`},
	{"a bracket too early", false, `{"model":"m","choices":[{"index":],"usage":{"prompt_tokens":5,"completion_tokens":3}}`},
	{"a comma too many", false, `{"model":"m","choices":[{"index":0,"delta":{"content":"a",}}]}`},
	{"null and more", false, `{"model":"m","choices":[{"index":0,"delta":{"content":nullx}}]}`},
	{"nothing", false, `{}`},
	{"null", false, `null`},
	{"a list", false, `[{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}]`},
}

// document is an event as the whole answer.
func document(event string) string {
	return strings.NewReplacer(`"delta":`, `"message":`, "chat.completion.chunk", "chat.completion").Replace(event)
}

func stream(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("data: " + e + "\n\n")
	}
	return b.String()
}

// The events of most servers are read by a Delta, and whatever is not is left alone. It
// says of no document what the general way does not.
func TestWhatADeltaReads(t *testing.T) {
	const end = `{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	for _, w := range written {
		t.Run(w.by, func(t *testing.T) {
			var d normalize.Delta
			if got := d.Event([]byte(w.event)); got != w.plain && !strings.Contains(w.by, "UTF-8") && !strings.Contains(w.by, "private") {
				t.Errorf("it is read: %v", got)
			}
			for _, body := range []string{
				stream(w.event), stream(w.event, "[DONE]"), stream(w.event, end), stream(w.event, w.event, end, "[DONE]"), stream(end, w.event),
				"event: error\n" + stream(w.event), w.event, w.event + "\n" + w.event + "\n",
			} {
				checkSame(t, true, body)
				checkSame(t, false, body)
			}
			checkSame(t, false, document(w.event))
			checkSame(t, true, document(w.event))
		})
	}
}

// mutate changes a text somewhere: a part of it is left out, comes twice, or is another's.
func mutate(r *rand.Rand, text string) string {
	pieces := []string{`"`, `\`, `,`, `{`, `}`, `[]`, `null`, `0`, `-`, ` `, "\n", `"error":"x",`, `"content":"b",`, `"delta":{},`, `\ud83d`, "\xf0", `"usage":{},`, `"index":0,`, `true`}
	for range 1 + r.IntN(2) {
		i := r.IntN(len(text) + 1)
		j := min(i+r.IntN(9), len(text))
		with := pieces[r.IntN(len(pieces))]
		switch r.IntN(4) {
		case 0:
			with = ""
		case 1:
			with = text[i:j] + text[i:j]
		case 2:
			j = i
		}
		text = text[:i] + with + text[j:]
	}
	return text
}

// However an event is broken, it is refused as in the general way.
func TestMutationsAreReadTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same each time
	pick := func() string { return written[r.IntN(len(written))].event }
	for range 1500 {
		one := mutate(r, pick())
		checkSame(t, true, stream(pick(), one, pick(), "[DONE]"))
		checkSame(t, false, document(one))
		if t.Failed() {
			return
		}
	}
}

func FuzzDelta(f *testing.F) {
	for _, w := range written {
		f.Add(w.event, true)
		f.Add(document(w.event), false)
	}
	f.Fuzz(func(t *testing.T, event string, streams bool) {
		if bytes.ContainsAny([]byte(event), "\n\r") && streams { // it is several lines
			return
		}
		if streams {
			event = stream(event, event, "[DONE]")
		}
		checkSame(t, streams, event)
	})
}

// An event takes no memory but its text.
func TestADeltaTakesItsTextAlone(t *testing.T) {
	var d normalize.Delta
	for _, w := range written {
		if !w.plain {
			continue
		}
		data := []byte(w.event)
		if n := testing.AllocsPerRun(50, func() { d.Event(data) }); n > 2 {
			t.Errorf("%s: %v allocations", w.by, n)
		}
	}
}
