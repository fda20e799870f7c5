package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
)

// What a real server counted, at the price that the configuration has, is what
// the route and the file say: to the last digit, and to the billionth of a
// dollar.
func TestLiveCostIsUsageTimesPrice(t *testing.T) {
	local, e := testengine.Ollama(t), testengine.OpenAI(t)
	state := t.TempDir()
	cfg := stacktest.Load(t, fmt.Sprintf(`
use: [hosted]
budget: {per_day_usd: 1, per_run_usd: 0.5}
providers:
  - {name: local, host: %q, model: %q, num_ctx: 4096}
  - {name: hosted, kind: openai, base_url: %q, model: %q, api_key: "env:THE_KEY", price: {input: 0.15, cached_input: 0.075, output: 0.60}}
`, local.URL, local.Model, e.BaseURL, e.Model), nil, map[string]string{"THE_KEY": e.Key})
	s := open(t, cfg, Options{StateDir: state})
	want := 0.0
	for range 2 { // the server has the second prompt cached
		r, err := stacktest.Ask(s, provider.Request{MaxTokens: provider.Ptr(5)})
		if err != nil || r.Usage == nil || r.Route.Cost == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		u, c := r.Usage, r.Route.Cost
		exact := (float64(u.InputTokens-u.CachedTokens)*0.15 + float64(u.CachedTokens)*0.075 + float64(u.OutputTokens)*0.60) / 1e6
		if c.USD == nil || *c.USD != exact || c.Basis != "configuration" || u.OutputTokens == 0 {
			t.Errorf("usage %+v costs %+v, want $%v", u, c, exact)
		}
		want += exact
	}
	r, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}, MaxTokens: provider.Ptr(5)})
	if err != nil || r.Route.Cost == nil || *r.Route.Cost.USD != 0 || r.Route.Cost.Saved == nil {
		t.Fatalf("the local answer: %+v, %v", r.Route, err)
	}
	if saved := (float64(r.Usage.InputTokens)*0.15 + float64(r.Usage.OutputTokens)*0.60) / 1e6; r.Usage.CachedTokens == 0 && *r.Route.Cost.Saved != saved {
		t.Errorf("saved $%v, want $%v", *r.Route.Cost.Saved, saved)
	}
	s.Close()
	file := store.New(state)
	defer file.Close()
	spent, err := file.Spent(t.Context(), store.Midnight())
	if err != nil || len(spent) != 2 || spent[0].Provider != "hosted" || spent[0].Calls != 2 || spent[0].Unknown+spent[0].Unsure != 0 {
		t.Fatalf("%+v, %v", spent, err)
	}
	if d := spent[0].USD - want; d < -2e-9 || d > 2e-9 {
		t.Errorf("the file says $%v, want $%v", spent[0].USD, want)
	}
}

