package router_test

import (
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// quickest is the shortest of ten switches from first to a server that
// answers: from the question to the second server's being asked.
func quickest(t *testing.T, first func() router.Target) time.Duration {
	t.Helper()
	asked := make(chan time.Time, 1)
	second := newServer(t, openaiAPI, func(s *speaker) { asked <- time.Now(); s.answer("stop", "ok") })
	stand := router.Target{Provider: adapter(t, "second", openaiAPI, second.URL, httpx.Options{})}
	best := time.Hour
	for range 10 {
		r := mustRouter(t, router.Config{Use: []string{"first", "second"}, Targets: []router.Target{first(), stand}})
		start := time.Now()
		if got, err := ask(t.Context(), r, provider.Request{}); err != nil || got.Route.Provider != "second" {
			t.Fatalf("got %+v, %v", got, err)
		}
		best = min(best, (<-asked).Sub(start))
	}
	return best
}

// The next target is asked within 50ms of a refusal, and within 100ms of a
// clock that ran out. The best of ten counts: the machine is shared.
func TestSwitchIsQuick(t *testing.T) {
	for _, dialect := range []string{ollamaAPI, openaiAPI} {
		dead := "http://" + deadHost(t)
		refused := quickest(t, func() router.Target {
			return router.Target{Provider: adapter(t, "first", dialect, dead, httpx.Options{})}
		})
		hung := newServer(t, dialect, (*speaker).hang)
		const limit = 50 * time.Millisecond
		hang := quickest(t, func() router.Target {
			return router.Target{Provider: adapter(t, "first", dialect, hung.URL, httpx.Options{FirstToken: limit})}
		})
		t.Logf("%s: after a refusal %s, after a hang of %s %s", dialect, refused, limit, hang)
		if refused > 50*time.Millisecond {
			t.Errorf("%s: %s after a refused connection, want 50ms at most", dialect, refused)
		}
		if hang < limit || hang > limit+100*time.Millisecond {
			t.Errorf("%s: %s after a hang of %s, want 100ms more at most", dialect, hang, limit)
		}
	}
}
