package preload_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

// ollamaFake is an Ollama with one model, which is in memory or not.
type ollamaFake struct {
	*httptest.Server
	mu     sync.Mutex
	window int   // that the model is loaded with; 0: it is not in memory
	vram   int64 // of its 1000 MiB; -1: all
	loads  []loadAsk
	asked  map[string]int
	gate   chan struct{} // if not nil, loads wait until it is closed
	begun  chan struct{} // gets a value for each load that has begun
	gone   chan struct{} // gets a value for each load whose client left
	remote bool
	silent bool   // about anything but chats
	says   string // of a load that fails, with status 500
	prompt int    // window of the last chat
}

type loadAsk struct {
	window int
	keep   string
}

func newOllama(t *testing.T) *ollamaFake {
	f := &ollamaFake{vram: -1, asked: map[string]int{}, begun: make(chan struct{}, 9), gone: make(chan struct{}, 9)}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

const mib = 1 << 20

func (f *ollamaFake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct {
		KeepAlive json.RawMessage `json:"keep_alive"`
		Options   struct {
			NumCtx int `json:"num_ctx"`
		} `json:"options"`
	}
	_ = json.Unmarshal(body, &in)
	f.mu.Lock()
	f.asked[r.URL.Path]++
	window, vram, gate, fails := f.window, f.vram, f.gate, f.says
	f.mu.Unlock()
	if f.silent && r.URL.Path != "/api/chat" {
		http.NotFound(w, r)
		return
	}
	switch r.URL.Path {
	case "/api/ps":
		if vram < 0 {
			vram = 1000
		}
		if window == 0 {
			_, _ = io.WriteString(w, `{"models":[]}`)
			return
		}
		fmt.Fprintf(w, `{"models":[{"name":"small:latest","model":"small:latest","size":%d,"size_vram":%d,"context_length":%d}]}`, 1000*mib, vram*mib, window)
	case "/api/tags":
		_, _ = io.WriteString(w, `{"models":[{"name":"small:latest","size":943718400,"digest":"abc"}]}`)
	case "/api/show": // 900 MiB of weights; each 1,024 tokens of context take 32 MiB
		remote := ""
		if f.remote {
			remote = `"remote_host":"https://ollama.com","remote_model":"small",`
		}
		_, _ = io.WriteString(w, `{`+remote+`"model_info":{"general.architecture":"llama","llama.context_length":32768,"llama.block_count":8,"llama.embedding_length":1024,"llama.attention.head_count":8,"llama.attention.head_count_kv":8,"llama.vocab_size":32000}}`)
	case "/api/generate":
		f.mu.Lock()
		f.loads = append(f.loads, loadAsk{in.Options.NumCtx, string(in.KeepAlive)})
		f.mu.Unlock()
		f.begun <- struct{}{}
		if gate != nil {
			select {
			case <-gate:
			case <-r.Context().Done():
				f.gone <- struct{}{}
				return
			}
		}
		if fails != "" {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `{"error":%q}`, fails)
			return
		}
		f.mu.Lock()
		f.window = in.Options.NumCtx
		f.mu.Unlock()
		_, _ = io.WriteString(w, `{"model":"small","response":"","done":true,"done_reason":"load"}`)
	case "/api/chat":
		f.mu.Lock()
		f.prompt = in.Options.NumCtx
		f.mu.Unlock()
		_, _ = io.WriteString(w, `{"model":"small","message":{"role":"assistant","content":"local"},"done":true,"done_reason":"stop"}`+"\n")
	default:
		http.NotFound(w, r)
	}
}

func (f *ollamaFake) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

func (f *ollamaFake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// two is a stack of that Ollama, with more lines of its configuration, and a
// hosted server that stands in.
func two(t *testing.T, f *ollamaFake, o stack.Options, more string) *stack.Stack {
	t.Helper()
	srv, _ := stacktest.Hosted(t)
	cfg := stacktest.Load(t, `
use: [local, hosted]
providers:
  - {name: hosted, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted"}
  - name: local
    host: "`+f.URL+`"
    model: small
    managed: false
`+more, nil, nil)
	return open(t, cfg, o)
}

// machineWith is a machine with a GPU of so many free MiB, 0: none.
func machineWith(gpu int) vram.Prober {
	return vram.Prober{
		Root: "/nonexistent", OS: "linux",
		RAM: func() (uint64, uint64, uint64, error) { return 4000 * mib, 3000 * mib, 0, nil },
		Run: func(context.Context, string, ...string) ([]byte, error) {
			if gpu == 0 {
				return nil, errors.New("no such program")
			}
			return fmt.Appendf(nil, "Test GPU, 8192, %d\n", gpu), nil
		},
	}
}

func patiently[T any](t *testing.T, c <-chan T, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("never: " + what)
	}
}

