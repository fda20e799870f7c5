package pool

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// A call that its host's failure ends says that an answer broke off only where one had
// begun.
func TestWhatEndsWithAHost(t *testing.T) {
	for name, c := range map[string]struct {
		shown bool
		kind  provider.Kind
		want  string
	}{
		"an answer had begun": {true, provider.Truncated, "the answer broke off: it hangs"},
		"nothing had come":    {false, provider.Unavailable, "no answer came: it hangs"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Pool{cfg: Config{Name: "house"}}
			h := &host{attempts: map[*attempt]struct{}{}}
			call := p.newCall("m")
			a := call.begin(t.Context(), h, false)
			if c.shown {
				a.show()
			}
			a.breakOff("it hangs")
			err := a.why(errGiven)
			var e *provider.Error
			if !errors.As(err, &e) || e.Kind != c.kind || !e.Sent || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %s: %s, which may have been charged", err, c.kind, c.want)
			}
			if a.show() != c.shown {
				t.Error("what comes later is shown, or what was shown is not")
			}
		})
	}
}

// A call that is given back says why from the moment on in which it knows that it was,
// which is before its context has ended.
func TestACallThatIsGivenBackKnowsWhy(t *testing.T) {
	for name, end := range map[string]func(*attempt, string){"given back": (*attempt).giveBack, "broken off": (*attempt).breakOff} {
		for range 2000 {
			p := &Pool{cfg: Config{Name: "house"}}
			call := p.newCall("m")
			a := call.begin(t.Context(), &host{attempts: map[*attempt]struct{}{}}, false)
			go end(a, "it hangs")
			for a.state.Load() != given {
				runtime.Gosched()
			}
			var e *provider.Error
			if err := a.why(errGiven); !errors.As(err, &e) || e.Kind != provider.Unavailable || !e.Sent || !strings.Contains(err.Error(), "it hangs") {
				t.Fatalf("%s: %v", name, err)
			}
			a.stop(nil)
		}
	}
}

// counted is a context that counts those that hang on it.
type counted struct {
	context.Context
	mu sync.Mutex
	n  int
}

func (c *counted) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	inner := context.AfterFunc(c.Context, f)
	return sync.OnceValue(func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.n--
		return inner()
	})
}

// A call that has ended leaves nothing at its caller's context, which may be that of a
// batch of a million.
func TestACallLeavesNothingBehind(t *testing.T) {
	for name, err := range map[string]error{"answered": nil, "failed": provider.Errorf(provider.Invalid, "house", "m", "so it is")} {
		ctx, cancel := context.WithCancel(t.Context())
		caller := &counted{Context: ctx}
		p, made := New(Config{Name: "house", Hosts: []Host{{Name: "a", Provider: &nobody{}}}})
		if made != nil {
			t.Fatal(made)
		}
		call := p.newCall("m")
		for range 10 {
			_, _ = call.once(caller, p.hosts[0], false, func(*attempt) error { return err })
		}
		if caller.n != 0 {
			t.Errorf("%s: %d contexts of calls that have ended are kept", name, caller.n)
		}
		cancel()
	}
}

// nobody is a host that is not asked.
type nobody struct{ provider.Provider }

func (*nobody) Name() string { return "house" }
