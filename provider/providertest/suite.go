package providertest

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// Factory makes the provider under test.
type Factory struct {
	Dialect Dialect
	// New returns a provider whose server is at baseURL (scheme://host:port,
	// to which the OpenAI dialect's provider adds /v1), with a model of its
	// own. Its Name is not "somebody-else".
	New func(t *testing.T, baseURL string) provider.Provider
}

// Run is the suite for a provider that stands before a server of its own. It
// needs the package's goroutines to be checked by goleak in TestMain.
func Run(t *testing.T, f Factory) {
	t.Run("honest", func(t *testing.T) { runHonest(t, f) })
	t.Run("letters", func(t *testing.T) { runLetters(t, f) })
	t.Run("lies", func(t *testing.T) { runLies(t, f) })
	t.Run("failures", func(t *testing.T) { runFailures(t, f) })
	t.Run("leaving", func(t *testing.T) { runLeaving(t, f) })
	t.Run("refusals", func(t *testing.T) { runRefusals(t, f) })
}

func hello() provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User("Say hello.")}}
}

// runLies plays every misbehaviour, streamed and not. None may end well.
func runLies(t *testing.T, f Factory) {
	falseSuccesses := 0
	for _, l := range lies() {
		if l.only != nil && *l.only != f.Dialect {
			continue
		}
		for _, noStream := range []bool{false, true} {
			if l.streamed && noStream {
				continue
			}
			name := l.name
			if noStream {
				name += ", whole"
			}
			t.Run(name, func(t *testing.T) {
				u := newUpstream(t, func(w *serverAnswer, _ *http.Request) { l.play(speech{f.Dialect}, w) })
				p := f.New(t, u.URL)
				req := hello()
				req.NoStream = noStream
				before := heap()
				r, err := provider.Collect(p.Chat(context.Background(), req))
				grown := heap() - before
				if err == nil {
					falseSuccesses++
					t.Fatalf("a false success: %+v", r)
				}
				kinds := l.kinds
				if noStream {
					kinds = l.whole
				}
				checkError(t, p, err, kinds)
				if !noStream && l.partial != "" && r.Text != l.partial {
					t.Errorf("what came before the failure is %q, want %q", r.Text, l.partial)
				}
				if grown > 256<<20 {
					t.Errorf("memory grew by %d MiB", grown>>20)
				}
				if n := u.hits.Load(); n != 1 {
					t.Errorf("the server was asked %d times: a provider neither retries nor follows redirects", n)
				}
			})
		}
	}
	t.Logf("false successes: %d", falseSuccesses)
}

// heap is the memory obtained from the system for the heap, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys) //nolint:gosec // no heap has 8 EiB
}

func checkError(t *testing.T, p provider.Provider, err error, kinds []provider.Kind) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is no *provider.Error", err, err)
	}
	if e.Kind == "" || e.Provider != p.Name() || e.Err == nil {
		t.Errorf("the error does not say what happened to whom: %+v", e)
	}
	if len(kinds) > 0 && !slices.Contains(kinds, e.Kind) {
		t.Errorf("the error is %v, of Kind %q; want one of %q", err, e.Kind, kinds)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has more than one line: %q", err)
	}
}