// What a server repeats of a key is in no file of the store, nor in those
// beside it while it is open.
func TestTheKeyIsNotWrittenDown(t *testing.T) {
	srv, _ := stacktest.Hosted(t)
	state := t.TempDir()
	s := open(t, stacktest.Load(t, `
use: [wrong, hosted]
budget: {per_day_usd: 1}
providers:
  - {name: hosted, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted", local: true}
  - {name: wrong, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "env:WRONG", price: {input: 1, output: 1}}
`, nil, map[string]string{"WRONG": canary + "-wrong"}), Options{StateDir: state})
	for _, use := range []string{"wrong", "hosted"} {
		_, err := stacktest.Ask(s, provider.Request{Use: []string{use}, MaxTokens: provider.Ptr(5)})
		if (err == nil) != (use == "hosted") {
			t.Errorf("%s: %v", use, err)
		}
	}
	check := func() (files int) {
		err := filepath.WalkDir(state, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			files++
			data, err := os.ReadFile(path)
			if strings.Contains(path+string(data), canary) {
				t.Errorf("%s holds the key", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return files
	}
	s.writer.Flush()
	if check() < 3 {
		t.Error("the store is not open; there was nothing to look at")
	}
	s.Close()
	check()
	file := store.New(state)
	defer file.Close()
	if runs := runsOf(t, file); runs != 2 {
		t.Errorf("%d runs; want both in the log", runs)
	}
}

// The manifest starts no engine and waits for none.
func TestManifestOfAnEngineThatHasGone(t *testing.T) {
	s := open(t, stacktest.Load(t, `
use: local
providers: [{name: local, host: "`+stacktest.Nobody(t)+`", model: m, options: {top_k: 4}}]
`, nil, nil), Options{})
	m := s.Manifest(context.Background(), &provider.Route{Provider: "local", Model: "m", Local: true}, &provider.Request{Options: map[string]any{"top_p": 0.5}})
	if m == nil || !m.Incomplete || m.Engine != "ollama" || m.Digest != "" || fmt.Sprint(m.Options) != "map[top_k:4 top_p:0.5]" {
		t.Errorf("%+v", m)
	}
	if local, _ := s.Target("local"); local.Engine.Status(context.Background()).PID != 0 {
		t.Error("an engine was started")
	}
}

// A model may be pulled or loaded anew between two answers of a long-lived process.
func TestManifestOfAModelThatChanges(t *testing.T) {
	var digest, quant, window atomic.Value
	digest.Store("aaa")
	quant.Store("Q4_0")
	window.Store(4096)
	var inMemory atomic.Bool
	inMemory.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/version":
			_, _ = io.WriteString(w, `{"version":"0.1"}`)
		case "/api/tags":
			_, _ = fmt.Fprintf(w, `{"models":[{"name":"m:latest","digest":%q,"details":{"quantization_level":%q}}]}`, digest.Load(), quant.Load())
		case "/api/ps":
			if !inMemory.Load() {
				_, _ = io.WriteString(w, `{"models":[]}`)
				return
			}
			_, _ = fmt.Fprintf(w, `{"models":[{"name":"m:latest","digest":%q,"size":1,"context_length":%d}]}`, digest.Load(), window.Load())
		}
	}))
	t.Cleanup(srv.Close)
	s := open(t, stacktest.Load(t, "use: local\nproviders: [{name: local, host: \""+srv.URL+"\", model: m, managed: false}]\n", nil, nil), Options{})
	now := time.Now()
	m := &manifests{stack: s, now: func() time.Time { return now }}
	rt, req := &provider.Route{Provider: "local", Model: "m"}, &provider.Request{}
	for _, tc := range []struct {
		what   string
		change func()
	}{
		{"at first", func() {}},
		{"pulled anew", func() { digest.Store("bbb"); quant.Store("Q8_0") }},
		{"loaded with another window", func() { window.Store(8192) }},
		{"pulled anew, and out of memory", func() { inMemory.Store(false); digest.Store("ccc"); quant.Store("F16") }},
	} {
		tc.change()
		now = now.Add(loadedFresh)
		got := m.of(t.Context(), rt, req)
		if got.Incomplete || got.Digest != digest.Load() || got.Quant != quant.Load() {
			t.Errorf("%s: %+v; want %v, %v", tc.what, got, digest.Load(), quant.Load())
		}
		if inMemory.Load() && got.NumCtx != window.Load() {
			t.Errorf("%s: a window of %d, want %v", tc.what, got.NumCtx, window.Load())
		}
	}
}

func TestGPUsOfTheDriver(t *testing.T) {
	dir := t.TempDir()
	for _, card := range []string{"0000:01:00.0", "0000:02:00.0"} {
		if err := os.Mkdir(filepath.Join(dir, card), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, card, "information"), []byte("Model: \t\t NVIDIA H100\nIRQ:   \t\t 30\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := gpus(dir); got != "NVIDIA H100, NVIDIA H100" {
		t.Errorf("got %q", got)
	}
	if got := gpus(filepath.Join(dir, "none")); got != "" {
		t.Errorf("got %q where there is no driver", got)
	}
}

// runsOf is how many runs a log has.
func runsOf(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	for _, err := range s.Lines(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
