package stack

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/stacktest"
)

// collector takes traces and metrics, and keeps what it is sent.
type collector struct {
	elsewhere string // its address, as one that does not count as this machine
	here      string
	mu        sync.Mutex
	got       strings.Builder
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got.Write(body) // protobuf has texts as they are
	}))
	t.Cleanup(srv.Close)
	c.here = srv.URL
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.elsewhere = "http://" + net.JoinHostPort("0.0.0.0", port)
	return c
}

// models are those of ms whose questions the collector was told about.
func (c *collector) models(ms ...string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, m := range ms {
		if strings.Contains(c.got.String(), "chat "+m) {
			out = append(out, m)
		}
	}
	return strings.Join(out, " ")
}

func TestReloadToOfflineTellsNobodyElsewhere(t *testing.T) {
	g := newGated(t, "g")
	text := func(model string) string {
		return "use: g\nproviders:\n" + strings.Replace(g.provider("g", ""), "model: m", "model: "+model, 1)
	}
	for name, tc := range map[string]struct {
		endpoint func(*collector) string
		want     string
	}{
		"a collector elsewhere":       {func(c *collector) string { return c.elsewhere }, "fourth"},
		"a collector on this machine": {func(c *collector) string { return c.here }, "first second third fourth"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			s := open(t, stacktest.Load(t, text("first"), nil, nil), Options{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + tc.endpoint(c)}})
			for _, step := range []struct{ model, offline string }{{"first", ""}, {"second", "false"}, {"third", "true"}, {"fourth", "false"}} {
				if step.offline != "" {
					s = reload(t, s, stacktest.Load(t, text(step.model), map[string]string{"offline": step.offline}, nil))
				}
				if _, err := stacktest.Ask(s, stacktest.Question("Hi")); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
			if got := c.models("first", "second", "third", "fourth"); got != tc.want {
				t.Errorf("the collector was told of %q, want %q", got, tc.want)
			}
		})
	}
}

// A reload that is refused leaves what is not sent yet alone.
func TestReloadThatFailsKeepsTelemetry(t *testing.T) {
	g, c := newGated(t, "g"), newCollector(t)
	s := open(t, stacktest.Load(t, "use: g\nproviders:\n"+g.provider("g", ""), nil, nil), Options{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.elsewhere}})
	if _, err := stacktest.Ask(s, stacktest.Question("Hi")); err != nil {
		t.Fatal(err)
	}
	mistaken := stacktest.Load(t, "use: g\nproviders:\n"+g.provider("g", ""), map[string]string{"offline": "true"}, nil)
	mistaken.Use = []string{"nosuch"}
	if _, err := s.Reload(mistaken); err == nil {
		t.Fatal("a mistaken configuration is taken")
	}
	s.Close()
	if c.models("m") == "" {
		t.Error("the question was not told of")
	}
}

// As many goroutines run after 50 reloads, online and offline in turns, as after
// the first.
func TestReloadsLeakNothing(t *testing.T) {
	g, c := newGated(t, "g"), newCollector(t)
	text := "use: g\nproviders:\n" + g.provider("g", "")
	online, offline := stacktest.Load(t, text, nil, nil), stacktest.Load(t, text, map[string]string{"offline": "true"}, nil)
	s := open(t, online, Options{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.here}})
	turn := func(n int) {
		next := online
		if n%3 == 0 {
			next = offline
		}
		old := s
		s = reload(t, s, next)
		old.Close()
		if _, err := stacktest.Ask(s, stacktest.Question("Hi")); err != nil {
			t.Fatal(err)
		}
	}
	turn(1)
	before := runtime.NumGoroutine()
	for n := range 50 {
		turn(n + 2)
	}
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched() // connections that were closed are about to end
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, and %d before", after, before)
	}
}

func TestATelemetryMistakeIsToldOnce(t *testing.T) {
	g := newGated(t, "g")
	cfg := stacktest.Load(t, "use: g\nproviders:\n"+g.provider("g", ""), nil, nil)
	var told []string
	s := open(t, cfg, Options{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=nowhere"}, Warn: func(text string) { told = append(told, text) }})
	for range 3 {
		s = reload(t, s, cfg)
	}
	if len(told) != 1 || !strings.Contains(told[0], "telemetry is off") {
		t.Errorf("it said %q", told)
	}
}
