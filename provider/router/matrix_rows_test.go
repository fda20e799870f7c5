package router_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// row is one thing that can go wrong.
type row struct {
	name string
	kind provider.Kind             // that both dialects give it, streamed or not; "": no failure at all
	or   map[string]provider.Kind  // where they differ: by "Ollama", "OpenAI", "stream", "whole", "Ollama stream", …
	only string                    // the one dialect that can
	play func(*speaker)            // what the server does, or
	at   func(t *testing.T) string // where the server would be: scheme://host:port
	o    httpx.Options             // the clocks and bounds
	req  func(*provider.Request)   // what is asked for, beyond a greeting
	// part is what the reader has of the answer, streamed; of a whole one it
	// has nothing.
	part string
}

const short = 60 * time.Millisecond // of a clock that is to run out

func refuse(status int, text string, header ...string) func(*speaker) {
	return func(s *speaker) { s.refuse(status, text, header...) }
}

func limited(header ...string) func(*speaker) { return refuse(429, "slow down", header...) }

// schema asks for a JSON object.
func schema(r *provider.Request) {
	r.Schema = &provider.Schema{JSON: []byte(`{"type":"object"}`)}
}

func tools(r *provider.Request) {
	r.Tools = []provider.Tool{{Name: "weather", Parameters: []byte(`{"type":"object"}`)}}
}

// group is rows under a heading of the page.
type group struct {
	title string
	rows  []row
}