func TestAWarmModelCostsOneQuestion(t *testing.T) {
	f := newOllama(t)
	f.window = 4096
	s := two(t, f, stack.Options{}, "")
	for range 3 {
		if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "local" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if f.count("/api/ps") != 1 || f.count("/api/show") != 0 || f.count("/api/generate") != 0 || f.count("/api/chat") != 3 {
		t.Errorf("asked %v; want what is loaded once, and three chats", f.asked)
	}
	if n := s.Loads(); len(n) != 0 {
		t.Errorf("counted %v", n)
	}
}

// A proxy that passes on nothing but chats is asked once what is in memory.
func TestAServerThatTellsNothingIsNotAskedAgain(t *testing.T) {
	f := newOllama(t)
	f.silent = true
	s := two(t, f, stack.Options{}, "")
	for range 3 {
		if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "local" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if f.count("/api/ps") != 1 || f.count("/api/chat") != 3 {
		t.Errorf("asked %v; want what is loaded once, and three chats", f.asked)
	}
}

// The first-token clock of 50 ms begins only when the model is in memory.
func TestAColdModelIsLoadedApart(t *testing.T) {
	f := newOllama(t)
	f.gate = make(chan struct{})
	var mu sync.Mutex
	var lines []string
	s := two(t, f, stack.Options{Progress: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if lines = append(lines, line); len(lines) == 1 {
			close(f.gate) // long after the clock
		}
	}}, "    timeouts: {first_token: 50ms}\n    num_ctx: 2048\n    keep_alive: 0\n")
	r, err := stacktest.Ask(s, provider.Request{})
	if err != nil || r.Text != "local" {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Route.Load < preload.FirstReport || r.Route.Total < r.Route.Load || r.Route.FirstToken < r.Route.Load {
		t.Errorf("route %+v; want the wait of at least %s in it", r.Route, preload.FirstReport)
	}
	if len(f.loads) != 1 || f.loads[0].window != 2048 || f.loads[0].keep != `"1m0s"` {
		t.Errorf("loads %+v; want one with the window of the chat, kept until the chat comes", f.loads)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(lines) != 2 || lines[0] != "loading small (900 MiB) into memory …" || !strings.HasPrefix(lines[1], "small is in memory after ") {
		t.Errorf("progress %q", lines)
	}
	if n := s.Loads(); len(n) != 1 || n[0] != (preload.Count{Provider: "local", Model: "small", Loaded: 1}) {
		t.Errorf("counted %v", n)
	}
}

func TestWhileLoadingTheNextAnswers(t *testing.T) {
	f := newOllama(t)
	f.gate = make(chan struct{})
	s := two(t, f, stack.Options{}, "    while_loading: fallback\n")
	for range 2 { // one load, however many ask meanwhile
		r, err := stacktest.Ask(s, provider.Request{})
		if err != nil || r.Text != "hosted" || !strings.Contains(r.Route.Reason, "the model is being loaded into memory") {
			t.Fatalf("%+v, %v; want the hosted one, and why", r, err)
		}
	}
	under := preloader(t, s).Underway()
	close(f.gate)
	for _, l := range under {
		patiently(t, l.Done(), "the load ends")
	}
	if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "local" {
		t.Errorf("afterwards: %+v, %v; want the local one", r, err)
	}
	if len(f.loads) != 1 {
		t.Errorf("loads %+v, want one", f.loads)
	}
}

func TestWhileLoadingNobodyElseIsWaitedFor(t *testing.T) {
	f := newOllama(t)
	f.gate = make(chan struct{})
	let := sync.OnceFunc(func() { close(f.gate) })
	s := two(t, f, stack.Options{Progress: func(string) { let() }}, "    while_loading: fallback\n")
	r, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}})
	if err != nil || r.Text != "local" {
		t.Errorf("%+v, %v; want to have waited for the only one", r, err)
	}
}

