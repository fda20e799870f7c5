package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
)

// A host that lists the model and refuses it is not asked for every call anew.
func TestAHostThatRefusesTheModelIsSetAside(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"a proxy wants a key":         {401, `{"error":"unauthorized"}`},
		"a proxy forbids it":          {403, `forbidden`},
		"the file is gone (0.33.3)":   {404, `{"error":"model 'm:1b' not found"}`},
		"the account has no credit":   {402, `{"error":"insufficient credit"}`},
		"a gateway does not route it": {404, `{"error":{"message":"The model does not exist","code":"model_not_found"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := newEngine(t, func(e *engine) {
				e.chat = func(_ *engine, w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				}
			})
			good := newEngine(t, nil)
			var said []string
			p := newPool(t, func(c *pool.Config) {
				c.Hosts[0].Weight, c.Warn = 100, func(text string) { said = append(said, text) }
			}, bad, good)
			for i := range 20 {
				if r, err := ask(t.Context(), p, fmt.Sprint(i)); err != nil || r.Route.Host != good.host() {
					t.Fatalf("call %d: answered by %+v, %v; want the other host", i, r.Route, err)
				}
			}
			if n := bad.calls.Load(); n < 1 || n > 3 {
				t.Errorf("it was asked %d times in 20 calls; want it set aside after the first", n)
			}
			if len(said) != 1 || !strings.Contains(said[0], bad.host()) || !strings.Contains(said[0], "m:1b") {
				t.Errorf("said %q; want once that the host is set aside for the model", said)
			}
			s := p.Status()[0]
			if s.State != pool.StateAside || !strings.Contains(s.Reason, "refuses m:1b") || !strings.Contains(s.Reason, fmt.Sprint(c.status)) {
				t.Errorf("status %+v; want it set aside, and why", s)
			}
		})
	}
}

// Where nobody else can answer, a host that has refused is asked all the same, and its
// first answer ends that it is set aside.
func TestAHostThatHasRefusedIsTheLastResort(t *testing.T) {
	var mended atomic.Bool
	bad := newEngine(t, func(e *engine) {
		e.chat = func(e *engine, w http.ResponseWriter, r *http.Request) {
			if !mended.Load() {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			e.answer(w, r)
		}
	})
	p := newPool(t, nil, bad)
	for range 3 {
		if _, err := ask(t.Context(), p, "hi"); err == nil || !strings.Contains(err.Error(), provider.Denied.Error()) {
			t.Fatalf("%v; want what the host says", err)
		}
	}
	mended.Store(true)
	if r, err := ask(t.Context(), p, "hi"); err != nil || r.Route.Host != bad.host() {
		t.Fatalf("answer %+v, %v; want the host's own", r, err)
	}
	if s := p.Status()[0]; s.State != pool.StateUp || s.Reason != "" {
		t.Errorf("status %+v; want it up", s)
	}
}
