package preload_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/internal/vram"
	"github.com/tandem-llm/tandem/provider"
)

func liveStack(t *testing.T, host, model, more string, o stack.Options) (*stack.Stack, stack.Configured) {
	t.Helper()
	cfg := stacktest.Load(t, `
use: local
providers:
  - name: local
    host: "`+host+`"
    model: "`+model+`"
    managed: false
`+more, nil, nil)
	s := open(t, cfg, o)
	target, _ := s.Target("local")
	return s, target
}

// The forecast is within 5 % of what Ollama measures on a CPU, whichever
// version it is. docs/local-models.md says how much was measured.
func TestLiveForecastIsWhatOllamaMeasures(t *testing.T) {
	own, _ := testengine.OwnOllama(t)
	host, model := own.URL, own.Model
	if gpus := (vram.Prober{}).Look(t.Context()).GPUs; len(gpus) > 0 {
		t.Logf("not compared: this machine has a GPU, %+v; TestLiveGPU looks at that", gpus)
		return
	}
	embedModel := testengine.EmbeddingOllama(t).EmbedModel
	for _, tc := range []struct {
		name   string
		window int
	}{{model, 512}, {model, 2048}, {model, 4096}, {model, 8192}, {embedModel, 512}} {
		_, target := liveStack(t, host, tc.name, "    num_ctx: "+strconv.Itoa(tc.window)+"\n", stack.Options{})
		w, _ := provider.As[*preload.Provider](target.Provider)
		var err error
		if tc.name == embedModel { // which is loaded as it embeds
			embed, _ := provider.As[provider.Embedder](target.Provider)
			_, err = embed.Embed(t.Context(), provider.EmbedRequest{Input: []string{"Hi"}})
		} else {
			err = w.Load(t.Context(), "")
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := w.Server().Inspect(t.Context(), tc.name)
		if err != nil {
			t.Fatal(err)
		}
		var m preload.Memory
		var ratio float64
		// On a busy machine an Ollama was seen to tell the weights alone at first.
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			var ok bool
			m, ok, err = preload.MemoryOf(t.Context(), target.Provider, info)
			if err != nil || !ok || m.Forecast == nil || m.Measured == nil || m.Measured.Context != tc.window {
				t.Fatalf("%+v, %v, %v", m, ok, err)
			}
			ratio = float64(m.Forecast.Counted) / float64(m.Measured.Size)
			if ratio > 0.95 && ratio < 1.05 || time.Now().After(end) {
				break
			}
		}
		t.Logf("%s, num_ctx %5d: forecast %d, measured %d: ratio %.4f", tc.name, tc.window, m.Forecast.Counted, m.Measured.Size, ratio)
		if ratio < 0.95 || ratio > 1.05 || m.Measured.Size < m.Forecast.Low || m.Measured.Size > m.Forecast.High {
			t.Errorf("%s, num_ctx %d: the forecast %+v is %.4f of what was measured, %d", tc.name, tc.window, m.Forecast, ratio, m.Measured.Size)
		}
	}
}

// TestLiveGPU compares where there is an NVIDIA GPU that Ollama uses. Where
// there is none it says so, and checks nothing.
func TestLiveGPU(t *testing.T) {
	own, _ := testengine.OwnOllama(t)
	host, model := own.URL, own.Model
	gpus := (vram.Prober{}).Look(t.Context()).GPUs
	if len(gpus) == 0 {
		t.Log("NOT CHECKED: no GPU whose memory can be read; spilling is tested on recorded answers only")
		return
	}
	s, target := liveStack(t, host, model, "    num_ctx: 4096\n    spill: refuse\n", stack.Options{})
	if r, err := stacktest.Ask(s, provider.Request{MaxTokens: provider.Ptr(4)}); err != nil || r.Text == "" {
		t.Fatalf("%+v, %v: a model of 135 million parameters should fit %+v", r, err, gpus)
	}
	w, _ := provider.As[*preload.Provider](target.Provider)
	info, err := w.Server().Inspect(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := preload.MemoryOf(t.Context(), target.Provider, info)
	if err != nil || m.Measured == nil || m.Forecast == nil {
		t.Fatalf("%+v, %v", m, err)
	}
	if m.Measured.SizeVRAM == 0 {
		t.Logf("NOT CHECKED: Ollama does not use %+v", gpus)
		return
	}
	t.Logf("forecast %+v, measured %+v", m.Forecast, m.Measured)
	if m.Measured.Size < m.Forecast.Low || m.Measured.Size > m.Forecast.High+int64(len(gpus))*(600<<20) {
		t.Errorf("measured %d, outside of %d to %d", m.Measured.Size, m.Forecast.Low, m.Forecast.High)
	}
}

// Ollama aborts a load whose client leaves. Ours goes on.
func TestLiveCallerWhoLeavesAbortsNoLoad(t *testing.T) {
	own, _ := testengine.OwnOllama(t)
	host, model := own.URL, own.Model
	s, target := liveStack(t, host, model, "", stack.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(preloader(t, s).Underway()) == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := provider.Collect(s.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("Hi")}})); err != context.Canceled {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	for _, l := range preloader(t, s).Underway() {
		patiently(t, l.Done(), "the load ends")
	}
	runner, _ := provider.As[provider.Runner](target.Provider)
	running, err := runner.Running(t.Context())
	if err != nil || len(running) != 1 || running[0].Context != 4096 {
		t.Errorf("in memory: %+v, %v; want the model, with its window", running, err)
	}
}

func TestLiveAutoWindowIsKept(t *testing.T) {
	own, _ := testengine.OwnOllama(t)
	host, model := own.URL, own.Model
	s, target := liveStack(t, host, model, "    num_ctx: auto\n", stack.Options{})
	runner, _ := provider.As[provider.Runner](target.Provider)
	loader, _ := provider.As[*preload.Provider](target.Provider)
	window := func() int {
		t.Helper()
		running, err := runner.Running(t.Context())
		if err != nil || len(running) != 1 {
			t.Fatalf("in memory: %+v, %v", running, err)
		}
		return running[0].Context
	}
	req := provider.Request{MaxTokens: provider.Ptr(2)}
	if err := loader.LoadWindow(t.Context(), "", 1024); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := stacktest.Ask(s, req); err != nil || window() != 1024 {
			t.Fatalf("%v; a window of %d, want the 1024 that it is loaded with", err, window())
		}
	}
	req.Messages = []provider.Message{provider.User(strings.Repeat("word ", 1500))}
	// What so small a model answers to that, if anything, is its own affair.
	if _, err := stacktest.Ask(s, req); err != nil && provider.KindOf(err) != provider.Truncated || window() <= 1500 {
		t.Errorf("%v; a window of %d, want it widened for 1500 words", err, window())
	}
	wide := window()
	req.Messages = nil
	if _, err := stacktest.Ask(s, req); err != nil || window() != wide {
		t.Errorf("%v; a window of %d, want the %d kept", err, window(), wide)
	}
	embed, _ := provider.As[provider.Embedder](s)
	if embed == nil {
		embed, _ = provider.As[provider.Embedder](target.Provider)
	}
	// From Ollama 0.30 on a chat model makes no embeddings. Asking it must not load it anew either.
	_, err := embed.Embed(t.Context(), provider.EmbedRequest{Input: []string{"Hi"}})
	if err != nil && provider.KindOf(err) != provider.Unsupported || window() != wide {
		t.Errorf("embedding: %v; a window of %d, want the %d kept", err, window(), wide)
	}
}
