// Package doctor checks everything between the user and an answer, and says
// what to do about what is missing. It changes nothing and starts nothing.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/vram"
)

// Status is a check's verdict.
type Status string

// The verdicts. A Fail keeps the provider that should answer from answering; a
// Warn does not, or not yet.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is one thing looked at.
type Check struct {
	Name   string `json:"name"`   // such as "local: server"
	Status Status `json:"status"` // ok, warn or fail
	Detail string `json:"detail"` // what was found
	Remedy string `json:"remedy,omitempty"`
}

// checkTimeout is how long one question to a server may take.
const checkTimeout = 5 * time.Second

// Run checks the configuration, the machine, the state folder, the servers of tools, and
// each provider in use. cfg and
// err are what loading the configuration and assembling the stack came to: with
// an err there may be no stack (s is nil), and the providers are left out. The
// first provider in use must work (Fail); the ones that stand in should (Warn),
// and must if the first does not.
func Run(ctx context.Context, cfg *config.Loaded, s *stack.Stack, err error) []Check {
	m := vram.Prober{}.Look(ctx)
	checks := append(configuration(cfg, err), machine(m))
	if s == nil {
		return checks
	}
	checks = append(checks, stateChecks(ctx, s.StateDir())...)
	checks = append(checks, logChecks(ctx, cfg, s)...)
	checks = append(checks, mcpChecks(ctx, cfg, s)...)
	works := false
	for _, name := range cfg.Use {
		t, ok := s.Target(name)
		if !ok {
			continue
		}
		var list []Check
		switch {
		case t.Untrusted != nil:
			list = []Check{untrusted(t)}
		case len(t.Config.Hosts) > 0:
			list = hostChecks(ctx, cfg, s, t)
		case t.Config.Kind == config.KindOllama:
			list = ollamaChecks(ctx, cfg, s, t)
		default:
			list = openaiChecks(ctx, cfg, t)
		}
		if works {
			downgradeFailures(list)
		}
		works = works || !failed(list)
		checks = append(checks, list...)
	}
	return checks
}

// Failed reports whether any check failed.
func Failed(checks []Check) bool { return failed(checks) }

func failed(checks []Check) bool {
	for _, c := range checks {
		if c.Status == Fail {
			return true
		}
	}
	return false
}

// downgradeFailures makes the failures of a stand-in warnings, as another works.
func downgradeFailures(checks []Check) {
	for i := range checks {
		if checks[i].Status == Fail {
			checks[i].Status = Warn
		}
	}
}

// withTimeout puts one question to a server, with patience.
func withTimeout[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	inner, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	v, err := f(inner)
	if err != nil && ctx.Err() == nil && inner.Err() != nil {
		err = fmt.Errorf("no answer within %s", checkTimeout)
	}
	return v, err
}

func gib(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
