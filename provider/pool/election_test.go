package pool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
)

// Which digest answers does not depend on which host is quick to tell its own: a call
// waits for those that may change it, and for no others.
func TestTheDigestIsThatOfMost(t *testing.T) {
	for _, tc := range []struct {
		digests, slow string // a letter for each host; s: it is slow to say how it is
		waits         bool
		want          string
	}{
		{"baa", "-ss", true, "a"},
		{"baa", "--s", true, "a"},
		{"baa", "s--", false, "a"},
		{"aab", "--s", false, "a"},
		{"ab", "-s", false, "a"},
		{"ab", "s-", true, "a"},
		{"aaabb", "ss---", true, "a"},
		{"aaabb", "---ss", false, "a"},
	} {
		t.Run(tc.digests+" "+tc.slow, func(t *testing.T) {
			t.Parallel()
			var all, slow []*engine
			digest := map[string]string{}
			for i := range tc.digests {
				e := newEngine(t, func(e *engine) { e.digest = tc.digests[i : i+1] })
				digest[e.host()] = e.digest
				if all = append(all, e); tc.slow[i] == 's' {
					e.stop()
					slow = append(slow, e)
				}
			}
			p := newPool(t, func(c *pool.Config) { c.ProbeTimeout = time.Minute }, all...)
			by := make(chan string, 1)
			go func() {
				r, err := ask(t.Context(), p, "hi")
				if err != nil {
					by <- err.Error()
					return
				}
				by <- r.Route.Host
			}()
			var host string
			if tc.waits {
				select {
				case host = <-by:
					t.Fatalf("answered by %s, which has %s, before the others had told theirs", host, digest[host])
				case <-time.After(time.Second):
				}
				for _, e := range slow {
					e.resume()
				}
			}
			if host = <-by; digest[host] != tc.want {
				t.Errorf("answered by %s, which has %q, want %q", host, digest[host], tc.want)
			}
		})
	}
}

// refused is a provider that may not be connected to.
type refused struct{ provider.Provider }

func (refused) Models(context.Context) ([]provider.Model, error) {
	return nil, provider.Errorf(provider.Offline, "house", "", "gpu1 is not this machine, and offline mode is on")
}

// A host that was not asked is not said to be up.
func TestARefusedHostIsNotUp(t *testing.T) {
	p, err := pool.New(pool.Config{Name: "house", Hosts: []pool.Host{{Name: "gpu1", Provider: refused{}}}})
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Look(t.Context())[0]; s.State != pool.StateDown || s.Reason != "gpu1 is not this machine, and offline mode is on" {
		t.Errorf("it is said to be %s: %s", s.State, fmt.Sprint(s.Reason))
	}
}