// matrix is everything that can go wrong.
func matrix() []group {
	return []group{
		{"No connection", []row{
			{name: "nothing listens", kind: provider.Unavailable, at: closedPort},
			{name: "there is no route", kind: provider.Unavailable, at: fixed("http://255.255.255.255:80")},
			{name: "the name does not resolve", kind: provider.Unavailable, at: fixed("http://server.invalid:80")},
			{name: "TLS: the certificate has expired", kind: provider.Unavailable, at: certified(-time.Hour, "127.0.0.1")},
			{name: "TLS: the certificate is for another host", kind: provider.Unavailable, at: certified(time.Hour, "192.0.2.1")},
			{name: "TLS: the certificate is self-signed", kind: provider.Unavailable, at: certified(time.Hour, "127.0.0.1")},
			{name: "TLS: the handshake hangs", kind: provider.Timeout, at: mute, o: httpx.Options{Connect: short}},
		}},
		{"Refusals", []row{
			{name: "400", kind: provider.Invalid, play: refuse(400, "bad request")},
			{name: "401", kind: provider.Denied, play: refuse(401, "no such key")},
			{name: "403", kind: provider.Denied, play: refuse(403, "not for you")},
			{name: "404, the model", kind: provider.ModelNotFound, play: refuse(404, "model 'm' not found")},
			{name: "404, the path", kind: provider.Unavailable, play: func(s *speaker) { s.fail(404, "404 page not found") }},
			{name: "408", kind: provider.Timeout, play: refuse(408, "too slow")},
			{name: "409", kind: provider.Unavailable, play: refuse(409, "conflict")},
			{name: "413", kind: provider.ContextOverflow, play: refuse(413, "too large")},
			{name: "429", kind: provider.RateLimited, play: limited()},
			{name: "429, Retry-After: 1", kind: provider.RateLimited, play: limited("Retry-After: 1")},
			{name: "429, Retry-After: a date 30 s from now", kind: provider.RateLimited, play: func(s *speaker) {
				limited("Retry-After: " + time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))(s)
			}},
			{name: "429, retry-after-ms: 20", kind: provider.RateLimited, play: limited("Retry-After-Ms: 20")},
			{name: "429, Retry-After: -1", kind: provider.RateLimited, play: limited("Retry-After: -1")},
			{name: "429, Retry-After: 86400", kind: provider.RateLimited, play: limited("Retry-After: 86400")},
			{name: "429, Retry-After: soon", kind: provider.RateLimited, play: limited("Retry-After: soon")},
			{name: "429, no credit", kind: provider.QuotaExhausted, only: openaiAPI, play: func(s *speaker) {
				s.fail(429, `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`)
			}},
			{name: "400, a key (Gemini)", kind: provider.Denied, only: openaiAPI, play: func(s *speaker) {
				s.fail(400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`)
			}},
			{name: "400, the model (LiteLLM)", kind: provider.ModelNotFound, only: openaiAPI, play: func(s *speaker) {
				s.fail(400, `{"error":{"message":"/chat/completions: Invalid model name passed in model=m. Call `+"`/v1/models`"+` to view available models for your key.","code":"400"}}`)
			}},
			{name: "404, no tools (OpenRouter)", kind: provider.Unsupported, only: openaiAPI, play: func(s *speaker) {
				s.fail(404, `{"error":{"message":"No endpoints found that support tool use.","code":404}}`)
			}},
			{name: "400, a content filter (DeepSeek)", kind: provider.Filtered, only: openaiAPI, play: refuse(400, "Content Exists Risk")},
			{name: "422, a provider behind the server (OpenRouter)", kind: provider.ContextOverflow, only: openaiAPI, play: func(s *speaker) {
				s.fail(422, `{"error":{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"prompt is too long: 209303 tokens > 200000 maximum\"}}","provider_name":"Acme"}}}`)
			}},
			{name: "500", kind: provider.Unavailable, play: refuse(500, "boom")},
			{name: "502, a web page", kind: provider.Unavailable, play: func(s *speaker) {
				s.w.Header().Set("Content-Type", "text/html")
				s.w.WriteHeader(502)
				s.send("<html>Bad Gateway</html>")
			}},
			{name: "503, the queue is full", kind: provider.Unavailable, play: refuse(503, "server busy, please try again.  maximum pending requests exceeded")},
			{name: "529", kind: provider.Unavailable, play: refuse(529, "overloaded")},
			{name: "a redirect", kind: provider.Unavailable, play: func(s *speaker) { s.fail(307, "", "Location: http://192.0.2.1/") }},
		}},
		{"What does not fit", []row{
			{name: "overflow, as Ollama to v0.17 says it", kind: provider.ContextOverflow, only: ollamaAPI, play: refuse(400, "the input length exceeds the context length")},
			{name: "overflow, as newer Ollama says it", kind: provider.ContextOverflow, only: ollamaAPI, play: refuse(400,
				`{"error":{"code":400,"message":"request (6010 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6010,"n_ctx":512}}`)},
			{name: "overflow, as llama.cpp says it", kind: provider.ContextOverflow, only: openaiAPI, play: func(s *speaker) {
				s.fail(400, `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6010,"n_ctx":512}}`)
			}},
			{name: "overflow, as OpenAI says it", kind: provider.ContextOverflow, only: openaiAPI, play: func(s *speaker) {
				s.fail(400, `{"error":{"message":"This model's maximum context length is 128000 tokens.","code":"context_length_exceeded"}}`)
			}},
			{name: "overflow, as vLLM says it", kind: provider.ContextOverflow, only: openaiAPI, play: func(s *speaker) {
				s.fail(400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 6010 tokens","type":"BadRequestError","code":400}`)
			}},
			{name: "overflow, as SGLang says it", kind: provider.ContextOverflow, only: openaiAPI, play: refuse(400, "The input (6010 tokens) is longer than the model's context length (4096 tokens).")},
			{name: "the prompt was cut, and the count of tokens tells", kind: provider.ContextOverflow, only: ollamaAPI, part: "Hello", play: func(s *speaker) {
				s.say("Hello")
				s.send(map[bool]string{true: `{"model":"m","message":{"role":"assistant","content":""},`, false: `},`}[s.stream] + `"done":true,"done_reason":"stop","prompt_eval_count":4096,"eval_count":3}` + "\n")
			}},
			{name: "out of memory", kind: provider.OutOfMemory, only: ollamaAPI, play: refuse(500, "model requires more system memory (9.1 GiB) than is available (3.2 GiB)")},
			{name: "the runner was killed as it loaded", kind: provider.OutOfMemory, only: ollamaAPI, play: refuse(500, "llama runner process has terminated: signal: killed")},
		}},
		{"Silence", []row{
			{name: "hangs before the head of the answer", kind: provider.Timeout, play: (*speaker).hang, o: httpx.Options{FirstToken: short}},
			{name: "hangs before the first token", kind: provider.Timeout, play: func(s *speaker) { s.head(); s.hang() }, o: httpx.Options{FirstToken: short}},
			{name: "keeps the connection alive, and says nothing", kind: provider.Timeout, o: httpx.Options{FirstToken: short}, play: func(s *speaker) {
				for s.r.Context().Err() == nil {
					s.head()
					time.Sleep(short / 10)
				}
			}},
			{name: "hangs in the middle", kind: provider.Timeout, part: "Hello wör", o: httpx.Options{Idle: short}, play: func(s *speaker) { s.say("Hello", " wör"); s.hang() }},
			{name: "comes slowly, and is whole", play: func(s *speaker) {
				s.head()
				for _, word := range []string{"Hello", " ", "wörld"} {
					if s.stream {
						time.Sleep(short / 6)
						s.say(word)
					}
				}
				if !s.stream {
					s.say("Hello wörld")
				}
				s.end("stop")
			}, o: httpx.Options{FirstToken: 5 * time.Second, Idle: 5 * time.Second}},
		}},
		{"Answers that break off", []row{
			{
				name: "the connection is cut before the first token", kind: provider.Truncated, or: map[string]provider.Kind{"whole": provider.Unavailable},
				play: func(s *speaker) { s.head(); s.cut() },
			},
			{
				name: "the connection is cut in the middle", kind: provider.Truncated,
				part: "Hello wör", play: func(s *speaker) { s.say("Hello", " wör"); s.cut() },
			},
			{
				name: "ends in the middle without a finish", kind: provider.Truncated,
				part: "Hello wör", play: func(s *speaker) { s.say("Hello", " wör") },
			},
			{name: "an error in the stream, before the first token", kind: provider.Unavailable, play: func(s *speaker) { s.inBand("boom") }},
			{name: "an error in the stream, in the middle", kind: provider.Truncated, or: map[string]provider.Kind{"whole": provider.Unavailable}, part: "Hello wör", play: func(s *speaker) {
				if s.stream {
					s.say("Hello", " wör")
				}
				s.inBand("boom")
			}},
			{name: "the runner is killed in the middle", kind: provider.Truncated, or: map[string]provider.Kind{"whole": provider.Unavailable}, only: ollamaAPI, part: "Hello wör", play: func(s *speaker) {
				if s.stream {
					s.say("Hello", " wör")
				}
				s.inBand("an error was encountered while running the model: unexpected EOF")
			}},
			{name: "the model is unloaded as it answers", kind: provider.Truncated, only: ollamaAPI, part: "Hello", play: func(s *speaker) { s.answer("unload", "Hello") }},
			{
				name: "malformed JSON before the first token", kind: provider.Unavailable, or: map[string]provider.Kind{"OpenAI whole": provider.Truncated},
				play: func(s *speaker) {
					s.send(s.by("{oops\n", map[bool]string{true: "data: {oops\n\n", false: "{oops"}[s.stream]))
				},
			},
			{name: "malformed JSON in the middle", kind: provider.Truncated, or: map[string]provider.Kind{"Ollama whole": provider.Unavailable}, part: "Hello", play: func(s *speaker) {
				s.say("Hello")
				s.send(s.by("{oops\n", "data: {oops\n\n"))
			}},
		}},
		{"Broken and empty answers", []row{
			{name: "an empty answer", kind: provider.Truncated, play: func(s *speaker) { s.answer("stop", "") }},
			{name: "only white space", kind: provider.Truncated, play: func(s *speaker) { s.answer("stop", " ", "\n\n") }},
			{name: "cut at max_tokens before a word", kind: provider.Truncated, play: func(s *speaker) { s.answer("length", "\n") }},
			{name: "cut at max_tokens", play: func(s *speaker) { s.answer("length", "Hello wörld") }},
			{name: "withheld by a content filter", kind: provider.Filtered, only: openaiAPI, play: func(s *speaker) { s.answer("content_filter", "") }},
			{name: "withheld by a content filter, in the middle", kind: provider.Filtered, only: openaiAPI, part: "Hello", play: func(s *speaker) { s.answer("content_filter", "Hello") }},
			{name: "not the JSON that a schema asks for", kind: provider.BadAnswer, req: schema, play: func(s *speaker) { s.answer("stop", "Hello", " wörld") }},
			{name: "JSON of another type than a schema asks for", kind: provider.BadAnswer, req: schema, play: func(s *speaker) { s.answer("stop", "[1]") }},
			{name: "JSON that is cut at max_tokens", kind: provider.Truncated, req: schema, play: func(s *speaker) { s.answer("length", `{"a":`) }},
			{
				name: "a tool call whose arguments are garbage", kind: provider.BadAnswer, or: map[string]provider.Kind{ollamaAPI: provider.Unavailable}, req: tools,
				play: func(s *speaker) { s.tool("{oops", "tool_calls") },
			},
			{name: "tool calls are announced, and none come", kind: provider.BadAnswer, only: openaiAPI, req: tools, play: func(s *speaker) { s.answer("tool_calls", "") }},
			{name: "a web page", kind: provider.Unavailable, play: func(s *speaker) {
				s.w.Header().Set("Content-Type", "text/html")
				s.send("<html>Welcome</html>")
			}},
			{name: "status 200, and no body", kind: provider.Unavailable, or: map[string]provider.Kind{"OpenAI stream": provider.Unavailable}, play: func(*speaker) {}},
			{name: "longer than max_answer", kind: provider.Unavailable, or: map[string]provider.Kind{"stream": provider.Truncated}, part: "Hello", o: httpx.Options{MaxAnswer: 2 << 10}, play: func(s *speaker) {
				s.say("Hello", strings.Repeat("x", 2<<10))
				s.end("stop")
			}},
			{name: "events that say nothing, without end", kind: provider.Unavailable, o: httpx.Options{MaxAnswer: 64 << 10}, play: endless("")},
			{name: "comments and blanks, without end", kind: provider.Unavailable, o: httpx.Options{MaxAnswer: 64 << 10}, play: func(s *speaker) {
				for s.r.Context().Err() == nil {
					s.send(map[bool]string{true: s.by("\n", ": busy\n\n"), false: " "}[s.stream])
				}
			}},
			{
				name: "text after the end", kind: provider.BadAnswer, or: map[string]provider.Kind{"whole": provider.Unavailable}, part: "Hello",
				play: func(s *speaker) {
					s.say("Hello")
					if s.stream && s.dialect == openaiAPI { // without [DONE], behind which nothing is read
						s.send(`data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n")
					} else {
						s.end("stop")
					}
					s.say(" again")
					s.end("stop")
				},
			},
			{name: "status 206", kind: provider.Unavailable, play: func(s *speaker) {
				s.w.WriteHeader(http.StatusPartialContent)
				s.answer("stop", "Hello")
			}},
			{name: "more than an answer can be", kind: provider.Unavailable, o: httpx.Options{MaxAnswer: 64 << 10, MaxLine: 64 << 10}, play: func(s *speaker) {
				s.say(strings.Repeat("x", 128<<10))
				s.end("stop")
			}},
		}},
	}
}

// endless says the same text until the client leaves; a whole answer is a long
// one.
func endless(text string) func(*speaker) {
	return func(s *speaker) {
		if !s.stream {
			s.say(strings.Repeat("x", 128<<10))
			return
		}
		for s.r.Context().Err() == nil {
			s.say(text)
		}
	}
}

func fixed(url string) func(*testing.T) string { return func(*testing.T) string { return url } }

func closedPort(t *testing.T) string { return "http://" + deadHost(t) }

// mute accepts connections and says nothing.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "https://" + l.Addr().String()
}

// certified is a TLS server whose certificate, signed by itself, is valid for
// so long from now, and for that address.
func certified(valid time.Duration, address string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tmpl := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.ParseIP(address)},
			NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(valid),
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
}
