package pool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/pool"
)

// engine plays an Ollama (0.33.3) that a test makes fail.
type engine struct {
	*httptest.Server
	digest string
	chat   func(e *engine, w http.ResponseWriter, r *http.Request) // nil: answer
	pace   time.Duration                                           // between two tokens
	tokens int                                                     // of an answer; 0: 2

	models  atomic.Pointer[[]string]
	loaded  atomic.Pointer[[]string]
	calls   atomic.Int64 // chats that began
	running atomic.Int64
	most    atomic.Int64           // chats at a time
	stopped atomic.Bool            // it answers nothing any more, as after SIGSTOP
	refuses atomic.Int64           // the status of every answer, such as 503; 0: none
	renewed atomic.Pointer[string] // its digest, from now on
	probes  atomic.Int64           // questions what is in memory
	listing chan struct{}          // it lists its models once this is closed; nil: at once

	mu     sync.Mutex
	goOn   chan struct{}
	slots  chan struct{} // nil: any number at a time
	asked  []string
	closed sync.Once
}

func newEngine(t testing.TB, set func(*engine)) *engine {
	t.Helper()
	e := &engine{digest: "aaaa", goOn: make(chan struct{})}
	e.models.Store(&[]string{"m:1b"})
	e.loaded.Store(&[]string{"m:1b"})
	if set != nil {
		set(e)
	}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.kill)
	return e
}

// kill ends it as kill -9 does: its connections are closed, and nothing listens.
func (e *engine) kill() {
	e.closed.Do(func() {
		e.resume()
		e.Config.SetKeepAlivesEnabled(false)
		e.CloseClientConnections()
		e.Listener.Close()
		e.CloseClientConnections()
		e.Close()
	})
}

func (e *engine) stop() { e.stopped.Store(true) }

func (e *engine) resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped.CompareAndSwap(true, false) {
		close(e.goOn)
		e.goOn = make(chan struct{})
	}
}

// hold waits as long as it is stopped.
func (e *engine) hold(r *http.Request) bool {
	for e.stopped.Load() {
		e.mu.Lock()
		goOn := e.goOn
		e.mu.Unlock()
		select {
		case <-goOn:
		case <-r.Context().Done():
			return false
		}
	}
	return r.Context().Err() == nil
}

func (e *engine) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !e.hold(r) {
		return
	}
	if status := e.refuses.Load(); status != 0 {
		w.WriteHeader(int(status))
		fmt.Fprint(w, `{"error":"loading model"}`)
		return
	}
	switch r.URL.Path {
	case "/api/ps", "/api/tags":
		list := e.models.Load()
		if r.URL.Path == "/api/ps" {
			e.probes.Add(1)
			list = e.loaded.Load()
		} else if e.listing != nil {
			select {
			case <-e.listing:
			case <-r.Context().Done():
				return
			}
		}
		digest := e.digest
		if renewed := e.renewed.Load(); renewed != nil {
			digest = *renewed
		}
		var models []map[string]any
		for _, name := range *list {
			models = append(models, map[string]any{"name": name, "model": name, "digest": digest, "size": 100})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"models": models})
	case "/api/version":
		fmt.Fprint(w, `{"version":"0.33.3"}`)
	case "/api/show":
		fmt.Fprint(w, `{"capabilities":["completion","embedding"]}`)
	case "/api/embed":
		fmt.Fprint(w, `{"model":"m:1b","embeddings":[[1,2]]}`)
	case "/api/chat":
		e.calls.Add(1)
		e.mu.Lock()
		e.asked = append(e.asked, string(body))
		e.mu.Unlock()
		for n := e.running.Add(1); ; {
			if most := e.most.Load(); n <= most || e.most.CompareAndSwap(most, n) {
				break
			}
		}
		defer e.running.Add(-1)
		if e.slots != nil {
			select {
			case e.slots <- struct{}{}:
				defer func() { <-e.slots }()
			case <-r.Context().Done():
				return
			}
		}
		if e.chat != nil {
			e.chat(e, w, r)
			return
		}
		e.answer(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"not found"}`)
	}
}

// answer writes its address, word by word.
func (e *engine) answer(w http.ResponseWriter, r *http.Request) {
	n := max(e.tokens, 2)
	for i := range n {
		if e.pace > 0 {
			select {
			case <-time.After(e.pace):
			case <-r.Context().Done():
				return
			}
		}
		if !e.hold(r) {
			return
		}
		e.word(w, fmt.Sprintf("w%d ", i))
	}
	e.end(w, n)
}

func (e *engine) word(w http.ResponseWriter, text string) {
	fmt.Fprintf(w, `{"model":"m:1b","message":{"role":"assistant","content":%q},"done":false}`+"\n", text)
	w.(http.Flusher).Flush()
}

func (e *engine) end(w http.ResponseWriter, tokens int) {
	fmt.Fprintf(w, `{"model":"m:1b","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":%d}`+"\n", tokens)
}

// host is its name in a pool.
func (e *engine) host() string { return strings.TrimPrefix(e.URL, "http://") }

// newPool is a pool of engines.
func newPool(t testing.TB, set func(*pool.Config), engines ...*engine) *pool.Pool {
	t.Helper()
	c := pool.Config{Name: "house", Model: "m:1b"}
	for _, e := range engines {
		p, err := ollama.New(ollama.Config{Name: "house", Host: e.URL, Model: "m:1b"})
		if err != nil {
			t.Fatal(err)
		}
		c.Hosts = append(c.Hosts, pool.Host{Name: e.host(), Provider: p})
	}
	if set != nil {
		set(&c)
	}
	p, err := pool.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(ctx context.Context, p provider.Provider, texts ...string) (provider.Response, error) {
	req := provider.Request{}
	for i, text := range texts {
		role := provider.RoleUser
		if i%2 == 1 {
			role = provider.RoleAssistant
		}
		req.Messages = append(req.Messages, provider.Message{Role: role, Text: text})
	}
	return provider.Collect(p.Chat(ctx, req))
}