// runHonest plays what good servers send, in unusual forms.
func runHonest(t *testing.T, f Factory) {
	s := speech{f.Dialect}
	stream := func(parts ...string) func(*serverAnswer, *http.Request) {
		return func(w *serverAnswer, _ *http.Request) {
			if !w.wantsStream(f.Dialect) {
				s.answer(w, "Hello", " wörld")
				return
			}
			s.head(w)
			w.send(strings.Join(parts, ""))
		}
	}
	good := []string{s.textEvent("Hello"), s.textEvent(" wörld")}
	end := s.finish("stop")
	cases := map[string]func(*serverAnswer, *http.Request){
		"plain":           func(w *serverAnswer, _ *http.Request) { s.answer(w, "Hello", " wörld") },
		"CRLF":            stream(strings.ReplaceAll(strings.Join(good, "")+end+s.usage()+s.done(), "\n", "\r\n")),
		"no last newline": stream(append(good, strings.TrimRight(end, "\n"))...),
		"byte by byte": func(w *serverAnswer, r *http.Request) {
			if !w.wantsStream(f.Dialect) {
				s.answer(w, "Hello", " wörld")
				return
			}
			s.head(w)
			for _, b := range []byte(strings.Join(good, "") + end + s.usage() + s.done()) {
				if !w.send(string([]byte{b})) {
					return
				}
			}
		},
	}
	if f.Dialect == OpenAI {
		noise := strings.Repeat(": keep-alive\n\n", 400)
		cases["400 comments"] = stream(append(append([]string{noise}, good...), end+s.usage()+s.done())...)
		cases["BOM"] = stream(append(append([]string{"\ufeff"}, good...), end+s.usage()+s.done())...)
		cases["no space after data:"] = stream(strings.ReplaceAll(strings.Join(good, "")+end+s.usage()+s.done(), "data: ", "data:"))
		cases["data over lines"] = stream(strings.ReplaceAll(strings.Join(good, "")+end+s.usage()+s.done(), `,"model"`, ",\ndata: \"model\""))
		cases["no DONE"] = stream(append(good, end, s.usage())...)
		cases["the finish twice"] = stream(append(good, end, end, s.usage(), s.done())...)
		cases["an id for each event"] = stream(delta("1", 0, `"content":"Hello"`, ""), delta("2", 0, `"content":" wörld"`, ""), delta("3", 0, "", "stop"), s.done())
		cases["text after DONE"] = stream(append(good, end, s.usage(), s.done(), s.textEvent(" again"))...)
		cases["role first"] = stream(append([]string{s.event(`{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}`)}, append(good, end, s.usage(), s.done())...)...)
	}
	for name, play := range cases {
		for _, noStream := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", whole"}[noStream], func(t *testing.T) {
				u := newUpstream(t, play)
				req := hello()
				req.NoStream = noStream
				r := collect(t, f.New(t, u.URL), req)
				if r.Text != "Hello wörld" || r.Finish != provider.FinishStop {
					t.Errorf("got %q, finish %q", r.Text, r.Finish)
				}
				if name == "plain" {
					checkPlain(t, f, u, r)
				}
			})
		}
	}
	t.Run("thinking apart from text", func(t *testing.T) {
		u := newUpstream(t, stream(append([]string{s.thinking("Hm.")}, append(good, end)...)...))
		if r := collect(t, f.New(t, u.URL), hello()); r.Thinking != "Hm." || r.Text != "Hello wörld" {
			t.Errorf("thinking %q, text %q", r.Thinking, r.Text)
		}
	})
	t.Run("cut at the limit", func(t *testing.T) {
		u := newUpstream(t, stream(append(good, s.finish("length"), s.done())...))
		if r := collect(t, f.New(t, u.URL), hello()); r.Finish != provider.FinishLength {
			t.Errorf("finish %q, want %q", r.Finish, provider.FinishLength)
		}
	})
	t.Run("each range is a call, none before", func(t *testing.T) {
		u := newUpstream(t, cases["plain"])
		seq := f.New(t, u.URL).Chat(context.Background(), hello())
		if n := u.hits.Load(); n != 0 {
			t.Fatalf("%d calls before ranging", n)
		}
		for range 2 {
			if r, err := provider.Collect(seq); err != nil || r.Text != "Hello wörld" {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		if n := u.hits.Load(); n != 2 {
			t.Errorf("%d calls after ranging twice", n)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		u := newUpstream(t, cases["plain"])
		p := f.New(t, u.URL)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if r, err := provider.Collect(p.Chat(context.Background(), hello())); err != nil || r.Text != "Hello wörld" {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
		wg.Wait()
	})
}

func checkPlain(t *testing.T, f Factory, u *upstream, r provider.Response) {
	t.Helper()
	if r.Usage == nil || r.Usage.InputTokens != 7 || r.Usage.OutputTokens != 3 {
		t.Errorf("usage %+v, want 7 tokens in and 3 out", r.Usage)
	}
	rt := r.Route
	if rt.Model != "m" || rt.Endpoint != u.URL || !rt.Local || rt.Request != "req-1" || rt.Total <= 0 || rt.FirstToken <= 0 || rt.FirstToken > rt.Total {
		t.Errorf("route %+v", rt)
	}
}

// collect ranges over an answer, checks the contract's rules about chunks, and
// returns the whole.
func collect(t *testing.T, p provider.Provider, req provider.Request) provider.Response {
	t.Helper()
	ended := false
	r, err := provider.Collect(func(yield func(provider.Chunk, error) bool) {
		for c, err := range p.Chat(context.Background(), req) {
			switch {
			case err != nil:
			case ended:
				t.Error("a chunk came after the finish")
			case c.Empty():
				t.Error("a chunk is empty")
			case c.Finish == "" && (c.Usage != nil || c.Route != nil):
				t.Error("usage or route came before the last chunk")
			case c.Finish != "":
				ended = true
				if c.Route == nil || c.Route.Provider == "" {
					t.Error("the last chunk has no route")
				}
			}
			if !yield(c, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatalf("Chat: %v", err)
	}
	if r.Route == nil {
		t.Fatal("there is no route")
	}
	return r
}

// leaveLimit is the contract's, with the race detector's slowness allowed for.
const leaveLimit = 100 * time.Millisecond * raceFactor
