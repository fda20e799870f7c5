package stack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// gated is an OpenAI-compatible server that answers with its name when gate, if
// not nil, is closed, and fails while it is broken.
type gated struct {
	*httptest.Server
	calls  atomic.Int32
	broken atomic.Bool
	keys   atomic.Value // the latest Authorization
	begun  chan struct{}
	gate   chan struct{}
}

func newGated(t *testing.T, name string) *gated {
	t.Helper()
	g := &gated{begun: make(chan struct{}, 100)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.calls.Add(1)
		g.keys.Store(r.Header.Get("Authorization"))
		_, _ = io.Copy(io.Discard, r.Body)
		if g.broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		g.begun <- struct{}{}
		if g.gate != nil {
			<-g.gate
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"model":"m","choices":[{"index":0,"delta":{"content":"`+name+`"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(g.Server.Close)
	return g
}

func (g *gated) provider(name, more string) string {
	return "  - {name: " + name + ", kind: openai, base_url: \"" + g.URL + "/v1\", model: m, local: true" + more + "}\n"
}

func reload(t *testing.T, s *Stack, cfg *config.Loaded) *Stack {
	t.Helper()
	next, err := s.Reload(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

func TestReloadWhileACallIsUnderWay(t *testing.T) {
	a, b := newGated(t, "a"), newGated(t, "b")
	a.gate = make(chan struct{})
	var live atomic.Pointer[Stack] // as a server has it
	live.Store(open(t, stacktest.Load(t, "use: a\nproviders:\n"+a.provider("a", ""), nil, nil), Options{}))
	old := make(chan string, 1)
	go func() {
		r, err := stacktest.Ask(live.Load(), provider.Request{})
		if err != nil {
			t.Error(err)
		}
		old <- r.Text
	}()
	<-a.begun
	first := live.Load()
	live.Store(reload(t, first, stacktest.Load(t, "use: b\ntemperature: 0.5\nproviders:\n"+b.provider("b", ""), nil, nil)))
	first.Close() // does nothing to its successor
	if r, err := stacktest.Ask(live.Load(), provider.Request{}); err != nil || r.Text != "b" {
		t.Errorf("after the reload: %+v, %v", r, err)
	}
	close(a.gate)
	if text := <-old; text != "a" {
		t.Errorf("the call under way got %q", text)
	}
	var req provider.Request
	if live.Load().Defaults(&req); req.Temperature == nil || *req.Temperature != 0.5 {
		t.Errorf("the defaults are %+v", req)
	}
	if _, err := stacktest.Ask(live.Load(), provider.Request{Use: []string{"a"}}); provider.KindOf(err) != provider.Invalid {
		t.Errorf("a provider that is gone: %v", err)
	}
}

// A provider that is configured as before keeps its circuit breaker; one that was
// changed is tried.
func TestReloadKeepsWhatIsKnownOfAProvider(t *testing.T) {
	same, changed, fine := newGated(t, "same"), newGated(t, "changed"), newGated(t, "fine")
	text := func(more string) *config.Loaded {
		return stacktest.Load(t, "use: [same, changed, fine]\nretries: 0\nproviders:\n"+same.provider("same", "")+changed.provider("changed", more)+fine.provider("fine", ""), nil, nil)
	}
	s := open(t, text(""), Options{})
	same.broken.Store(true)
	changed.broken.Store(true)
	for range 8 {
		if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "fine" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	n, m := same.calls.Load(), changed.calls.Load()
	if n != 5 || m != 5 {
		t.Fatalf("%d and %d calls, want the circuit breakers to open after 5", n, m)
	}
	s = reload(t, s, text(", max_concurrent: 3"))
	if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "fine" {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := same.calls.Load(); got != n {
		t.Errorf("a provider that is as before was asked, though its circuit breaker is open: %d calls", got)
	}
	if got := changed.calls.Load(); got != m+1 {
		t.Errorf("a provider that was changed got %d calls, want one more than %d", got, m)
	}
}

func TestReloadLooksKeysUpAnew(t *testing.T) {
	g := newGated(t, "g")
	text := "use: g\nproviders:\n" + g.provider("g", `, api_key: "env:THE_KEY"`)
	s := open(t, stacktest.Load(t, text, nil, map[string]string{"THE_KEY": "first-key"}), Options{})
	for _, key := range []string{"first-key", "second-key"} {
		if key != "first-key" {
			s = reload(t, s, stacktest.Load(t, text, nil, map[string]string{"THE_KEY": key}))
		}
		if _, err := stacktest.Ask(s, provider.Request{}); err != nil || g.keys.Load() != "Bearer "+key {
			t.Errorf("it was asked with %v, %v; want %s", g.keys.Load(), err, key)
		}
		if got := s.Redact(key); strings.Contains(got, key) {
			t.Errorf("%s is not kept secret", key)
		}
	}
}

// A configuration that is stricter holds from the next call on, and one that is
// wrong changes nothing.
func TestReloadOfPrivacyAndOfMistakes(t *testing.T) {
	g := newGated(t, "g")
	s := open(t, stacktest.Load(t, "use: g\nproviders:\n"+g.provider("g", ""), nil, nil), Options{})
	mistaken := stacktest.Load(t, "use: g\nproviders:\n"+g.provider("g", ""), nil, nil)
	mistaken.Use = []string{"nosuch"}
	if _, err := s.Reload(mistaken); provider.KindOf(err) != provider.Invalid {
		t.Errorf("%v", err)
	}
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil {
		t.Errorf("after a reload that failed: %v", err)
	}
	far := "use: far\nproviders:\n  - {name: far, kind: openai, base_url: http://192.0.2.1:9/v1, model: m}\n"
	s = reload(t, s, stacktest.Load(t, far, map[string]string{"privacy": "local"}, nil))
	var req provider.Request
	s.Defaults(&req)
	req.Messages = []provider.Message{provider.User("Hi")}
	if _, err := provider.Collect(s.Chat(context.Background(), req)); provider.KindOf(err) != provider.Private {
		t.Errorf("%v, want a private error", err)
	}
}

// What a configuration that is refused would drop from the log stays there.
func TestReloadThatFailsDropsNoRuns(t *testing.T) {
	g, dir := newGated(t, "g"), t.TempDir()
	text := "use: g\nproviders:\n" + g.provider("g", "")
	s := open(t, stacktest.Load(t, text, nil, nil), Options{StateDir: dir})
	mistaken := stacktest.Load(t, text, nil, nil)
	mistaken.Use, mistaken.LogKeep.Age = []string{"nosuch"}, 1
	for range 2 {
		if _, err := stacktest.Ask(s, provider.Request{}); err != nil {
			t.Fatal(err)
		}
		s.writer.Flush()
		if _, err := s.Reload(mistaken); err == nil {
			t.Fatal("a mistaken configuration is taken")
		}
	}
	if runs := runsOf(t, s.writer.Store()); runs != 2 {
		t.Errorf("the log has %d runs", runs)
	}
}
