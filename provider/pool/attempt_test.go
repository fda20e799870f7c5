package pool

import (
	"errors"
	"strings"
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
