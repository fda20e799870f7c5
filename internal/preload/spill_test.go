package preload_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// The fake's model takes 900 MiB of weights, and at least 918 MiB with its
// cache for 4,096 tokens.
func TestSpill(t *testing.T) {
	const (
		local  = "local"
		standn = "hosted"
		none   = ""
	)
	for what, tc := range map[string]struct {
		spill  string
		gpu    int   // MiB free; 0: no GPU
		vram   int64 // MiB of 1000 on the GPU afterwards; -1: all
		answer string
		warned string
		loads  int
	}{
		"fits":                          {"refuse", 8000, -1, local, "", 1},
		"near the end, so not certain":  {"refuse", 1000, -1, local, "", 1},
		"no GPU, and memory enough":     {"refuse", 0, 0, local, "", 1},
		"too much, warn":                {"warn", 700, -1, local, "and the GPU has 700 MiB free; use a smaller model", 1},
		"too much, refuse":              {"refuse", 700, -1, none, "", 0},
		"too much, fallback":            {"fallback", 700, -1, standn, "", 0},
		"too much, allow":               {"allow", 700, 400, local, "", 1},
		"a smaller window fits":         {"warn", 1650, -1, local, "", 1},
		"measured to spill, warn":       {"warn", 8000, 400, local, "400 MiB of 1000 MiB are on the GPU; the rest has spilled to the CPU", 1},
		"measured to spill, refuse":     {"refuse", 8000, 400, none, "", 1},
		"measured to spill, fallback":   {"fallback", 8000, 400, standn, "", 1},
		"a GPU, and it is not used":     {"warn", 8000, 0, local, "0 bytes of 1000 MiB are on the GPU", 1},
		"without a GPU, 0 on it is all": {"warn", 0, 0, local, "", 1},
	} {
		t.Run(what, func(t *testing.T) {
			f := newOllama(t)
			f.vram = tc.vram
			var warned []string
			s := two(t, f, stack.Options{Prober: machineWith(tc.gpu), Warn: func(line string) { warned = append(warned, line) }}, "    spill: "+tc.spill+"\n")
			r, err := stacktest.Ask(s, provider.Request{})
			if tc.answer == none {
				if provider.KindOf(err) != provider.OutOfMemory || !strings.Contains(err.Error(), "spill: refuse") {
					t.Errorf("%+v, %v; want OutOfMemory, and nobody else asked", r, err)
				}
			} else if err != nil || r.Text != tc.answer {
				t.Errorf("%+v, %v; want %s to answer", r, err, tc.answer)
			}
			if tc.answer == standn && !strings.Contains(r.Route.Reason, "spill: fallback") {
				t.Errorf("the reason is %q", r.Route.Reason)
			}
			if got := strings.Join(warned, "\n"); (got == "") != (tc.warned == "") || !strings.Contains(got, tc.warned) || len(warned) > 1 {
				t.Errorf("warned %q, want one line with %q", warned, tc.warned)
			}
			if len(f.loads) != tc.loads {
				t.Errorf("%d loads, want %d", len(f.loads), tc.loads)
			}
			if _, err := stacktest.Ask(s, provider.Request{}); (err == nil) != (tc.answer != none) || tc.answer == local && len(warned) > 1 {
				t.Errorf("again: %v, warned %q", err, warned)
			}
		})
	}
}

func TestRefusalNamesTheWindowThatFits(t *testing.T) {
	f := newOllama(t)
	s := two(t, f, stack.Options{Prober: machineWith(1800)}, "    spill: refuse\n    num_ctx: 200000\n")
	_, err := stacktest.Ask(s, provider.Request{})
	// The model has 32,768 tokens at most; of 200,000 asked for, the cache alone is 1.7 GiB in its smallest form.
	if provider.KindOf(err) != provider.OutOfMemory || !strings.Contains(err.Error(), "set num_ctx: 4096, which fits") {
		t.Errorf("got %v, want the window that fits", err)
	}
}

// A model that is in memory already, and has spilled, is refused too.
func TestSpilledInMemoryIsNotAsked(t *testing.T) {
	f := newOllama(t)
	f.window, f.vram = 4096, 300
	s := two(t, f, stack.Options{Prober: machineWith(8000)}, "    spill: fallback\n")
	if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "hosted" || f.count("/api/chat") != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

const longWords = 3000 // some 4,000 tokens and the answer

func long() provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(strings.Repeat("word ", longWords))}}
}

func TestAutoWindow(t *testing.T) {
	f, dir := newOllama(t), t.TempDir()
	o := stack.Options{StateDir: dir, Prober: machineWith(2800)}
	const auto = "    num_ctx: auto\n"

	s := two(t, f, o, auto)
	for range 2 {
		if r, err := stacktest.Ask(s, provider.Request{}); err != nil || r.Text != "local" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if len(f.loads) != 1 || f.loads[0].window != 16384 || f.prompt != 16384 {
		t.Fatalf("loads %+v, chat with %d; want one load with the largest window that fits, 16384", f.loads, f.prompt)
	}
	if n := f.count("/api/ps"); n > 4 {
		t.Errorf("asked %d times what is loaded", n)
	}

	// Another program has loaded it with less: that is used while it is enough.
	f.set(func() { f.window = 2048 })
	s = two(t, f, o, auto)
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil || f.prompt != 2048 || len(f.loads) != 1 {
		t.Errorf("%v; chat with %d after %d loads, want 2048 and no load", err, f.prompt, len(f.loads))
	}
	if _, err := stacktest.Ask(s, long()); err != nil || f.prompt != 16384 || len(f.loads) != 2 {
		t.Errorf("a long prompt: %v; chat with %d after %d loads, want it widened to 16384", err, f.prompt, len(f.loads))
	}
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil || f.prompt != 16384 || len(f.loads) != 2 {
		t.Errorf("a short one again: %v; chat with %d after %d loads, want the window kept", err, f.prompt, len(f.loads))
	}

	// In another process, with more memory free, the choice stands.
	f.set(func() { f.window = 0 })
	o.Prober = machineWith(7000)
	s = two(t, f, o, auto)
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil || f.prompt != 16384 {
		t.Errorf("remembered: %v; chat with %d, want 16384", err, f.prompt)
	}
	// It does not stand where it surely no longer fits.
	f.set(func() { f.window = 0 })
	o.Prober = machineWith(800)
	s = two(t, f, o, auto)
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil || f.prompt != preload.AutoWindow {
		t.Errorf("with less memory: %v; chat with %d, want %d", err, f.prompt, preload.AutoWindow)
	}
}

func TestAutoWindowKnowsTheModelsOwn(t *testing.T) {
	f := newOllama(t)
	s := two(t, f, stack.Options{Prober: machineWith(8000)}, "    num_ctx: auto\n")
	if _, err := stacktest.Ask(s, provider.Request{}); err != nil || f.prompt != 32768 {
		t.Errorf("%v; chat with %d, want the model's own 32768", err, f.prompt)
	}
	// A window that the request says itself is its own affair.
	if _, err := stacktest.Ask(s, provider.Request{Use: []string{"local"}, Options: map[string]any{"num_ctx": 1024}}); err != nil || f.prompt != 1024 {
		t.Errorf("%v; chat with %d, want the request's 1024", err, f.prompt)
	}
}
