package compare

import (
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// The pace of an answer is measured where it came token by token, and nowhere else.
func TestPace(t *testing.T) {
	step := func(first, total time.Duration, tokens int) runner.Step {
		return runner.Step{Usage: &provider.Usage{OutputTokens: tokens}, Route: &provider.Route{FirstToken: first, Total: total}}
	}
	cached := step(0, time.Millisecond, 50)
	cached.Route.Cost = &provider.Cost{Basis: "cache"}
	void := step(time.Second, 2*time.Second, 11)
	void.Void = "asked again"
	for name, tt := range map[string]struct {
		steps []runner.Step
		first time.Duration
		speed float64
	}{
		"token by token":            {[]runner.Step{step(time.Second, 3*time.Second, 21)}, time.Second, 10},
		"two steps":                 {[]runner.Step{step(time.Second, 2*time.Second, 11), step(2*time.Second, 3*time.Second, 31)}, 2 * time.Second, 20},
		"one token":                 {[]runner.Step{step(time.Second, time.Second, 1)}, time.Second, 0},
		"in one piece":              {[]runner.Step{step(time.Second, time.Second+11*time.Microsecond, 3)}, 0, 0},
		"in one piece, at one time": {[]runner.Step{step(time.Second, time.Second, 100)}, 0, 0},
		"a fast engine":             {[]runner.Step{step(10*time.Millisecond, 110*time.Millisecond, 301)}, 10 * time.Millisecond, 3000},
		"from the cache":            {[]runner.Step{cached}, 0, 0},
		"an answer that is void":    {[]runner.Step{void, step(time.Second, 2*time.Second, 6)}, time.Second, 5},
	} {
		if first, speed := pace(&runner.Result{Steps: tt.steps}); first != tt.first || speed != tt.speed {
			t.Errorf("%s: %s and %g tokens a second, want %s and %g", name, first, speed, tt.first, tt.speed)
		}
	}
}
