package pool_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
)

// A machine is woken where no host can answer, and only then.
func TestAMachineIsWoken(t *testing.T) {
	asleep := func(e *engine) { e.refuses.Store(503) }
	sleeper, awake := newEngine(t, asleep), newEngine(t, nil)
	var woken int
	var said []string
	wakes := func(c *pool.Config) {
		c.Progress = func(text string) { said = append(said, text) }
		c.Hosts[0].Wake = func(context.Context) error {
			woken++
			sleeper.refuses.Store(0)
			return nil
		}
	}
	p := newPool(t, wakes, sleeper, awake)
	if r, err := ask(t.Context(), p, "one"); err != nil || r.Route.Host != awake.host() || woken != 0 {
		t.Fatalf("answered by %+v, %v, and %d were woken; want the one that is awake", r.Route, err, woken)
	}
	awake.kill()
	r, err := ask(t.Context(), p, "two")
	if err != nil || r.Route.Host != sleeper.host() || woken != 1 {
		t.Fatalf("answered by %+v, %v, and %d were woken; want the one that was woken", r.Route, err, woken)
	}
	if len(said) != 1 || !strings.Contains(said[0], "waking "+sleeper.host()) {
		t.Errorf("said %q", said)
	}
}

// One that does not wake up is not waited for without end.
func TestAMachineThatDoesNotWakeUp(t *testing.T) {
	sleeper := newEngine(t, func(e *engine) { e.refuses.Store(503) })
	p := newPool(t, func(c *pool.Config) {
		c.WakeTimeout = 100 * time.Millisecond
		c.Hosts[0].Wake = func(context.Context) error { return nil }
	}, sleeper)
	if _, err := ask(t.Context(), p, "one"); !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "503") && !strings.Contains(err.Error(), "loading model") {
		t.Errorf("%v; want why it cannot be asked", err)
	}
	cannot := errors.New("offline mode is on")
	var warned []string
	p = newPool(t, func(c *pool.Config) {
		c.Warn = func(text string) { warned = append(warned, text) }
		c.Hosts[0].Wake = func(context.Context) error { return cannot }
	}, sleeper)
	if _, err := ask(t.Context(), p, "one"); !errors.Is(err, provider.Unavailable) || len(warned) != 1 || !strings.Contains(warned[0], cannot.Error()) {
		t.Errorf("%v, warned %q", err, warned)
	}
}

// As soon as those with the model in memory have a crowd of calls, the next one loads it.
func TestACrowdSpreads(t *testing.T) {
	hold := make(chan struct{})
	warm := newEngine(t, func(e *engine) { e.slots = make(chan struct{}) }) // every call waits
	cold := newEngine(t, func(e *engine) { e.loaded.Store(&[]string{}) })
	p := newPool(t, nil, warm, cold)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range 4 {
		go func() {
			_, _ = ask(ctx, p, "crowd", "x", string(rune('a'+i)))
			hold <- struct{}{}
		}()
	}
	for deadline := time.Now().Add(time.Minute); warm.running.Load() < 4 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if r, err := ask(t.Context(), p, "one more"); err != nil || r.Route.Host != cold.host() {
		t.Errorf("answered by %+v, %v; want the host that was idle", r.Route, err)
	}
	cancel()
	for range 4 {
		<-hold
	}
}

// Vectors are made by another host where one fails.
func TestVectorsOfAHostThatFails(t *testing.T) {
	gone, there := newEngine(t, nil), newEngine(t, nil)
	p := newPool(t, nil, gone, there)
	if _, err := ask(t.Context(), p, "both are known"); err != nil {
		t.Fatal(err)
	}
	gone.kill()
	r, err := p.Embed(t.Context(), provider.EmbedRequest{Input: []string{"x"}})
	if err != nil || len(r.Vectors) != 1 || r.Route.Host != there.host() {
		t.Errorf("vectors %+v, %v; want those of the host that is there", r, err)
	}
}
