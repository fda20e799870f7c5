package stack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// counted is an Ollama that counts what it is asked for, by path, and the
// chats at a time.
type counted struct {
	*httptest.Server
	mu        sync.Mutex
	paths     []string
	now, most atomic.Int32
}

func newCounting(t *testing.T, chat http.HandlerFunc) *counted {
	t.Helper()
	c := &counted{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c.mu.Lock()
		c.paths = append(c.paths, r.URL.Path)
		c.mu.Unlock()
		switch r.URL.Path {
		case "/api/show":
			fmt.Fprint(w, `{"capabilities":["completion"],"model_info":{"general.architecture":"llama"}}`)
		case "/api/chat":
			n := c.now.Add(1)
			defer c.now.Add(-1)
			for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
			}
			chat(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *counted) asked() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := strings.Join(c.paths, " ")
	c.paths = nil
	return s
}

func okChat(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, `{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":1}`)
}

func TestRetriesAreTheConfigurations(t *testing.T) {
	c := newCounting(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"error":"busy"}`)
	})
	for retries, want := range map[string]int{"": 3, "retries: 0": 1, "retries: 3": 4} {
		var waits []time.Duration
		s := open(t, stacktest.Load(t, retries+`
use: local
providers: [{name: local, host: "`+c.URL+`", managed: false, model: m}]
`, nil, nil), Options{Observe: func(e router.Event) {
			if e.Type == router.Retrying {
				waits = append(waits, e.Wait)
			}
		}})
		if _, err := stacktest.Ask(s, provider.Request{}); provider.KindOf(err) != provider.Unavailable {
			t.Errorf("%q: %v", retries, err)
		}
		if n := strings.Count(c.asked(), "/api/chat"); n != want || len(waits) != want-1 {
			t.Errorf("%q: asked %d times, and told of %d retries; want %d calls", retries, n, len(waits), want)
		}
	}
}

func TestMaxConcurrent(t *testing.T) {
	c := newCounting(t, okChat)
	s := open(t, stacktest.Load(t, `
use: local
providers: [{name: local, host: "`+c.URL+`", managed: false, model: m, max_concurrent: 2}]
`, nil, nil), Options{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := stacktest.Ask(s, provider.Request{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := c.most.Load(); n < 1 || n > 2 {
		t.Errorf("%d chats at a time, want 2 at most", n)
	}
}

// An ordinary question is one call, and before the first of a process one round
// trip that tells whether the model is in memory. What a model can do is asked only when it
// matters, and whether it is there only for a plan; both are remembered.
func TestNoRoundTripThatIsNotNeeded(t *testing.T) {
	c := newCounting(t, okChat)
	s := open(t, stacktest.Load(t, `
use: local
providers: [{name: local, host: "`+c.URL+`", managed: false, model: m}]
`, nil, nil), Options{})
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil {
		t.Fatal(err)
	}
	if got := c.asked(); got != "/api/ps /api/chat" {
		t.Errorf("the first question asked for %s", got)
	}
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil {
		t.Fatal(err)
	}
	if got := c.asked(); got != "/api/chat" {
		t.Errorf("an ordinary question asked for %s", got)
	}
	tools := provider.Request{Tools: []provider.Tool{{Name: "f", Parameters: []byte(`{"type":"object"}`)}}}
	for range 2 {
		if _, err := stacktest.Ask(s, tools); provider.KindOf(err) != provider.Unsupported {
			t.Errorf("tools for a model that has none: %v", err)
		}
	}
	planner, ok := provider.As[router.Planner](s.Provider)
	if !ok {
		t.Fatal("the stack has no plan")
	}
	plan, err := planner.Plan(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}})
	if err != nil || len(plan.Candidates) != 1 || !plan.Candidates[0].Keep || plan.Candidates[0].Window != 4096 || plan.Candidates[0].Model != "m" {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if got := c.asked(); got != "/api/show" {
		t.Errorf("tools twice and a plan asked for %q, want the one question", got)
	}
}

func TestWindowIsWhatIsPinned(t *testing.T) {
	for what, tc := range map[string]struct {
		pc    config.Provider
		own   any
		n     int
		known bool
	}{
		"the provider's":        {pc: config.Provider{NumCtx: 512}, n: 512, known: true},
		"the request's":         {pc: config.Provider{NumCtx: 512}, own: int64(8192), n: 8192, known: true},
		"an option":             {pc: config.Provider{Options: config.Options{"num_ctx": 1024}}, n: 1024, known: true},
		"a request from JSON":   {own: 4096.0, n: 4096, known: true},
		"the server's own":      {},
		"auto, not yet known":   {pc: config.Provider{NumCtx: config.WindowAuto, Options: config.Options{"num_ctx": 1024}}},
		"something odd is none": {pc: config.Provider{NumCtx: 512}, own: "many"},
	} {
		req := provider.Request{}
		if tc.own != nil {
			req.Options = map[string]any{"num_ctx": tc.own}
		}
		if n, known := pinned(tc.pc)(t.Context(), &req); n != tc.n && known || known != tc.known {
			t.Errorf("%s: %d, %v", what, n, known)
		}
	}
}

func TestWhoIsPaid(t *testing.T) {
	zero, some := 0.0, 0.15
	for what, tc := range map[string]struct {
		endpoint string
		local    bool
		price    config.Price
		want     bool
	}{
		"hosted":                 {"https://api.openai.com", false, config.Price{}, true},
		"hosted, with a price":   {"https://api.openai.com", false, config.Price{Input: &zero, Output: &some}, true},
		"hosted, and free":       {"http://192.168.1.5:8000", false, config.Price{Input: &zero, Output: &zero}, false},
		"on this machine":        {"http://127.0.0.1:8080", true, config.Price{}, false},
		"a gateway, perhaps":     {"http://127.0.0.1:4000", false, config.Price{}, true},
		"a priced gateway":       {"http://127.0.0.1:4000", true, config.Price{Input: &some, Output: &some}, true},
		"one with half a price":  {"http://127.0.0.1:4000", true, config.Price{Output: &some}, true},
		"a gateway that is free": {"http://localhost:4000", false, config.Price{Input: &zero, Output: &zero}, false},
	} {
		if got := paid(&Configured{Endpoint: tc.endpoint, Config: config.Provider{Local: tc.local, Price: tc.price}}); got != tc.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestWindowOfTheFirstInUse(t *testing.T) {
	cfg := &config.Loaded{Config: config.Config{
		Use: []string{"local", "hosted"},
		Providers: []config.Provider{
			{Name: "local", Kind: config.KindOllama, Host: "127.0.0.1:1", Model: "m", NumCtx: 2048},
			{Name: "hosted", Kind: config.KindOpenAI, BaseURL: "http://127.0.0.1:1/v1", Model: "m"},
		},
	}}
	s := open(t, cfg, Options{})
	for what, tc := range map[string]struct {
		req   provider.Request
		n     int
		known bool
	}{
		"the configuration's": {provider.Request{}, 2048, true},
		"the request's own":   {provider.Request{Options: map[string]any{"num_ctx": int64(512)}}, 512, true},
		"hosted: not told":    {provider.Request{Use: []string{"hosted"}}, 0, false},
		"nobody":              {provider.Request{Use: []string{"none"}}, 0, false},
	} {
		if n, known := s.Window(t.Context(), &tc.req); n != tc.n || known != tc.known {
			t.Errorf("%s: %d, %v", what, n, known)
		}
	}
}
