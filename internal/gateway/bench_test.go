package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// pieces is how many the answers of a canned server have.
const cannedWords = 64

// canned is a server that answers each chat with the same bytes, and allocates next to
// nothing itself.
func canned(b testing.TB) (url string) {
	b.Helper()
	const words = cannedWords
	var text strings.Builder
	var events bytes.Buffer
	for i := range words {
		fmt.Fprintf(&text, "word%d ", i)
		fmt.Fprintf(&events, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"word%d "},"finish_reason":null}]}`+"\n\n", i)
	}
	const usage = `"usage":{"prompt_tokens":7,"completion_tokens":64,"total_tokens":71}`
	fmt.Fprint(&events, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n")
	fmt.Fprint(&events, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[],`+usage+"}\n\ndata: [DONE]\n\n")
	document := `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + text.String() + `"},"finish_reason":"stop"}],` + usage + "}"
	reply := func(kind string, body []byte) []byte {
		return append([]byte("HTTP/1.1 200 OK\r\nContent-Type: "+kind+"\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"), body...)
	}
	whole, stream := reply("application/json", []byte(document)), reply("text/event-stream", events.Bytes())
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // until the benchmark ends
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					length := 0
					for {
						line, err := in.ReadSlice('\n')
						if err != nil {
							return
						}
						if n, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
							length, _ = strconv.Atoi(string(bytes.TrimSpace(n)))
						}
						if len(line) <= 2 {
							break
						}
					}
					body, err := in.Peek(length)
					if err != nil {
						return
					}
					out := whole
					if bytes.Contains(body, []byte(`"stream":true`)) {
						out = stream
					}
					_, _ = in.Discard(length)
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// discard is a client that keeps nothing of what it is sent.
type discard struct {
	header http.Header
	status int
	bytes  int
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) WriteHeader(status int)         { d.status = status }
func (d *discard) Write(data []byte) (int, error) { d.bytes += len(data); return len(data), nil }
func (d *discard) FlushError() error              { return nil }
func (d *discard) EnableFullDuplex() error        { return nil }

// asking asks the gateway in front of a canned server.
func asking(b testing.TB, log string, stream bool) (ask func()) {
	b.Helper()
	s := gateway.New(gateway.Config{Stack: gatewaytest.Open(b, fmt.Sprintf("use: [house]\nlog: '%s'\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: m, local: true}\n", log, canned(b)))})
	b.Cleanup(func() { _ = s.Close() })
	g, err := guard.New(guard.Config{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}})
	if err != nil {
		b.Fatal(err)
	}
	h := g.Wrap(s.Handler())
	body := fmt.Sprintf(`{"model":"m","stream":%v,"messages":[{"role":"system","content":"You are brief."},{"role":"user","content":"Say something about apples and pears, please."}]}`, stream)
	ask = func() {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/v1/chat/completions", io.NopCloser(strings.NewReader(body)))
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Type", "application/json")
		w := &discard{header: http.Header{}}
		if h.ServeHTTP(w, r); w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
	ask()
	return ask
}

// A piece of a stream takes its text and little more: thousands of them a second do not
// keep the garbage collector busy.
func TestAPieceTakesFewAllocations(t *testing.T) {
	of := func(stream bool) float64 { return testing.AllocsPerRun(100, asking(t, "off", stream)) }
	if n := (of(true) - of(false)) / cannedWords; n > 4 {
		t.Errorf("a piece of a stream takes %.1f allocations", n)
	}
}

// BenchmarkChat is what an answer costs the gateway, its guard and its own client
// included, and without net/http's server.
func BenchmarkChat(b *testing.B) {
	for _, log := range []string{"full", "off"} {
		for _, stream := range []bool{false, true} {
			b.Run(fmt.Sprintf("log=%s,stream=%v", log, stream), func(b *testing.B) {
				ask := asking(b, log, stream)
				b.ReportAllocs()
				for b.Loop() {
					ask()
				}
			})
		}
	}
}
