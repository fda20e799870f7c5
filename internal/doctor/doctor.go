// Package doctor checks everything between the user and an answer, and says
// what to do about what is missing. It changes nothing and starts nothing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/memory"
	"github.com/tandem-llm/tandem/internal/wire"
	"github.com/tandem-llm/tandem/provider"
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

// patience is how long one question to a server may take.
const patience = 5 * time.Second

// Run checks the stack: configuration first, then each provider in use. The
// first provider in use must work (Fail); the ones that stand in should
// (Warn), and must if the first does not.
func Run(ctx context.Context, s *wire.Stack) []Check {
	checks := configuration(s)
	m := memory.Prober{}.Look(ctx)
	checks = append(checks, machine(m))
	works := false
	for i, name := range s.Config().Use {
		t, ok := s.Target(name)
		if !ok {
			continue
		}
		var list []Check
		if t.Config.Kind == "ollama" {
			list = ollamaChecks(ctx, t)
		} else {
			list = openaiChecks(ctx, s, t)
		}
		if broken := failed(list); i > 0 || !broken {
			if i > 0 && broken {
				soften(list, works)
			}
			works = works || !broken
		}
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

// soften makes the failures of a stand-in warnings while another works.
func soften(checks []Check, works bool) {
	if !works {
		return
	}
	for i := range checks {
		if checks[i].Status == Fail {
			checks[i].Status = Warn
		}
	}
}

func ollamaChecks(ctx context.Context, t wire.Target) []Check {
	name := t.Config.Name
	var checks []Check
	if t.Engine != nil {
		checks = append(checks, binaryCheck(name, t.Config.Binary))
	}
	version, err := ask(ctx, func(ctx context.Context) (string, error) {
		v, ok := provider.As[provider.Versioner](t.Provider)
		if !ok {
			return "", errors.New("it does not tell its version")
		}
		return v.Version(ctx)
	})
	if err != nil {
		return append(checks, serverDown(ctx, t, err))
	}
	detail := fmt.Sprintf("Ollama %s answers at %s", version, t.Endpoint)
	if t.Engine != nil && t.Engine.Status(ctx).Ours {
		detail += ", started by tandem"
	}
	checks = append(checks, Check{Name: name + ": server", Status: OK, Detail: detail}, versionCheck(name, version))
	return append(checks, modelChecks(ctx, t)...)
}

func binaryCheck(name, configured string) Check {
	path, err := engine.FindBinary(configured)
	if err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		return Check{Name: name + ": binary", Status: Warn, Detail: what, Remedy: remedy}
	}
	return Check{Name: name + ": binary", Status: OK, Detail: path}
}

// serverDown tells a server that tandem would start from one that it would not.
func serverDown(ctx context.Context, t wire.Target, err error) Check {
	c := Check{Name: t.Config.Name + ": server", Status: Fail, Detail: err.Error()}
	if t.Engine == nil {
		c.Remedy = "start Ollama there, or set `host` to where it runs"
		return c
	}
	if _, err := engine.FindBinary(t.Config.Binary); err != nil {
		c.Remedy = "install Ollama; tandem then starts it"
		return c
	}
	c.Status, c.Detail = Warn, "nothing listens at "+t.Endpoint+"; tandem starts Ollama with the next question"
	c.Remedy = "start it now with `tandem engine start`, and run `tandem doctor` again for the rest"
	if !t.Engine.Status(ctx).Answering && strings.Contains(err.Error(), "not as its API does") {
		c.Status, c.Detail, c.Remedy = Fail, err.Error(), "stop the program on that port, or set another `host`"
	}
	return c
}

func modelChecks(ctx context.Context, t wire.Target) []Check {
	name, model := t.Config.Name, t.Config.Model
	info, err := ask(ctx, func(ctx context.Context) (provider.ModelInfo, error) {
		i, ok := provider.As[provider.Inspector](t.Provider)
		if !ok {
			return provider.ModelInfo{}, errors.New("it does not describe models")
		}
		return i.Inspect(ctx, model)
	})
	switch {
	case errors.Is(err, provider.ModelNotFound):
		return []Check{{name + ": model", Fail, model + " is not on this server", fmt.Sprintf("get it with `tandem models pull %s`", model)}}
	case err != nil:
		return []Check{{name + ": model", Fail, err.Error(), "see `tandem models list`"}}
	}
	checks := []Check{{Name: name + ": model", Status: OK, Detail: describe(info)}}
	if info.Remote != "" {
		checks[0].Status, checks[0].Remedy = Warn, "choose a model that runs on this machine if prompts must not leave it"
	}
	return append(checks, windowCheck(t, info), memoryCheck(ctx, t))
}

func describe(m provider.ModelInfo) string {
	text := m.Name
	if m.Params != "" {
		text += ", " + m.Params + " parameters"
	}
	if m.Quant != "" {
		text += ", " + m.Quant
	}
	if m.Remote != "" {
		text += ", run by " + m.Remote + " and not by this machine"
	}
	return text
}

func windowCheck(t wire.Target, m provider.ModelInfo) Check {
	c := Check{Name: t.Config.Name + ": context length", Status: OK}
	switch n := t.Config.NumCtx; {
	case n == 0:
		c.Status, c.Detail = Warn, "the server's default, which depends on its memory"
		c.Remedy = "pin it with `num_ctx`, so that the same prompt fits everywhere"
	case m.Context > 0 && n > m.Context:
		c.Status, c.Detail = Warn, fmt.Sprintf("num_ctx %d is more than the %d tokens that the model was made for", n, m.Context)
		c.Remedy = fmt.Sprintf("set `num_ctx: %d`", m.Context)
	case m.Context > 0:
		c.Detail = fmt.Sprintf("%d tokens, of the %d that the model was made for", n, m.Context)
	default:
		c.Detail = fmt.Sprintf("%d tokens", n)
	}
	return c
}

func memoryCheck(ctx context.Context, t wire.Target) Check {
	c := Check{Name: t.Config.Name + ": processor", Status: OK}
	running, err := ask(ctx, func(ctx context.Context) ([]provider.RunningModel, error) {
		r, ok := provider.As[provider.Runner](t.Provider)
		if !ok {
			return nil, nil
		}
		return r.Running(ctx)
	})
	if err != nil {
		c.Status, c.Detail, c.Remedy = Warn, err.Error(), "run `tandem doctor` again"
		return c
	}
	for _, m := range running {
		if m.Name != t.Config.Model && m.Name != t.Config.Model+":latest" {
			continue
		}
		switch {
		case m.SizeVRAM == 0:
			c.Detail = fmt.Sprintf("in memory, %s, all on the CPU", gib(m.Size))
		case m.SizeVRAM < m.Size:
			c.Status = Warn
			c.Detail = fmt.Sprintf("%s of %s on the GPU; the rest has spilled to the CPU, which is slow", gib(m.SizeVRAM), gib(m.Size))
			c.Remedy = "lower num_ctx, or take a smaller model or quantization"
		default:
			c.Detail = fmt.Sprintf("in memory, %s, all on the GPU", gib(m.Size))
		}
		return c
	}
	c.Detail = "not in memory now; the next question loads it"
	return c
}

func openaiChecks(ctx context.Context, s *wire.Stack, t wire.Target) []Check {
	name := t.Config.Name
	var checks []Check
	if !strings.HasSuffix(strings.TrimRight(t.Config.BaseURL, "/"), "/v1") {
		checks = append(checks, Check{name + ": base_url", Warn, t.Config.BaseURL + " does not end in /v1", "most servers want the /v1"})
	}
	if t.Config.APIKey == "" {
		checks = append(checks, Check{Name: name + ": key", Status: OK, Detail: "none is configured"})
	} else if _, err := s.Config().Key(name); err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		return append(checks, Check{name + ": key", Fail, what, remedy})
	} else {
		checks = append(checks, Check{Name: name + ": key", Status: OK, Detail: "present, from " + string(t.Config.APIKey)})
	}
	models, err := ask(ctx, t.Provider.Models)
	c := Check{Name: name + ": server", Status: OK}
	switch {
	case errors.Is(err, provider.Denied):
		c.Status, c.Detail = Fail, err.Error()
		c.Remedy = fmt.Sprintf("set a key that is valid: `tandem keys set %s`", name)
	case err != nil:
		c.Status, c.Detail, c.Remedy = Fail, err.Error(), "check base_url and the network"
	default:
		c.Detail = fmt.Sprintf("%s answers, accepts the key and lists %d models", t.Endpoint, len(models))
		if t.Config.APIKey == "" {
			c.Detail = fmt.Sprintf("%s answers and lists %d models", t.Endpoint, len(models))
		}
	}
	checks = append(checks, c)
	if err == nil {
		checks = append(checks, hostedModel(t, models))
	}
	return checks
}

func hostedModel(t wire.Target, models []provider.Model) Check {
	for _, m := range models {
		if m.Name == t.Config.Model {
			return Check{Name: t.Config.Name + ": model", Status: OK, Detail: m.Name}
		}
	}
	return Check{t.Config.Name + ": model", Warn, t.Config.Model + " is not in the server's list", fmt.Sprintf("see `tandem models list %s`", t.Config.Name)}
}

// ask puts one question to a server, with patience.
func ask[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	inner, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := f(inner)
	if err != nil && ctx.Err() == nil && inner.Err() != nil {
		err = fmt.Errorf("no answer within %s", patience)
	}
	return v, err
}

func gib(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
