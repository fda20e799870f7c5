package ollama

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"runtime"
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
}

// outcomeOf is what a provider makes of a body, read by lines or in the general way.
func outcomeOf(t testing.TB, general, generates bool, body string) outcome {
	p, err := New(Config{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	p.general = general
	ctx := httpx.WithCarrier(context.Background(), func(req *http.Request) (*http.Response, error) {
		answer := body
		switch req.URL.Path {
		case "/api/version":
			answer = `{"version":"0.33.3"}`
		case "/api/show":
			answer = `{"capabilities":["completion"]}`
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-ndjson"}}, Body: io.NopCloser(strings.NewReader(answer)), ContentLength: -1, Request: req,
		}, nil
	})
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
	if generates {
		req.Completion = &provider.Completion{Raw: true}
	}
	var out outcome
	for c, err := range p.Chat(ctx, req) {
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
	return out
}

// checkSame: whichever way an answer is read, its caller gets the same.
func checkSame(t *testing.T, body string) {
	t.Helper()
	for _, generates := range []bool{false, true} {
		want, got := outcomeOf(t, true, generates, body), outcomeOf(t, false, generates, body)
		if !reflect.DeepEqual(want, got) {
			t.Errorf("generation %v:\n%s\nis read as\n%s\nand in the general way as\n%s", generates, body, shown(got), shown(want))
		}
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
	return b.String() + "error: " + o.err
}

const metrics = `"total_duration":174560334,"load_duration":101397084,"prompt_eval_count":11,"prompt_eval_duration":13074791,"eval_count":18,"eval_duration":52479709`

// written are lines as servers write them. Those that are plain are read by a Line.
var written = []struct {
	by    string
	plain bool
	line  string
}{
	{"Ollama 0.33", true, `{"model":"m","created_at":"2026-01-01T00:00:00.123456789Z","message":{"role":"assistant","content":" caf\u00e9\n\"x\""},"done":false}`},
	{"Ollama 0.33, thinking", true, `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","thinking":"Hm. 東京"},"done":false}`},
	{"Ollama 0.33, the end", true, `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",` + metrics + `}`},
	{"Ollama 0.33, from its cache", true, `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"length",` + metrics + `,"prompt_eval_cached_count":7}`},
	{"Ollama 0.1, the end", true, `{"model":"m","created_at":"2023-12-12T14:13:43.416799Z","message":{"role":"assistant","content":"a"},"done":true,` + metrics + `}`},
	{"Ollama, a call", false, `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","tool_calls":[{"id":"c","function":{"index":0,"name":"f","arguments":{"a":1}}}]},"done":false}`},
	{"Ollama, a model of ollama.com", false, `{"model":"m","remote_model":"m","remote_host":"https://ollama.com:443","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"a"},"done":false}`},
	{"Ollama, an error", false, `{"error":"an error was encountered while running the model"}`},
	{"Ollama, an error beside text", false, `{"model":"m","message":{"role":"assistant","content":"a"},"done":false,"error":"x"}`},
	{"error as a text", true, `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"error"},"done":false}`},
	{"another role", false, `{"model":"m","message":{"role":"user","content":"a"},"done":false}`},
	{"a role in capitals", false, `{"model":"m","message":{"role":"Assistant","content":"a"},"done":false}`},
	{"no role", true, `{"model":"m","message":{"content":"a"},"done":false}`},
	{"no end", false, `{"model":"m","message":{"role":"assistant","content":"a"}}`},
	{"done as a text", false, `{"model":"m","message":{"role":"assistant","content":"a"},"done":"true"}`},
	{"done twice", false, `{"model":"m","message":{"role":"assistant","content":"a"},"done":false,"done":true}`},
	{"done by another case", false, `{"model":"m","message":{"role":"assistant","content":"a"},"done":false,"Done":true}`},
	{"a content twice", false, `{"model":"m","message":{"role":"assistant","content":"a","content":"b"},"done":false}`},
	{"a count with a fraction", false, `{"model":"m","message":{"role":"assistant","content":"a"},"done":true,"eval_count":3.0}`},
	{"a time below zero", false, `{"model":"m","message":{"role":"assistant","content":"a"},"done":true,"eval_duration":-3}`},
	{"counts that cannot be", true, `{"model":"m","message":{"role":"assistant","content":"many words for one token, and no end of them: a b c d e f g h i j k l m n o p q r s t u v w x y z"},"done":true,"eval_count":0,"prompt_eval_count":1}`},
	{"an unknown end", true, `{"model":"m","message":{"role":"assistant","content":"a"},"done":true,"done_reason":"vibes"}`},
	{"a load", true, `{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}`},
	{"created_at as a number", false, `{"model":"m","created_at":1767225600,"message":{"role":"assistant","content":"a"},"done":false}`},
	{"created_at that says nothing", true, `{"model":"m","created_at":"soon","message":{"role":"assistant","content":"a"},"done":false}`},
	{"content in parts", false, `{"model":"m","message":{"content":[{"type":"text","text":"a"}]},"done":false}`},
	{"half a letter", false, `{"model":"m","message":{"content":"\ud83d"},"done":false}`},
	{"no UTF-8", false, "{\"model\":\"m\",\"message\":{\"content\":\"a\xf0\x9f\"},\"done\":false}"},
	{"a tag of thinking", true, `{"model":"m","message":{"content":"<think>Hm.</think>a"},"done":false}`},
	{"logprobs", false, `{"model":"m","message":{"content":"a"},"done":false,"logprobs":[{"token":"a","logprob":-0.1}]}`},
	{"a response beside the message", false, `{"model":"m","message":{"content":"a"},"response":"b","done":false}`},
	{"cut", false, `{"model":"m","message":{"content":"a"},"done":fal`},
	{"something behind it", false, `{"model":"m","message":{"content":"a"},"done":false} x`},
	{"nothing", false, `{}`},
	{"null", false, `null`},
}

// generation is a line of a chat as one of a generation.
func generation(line string) string {
	return strings.NewReplacer(`"message":{"role":"assistant","content":"","thinking":"Hm. 東京"}`, `"response":"","thinking":"Hm. 東京"`,
		`"message":{"role":"assistant","content":"a"}`, `"response":"a"`, `"message":{"role":"assistant","content":""}`, `"response":""`, `"message":{"content":"a"}`, `"response":"a"`).Replace(line)
}

// The lines of Ollama are read by a Line, and whatever is not is left alone. It says of no
// line what the general way does not.
func TestWhatALineReads(t *testing.T) {
	const end = `{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}`
	for _, w := range written {
		t.Run(w.by, func(t *testing.T) {
			var l normalize.Line
			if got := l.Event([]byte(w.line)); got != w.plain && !strings.Contains(w.by, "UTF-8") {
				t.Errorf("it is read: %v", got)
			}
			for _, body := range []string{
				w.line, w.line + "\n", w.line + "\n" + end, w.line + "\n" + w.line + "\n" + end + "\n", end + "\n" + w.line + "\n", "data: " + w.line + "\n\n" + end,
				strings.Replace(w.line, ",", ",\n", 1) + "\n" + end + "\n",
			} {
				checkSame(t, body)
				checkSame(t, generation(body))
			}
		})
	}
}

// mutate changes a text somewhere: a part of it is left out, comes twice, or is another's.
func mutate(r *rand.Rand, text string) string {
	pieces := []string{`"`, `\`, `,`, `{`, `}`, `[]`, `null`, `0`, `-`, ` `, "\n", `"error":"x",`, `"content":"b",`, `"done":true,`, `\ud83d`, "\xf0", `"message":{},`, `"eval_count":5,`, `true`}
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

// However a line is broken, it is refused as in the general way.
func TestMutatedLinesAreReadTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same each time
	pick := func() string { return written[r.IntN(len(written))].line }
	for range 800 {
		body := pick() + "\n" + mutate(r, pick()) + "\n" + pick() + "\n"
		checkSame(t, body)
		checkSame(t, generation(body))
		if t.Failed() {
			return
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, w := range written {
		f.Add([]byte(w.line))
		f.Add([]byte(generation(w.line)))
	}
	f.Fuzz(func(t *testing.T, line []byte) { checkSame(t, string(bytes.Repeat(append(line, '\n'), 2))) })
}

// A line takes no memory but its text.
func TestALineTakesItsTextAlone(t *testing.T) {
	var l normalize.Line
	for _, w := range written {
		if !w.plain {
			continue
		}
		data := []byte(w.line)
		if n := testing.AllocsPerRun(50, func() { l.Event(data) }); n > 2 {
			t.Errorf("%s: %v allocations", w.by, n)
		}
	}
}

// A call sets a few KiB aside for its answer, and no MiB: many at once have to fit.
func TestACallSetsLittleAside(t *testing.T) {
	p, err := New(Config{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	body := written[0].line + "\n" + written[2].line + "\n"
	ctx := httpx.WithCarrier(context.Background(), func(req *http.Request) (*http.Response, error) {
		answer := body
		if req.URL.Path != "/api/chat" {
			answer = `{"version":"0.33.3"}`
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), ContentLength: -1, Request: req}, nil
	})
	ask := func() {
		if _, err := provider.Collect(p.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("hi")}})); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	const calls = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		ask()
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / calls; n > 256<<10 {
		t.Errorf("a call sets %d KiB aside", n>>10)
	}
}