// A request waits for the model that it asked for, and for no other one's.
func TestWhileLoadingOnlyItsOwnModelIsWaitedFor(t *testing.T) {
	slow, f := newOllama(t), newOllama(t)
	slow.gate, f.gate = make(chan struct{}), make(chan struct{})
	let := sync.OnceFunc(func() { close(f.gate) })
	s := two(t, f, stack.Options{Progress: func(string) { let() }}, `    while_loading: fallback
  - {name: slow, kind: ollama, host: "`+slow.URL+`", model: small, managed: false, while_loading: fallback}
`)
	if r, err := stacktest.Ask(s, provider.Request{Use: []string{"slow", "hosted"}}); err != nil || r.Text != "hosted" {
		t.Fatalf("%+v, %v; want the hosted one, while slow is being loaded", r, err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if r, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}}); err != nil || r.Text != "local" {
			t.Errorf("%+v, %v; want to have waited for local", r, err)
		}
	}()
	patiently(t, answered, "an answer while another model is still being loaded")
}

func TestCallersWhoLeaveAbortNoLoad(t *testing.T) {
	f := newOllama(t)
	f.gate = make(chan struct{})
	s := two(t, f, stack.Options{}, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-f.begun; cancel() }()
	_, err := provider.Collect(s.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("Hi")}}))
	if err != context.Canceled {
		t.Errorf("got %v (%T), want the caller's own context.Canceled", err, err)
	}
	under := preloader(t, s).Underway()
	if len(under) != 1 {
		t.Fatalf("%d loads under way, want the one that was begun", len(under))
	}
	close(f.gate)
	patiently(t, under[0].Done(), "the load ends")
	if under[0].Err() != nil || f.window != 4096 {
		t.Errorf("the load: %v, and the window is %d", under[0].Err(), f.window)
	}
	if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "local" || len(f.loads) != 1 {
		t.Errorf("the next: %+v, %v, after %d loads", r, err, len(f.loads))
	}
}

func TestCloseHandsALoadOver(t *testing.T) {
	script := filepath.Join(t.TempDir(), "go-on")
	said := filepath.Join(t.TempDir(), "said")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$@\" > "+said+".new && mv "+said+".new "+said+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no shell here to be the other process")
	}
	f := newOllama(t)
	f.gate = make(chan struct{})
	s := two(t, f, stack.Options{LoadCommand: []string{script, "models", "load"}}, "    while_loading: fallback\n    num_ctx: 1024\n")
	if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "hosted" {
		t.Fatalf("%+v, %v", r, err)
	}
	patiently(t, f.begun, "a load begins")
	s.Close()
	patiently(t, f.gone, "this process lets go of its load")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(said)
		if err == nil {
			if got := strings.TrimSpace(string(text)); got != "models load --provider local --num-ctx 1024 small" {
				t.Errorf("the other process was told %q", got)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no other process goes on with the load")
		}
	}
}

func TestLoadsThatFail(t *testing.T) {
	for what, tc := range map[string]struct {
		more, says string
		hang       bool
		kind       provider.Kind
		text       string
	}{
		"too big":  {"", "model requires more system memory (9.0 GiB) than is available (2.0 GiB)", false, provider.OutOfMemory, "9.0 GiB"},
		"too slow": {"    timeouts: {load: 30ms}\n", "", true, provider.Timeout, "raise timeouts.load"},
	} {
		f := newOllama(t)
		f.says = tc.says
		if tc.hang {
			f.gate = make(chan struct{})
		}
		s := two(t, f, stack.Options{}, tc.more)
		_, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}})
		if provider.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want %s with %q", what, err, tc.kind, tc.text)
		}
		if f.count("/api/chat") != 0 {
			t.Errorf("%s: it was asked all the same", what)
		}
		if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "hosted" {
			t.Errorf("%s: with a stand-in: %+v, %v", what, r, err)
		}
	}
}

// A model that another host runs is not loaded: that would call there.
func TestRemoteModelsAreNotLoaded(t *testing.T) {
	f := newOllama(t)
	f.remote = true
	s := two(t, f, stack.Options{}, "")
	for range 2 {
		if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "local" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	f.set(func() { f.remote = false })
	if r, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}, Model: "big-cloud"}); err != nil || r.Text != "local" {
		t.Fatalf("by its name: %+v, %v", r, err)
	}
	if len(f.loads) != 0 || f.count("/api/show") != 2 {
		t.Errorf("loads %+v; shown %d times", f.loads, f.count("/api/show"))
	}
}

// What the server cannot do is refused before anything is loaded.
func TestNothingIsLoadedForWhatIsRefused(t *testing.T) {
	f := newOllama(t)
	s := two(t, f, stack.Options{}, "")
	_, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}, Options: map[string]any{"no_such_option": 1}})
	if provider.KindOf(err) != provider.Unsupported || len(f.asked) != 0 {
		t.Errorf("%v, and the server was asked %v", err, f.asked)
	}
}
