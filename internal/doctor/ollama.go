package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

func ollamaChecks(ctx context.Context, cfg *config.Loaded, s *stack.Stack, t stack.Configured) []Check {
	name := t.Config.Name
	var checks []Check
	version, err := withTimeout(ctx, func(ctx context.Context) (string, error) {
		v, ok := provider.As[provider.Versioner](t.Provider)
		if !ok {
			return "", errors.New("it does not report its version")
		}
		return v.Version(ctx)
	})
	if t.Engine != nil {
		checks = append(checks, binaryCheck(name, t.Config.Binary, err == nil))
	}
	if err != nil {
		return append(checks, serverDown(t, err))
	}
	detail := fmt.Sprintf("Ollama %s answers at %s", version, t.Endpoint)
	if t.Engine != nil && t.Engine.Status(ctx).Ours {
		detail += ", started by tandem"
	}
	checks = append(checks, Check{Name: name + ": server", Status: OK, Detail: detail}, versionCheck(name, version))
	return append(checks, modelChecks(ctx, cfg, s, t)...)
}

// binaryCheck looks for the program that tandem would start. Where a server
// answers already, there need not be one.
func binaryCheck(name, configured string, answers bool) Check {
	c := Check{Name: name + ": binary", Status: OK}
	path, err := engine.FindBinary(configured)
	switch {
	case err == nil:
		c.Detail = path
	case configured == "" && answers:
		c.Detail = "not installed; not needed while the server answers"
	default:
		c.Status = Warn
		c.Detail, c.Remedy, _ = strings.Cut(err.Error(), "; ")
	}
	return c
}

// serverDown tells a server that tandem would start from one that it would not.
func serverDown(t stack.Configured, err error) Check {
	c := Check{Name: t.Config.Name + ": server", Status: Fail, Detail: saidOf(t.Config.Name, err)}
	switch {
	case errors.Is(err, provider.Offline):
		c.Remedy = "set `offline: false`, or remove it from `use`"
	case t.Engine == nil:
		c.Remedy = "start Ollama there, or set `host` to where it runs"
	case !httpx.Refused(err):
		c.Remedy = "stop the program on that port, or set another `host`"
	default:
		if _, err := engine.FindBinary(t.Config.Binary); err != nil {
			c.Remedy = "run `tandem setup` to install Ollama, which tandem then starts, or to use another server"
			break
		}
		c.Status, c.Detail = Warn, "nothing listens at "+t.Endpoint+"; tandem starts Ollama with the next request"
		c.Remedy = "start it now with `tandem engine start`, and run `tandem doctor` again for the rest"
	}
	return c
}

const staysRemedy = "prompts may not leave this machine: choose a model that runs on it"

func modelChecks(ctx context.Context, cfg *config.Loaded, s *stack.Stack, t stack.Configured) []Check {
	name, model := t.Config.Name, t.Config.Model
	info, err := withTimeout(ctx, func(ctx context.Context) (provider.ModelInfo, error) {
		i, ok := provider.As[provider.Inspector](t.Provider)
		if !ok {
			return provider.ModelInfo{}, errors.New("it does not describe models")
		}
		return i.Inspect(ctx, model)
	})
	switch {
	case errors.Is(err, provider.Private), errors.Is(err, provider.Offline):
		return []Check{{name + ": model", Fail, err.Error(), staysRemedy}}
	case errors.Is(err, provider.ModelNotFound):
		if other, ok := s.Alternative(ctx, name); ok {
			return []Check{{name + ": model", Warn, model + ", the default, is not on this server; " + other + " answers", fmt.Sprintf("keep it with `tandem models default %s`", other)}}
		}
		return []Check{{name + ": model", Fail, model + " is not on this server", "get it with `" + PullCommand(cfg, name, model) + "`"}}
	case err != nil:
		return []Check{{name + ": model", Fail, err.Error(), "see `tandem models list`"}}
	}
	checks := []Check{{Name: name + ": model", Status: OK, Detail: describe(info)}}
	if info.Remote != "" {
		checks[0].Status, checks[0].Remedy = Warn, "choose a model that runs on this machine if prompts must not leave it"
		if cfg.KeepsLocal() {
			checks[0].Status, checks[0].Remedy = Fail, staysRemedy
		}
	}
	return append(checks, windowCheck(t, info), memoryCheck(ctx, s, t, info))
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

func windowCheck(t stack.Configured, m provider.ModelInfo) Check {
	c := Check{Name: t.Config.Name + ": context length", Status: OK}
	switch n := t.Config.NumCtx; {
	case n == config.WindowAuto:
		c.Detail = "the largest that fits the memory (num_ctx: auto)"
		if m.Context > 0 {
			c.Detail += fmt.Sprintf(", at most the %d tokens that the model was made for", m.Context)
		}
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

// memoryCheck sets the forecast of what the model takes beside what it is
// measured to take.
func memoryCheck(ctx context.Context, s *stack.Stack, t stack.Configured, info provider.ModelInfo) Check {
	c := Check{Name: t.Config.Name + ": processor", Status: OK}
	m, err := withTimeout(ctx, func(ctx context.Context) (preload.Memory, error) {
		m, _, err := preload.MemoryOf(ctx, t.Provider, info)
		return m, err
	})
	if err != nil {
		c.Status, c.Detail, c.Remedy = Warn, err.Error(), "run `tandem doctor` again"
		return c
	}
	const remedy = "lower num_ctx, or use a smaller model or quantization"
	switch r := m.Measured; {
	case r == nil:
		c.Detail = "not loaded; the next request loads it"
		if m.Says != "" {
			c.Status, c.Detail, c.Remedy = Warn, m.Says, remedy
		}
	case r.SizeVRAM == 0:
		c.Detail = fmt.Sprintf("in memory, %s, all on the CPU", textx.Bytes(r.Size))
	case r.SizeVRAM < r.Size:
		c.Status, c.Remedy = Warn, remedy
		c.Detail = fmt.Sprintf("%s of %s on the GPU; the rest has spilled to the CPU, which is slow", gib(r.SizeVRAM), gib(r.Size))
	default:
		c.Detail = fmt.Sprintf("in memory, %s, all on the GPU", textx.Bytes(r.Size))
	}
	if r := m.Measured; r != nil && r.Context > 0 {
		c.Detail += fmt.Sprintf(", with a window of %d tokens", r.Context)
	}
	if e := m.Forecast; e != nil && c.Detail != m.Says {
		c.Detail += fmt.Sprintf(" (forecast for %d tokens: %s", e.Window, textx.Bytes(e.Counted))
		if more := e.Total() - e.Counted; more > 0 {
			c.Detail += fmt.Sprintf(", and %s to compute", textx.Bytes(more))
		}
		c.Detail += ")"
	}
	if n := t.Config.NumCtx; m.Measured != nil && m.Measured.Context > 0 && n > 0 && n != m.Measured.Context && (info.Context == 0 || n <= info.Context) {
		c.Detail += fmt.Sprintf("; num_ctx: %d counts when it is loaded again", n)
	}
	return c
}
