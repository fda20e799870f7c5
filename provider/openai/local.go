package openai

import (
	"context"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// Local reports whether the server is on this machine and runs its models there:
// Config.Local says so, and no answer has said otherwise.
func (p *Provider) Local(ctx context.Context) bool {
	return p.cfg.Local && p.through.Load() == nil && p.transport.LocalEndpoint(ctx, p.endpoint)
}

// mustStayLocal is the Kind with which a prompt that may not leave this machine is
// refused, and why it may not; "" if it may.
func (p *Provider) mustStayLocal(privacy provider.Privacy) (provider.Kind, string) {
	switch {
	case privacy == provider.PrivacyLocal:
		return provider.Private, "the prompt may not leave this machine"
	case p.cfg.LocalOnly:
		return provider.Offline, "offline mode is on"
	}
	return "", ""
}

// checkPrivacy refuses, before a prompt is sent that may not leave this machine, a
// server that is not said to run its models on it, and one that has answered
// before through somebody else. So is a model that an Ollama, whose API this may
// be, has run elsewhere. Of the address the transport knows.
func (p *Provider) checkPrivacy(model string, privacy provider.Privacy) error {
	kind, why := p.mustStayLocal(privacy)
	switch through := p.through.Load(); {
	case kind == "":
		return nil
	case ollamahost.CloudModel(model):
		return provider.Errorf(kind, p.cfg.Name, model, "an Ollama would send the prompt to ollama.com, which runs a model of this name, and %s", why)
	case !p.cfg.Local:
		return provider.Errorf(kind, p.cfg.Name, model, "the server may pass prompts on (`local: true` is not set), and %s", why)
	case through != nil:
		return provider.Errorf(kind, p.cfg.Name, model, "the server passes prompts on (it has answered through %s, whatever local: true says), and %s", *through, why)
	}
	return nil
}

// checkGateway is the error of an answer which tells that a prompt that was not to
// leave this machine may have left it, although the server is said to be local;
// or the caller's own, or nil.
func (a *answer) checkGateway(caller context.Context) error {
	kind, _ := a.p.mustStayLocal(a.privacy)
	g := a.p.gateway(a.call, a.seen)
	switch {
	case kind == "" || !g.remote:
		return nil
	case caller.Err() != nil:
		return caller.Err()
	}
	return a.error(kind, "the server answered through %s, so the prompt may have left this machine, and its answer is not used; remove `local: true` from it", g.name)
}

// gateway is what the answer of a call tells, so far, of who else has had the
// prompt. Where the server was said to be local and is not, that is kept.
func (p *Provider) gateway(c *httpx.Call, s *gatewayHints) gateway {
	g := detectGateway(c.ResponseHeader, s, c.Local, p.transport.Local)
	if g.remote && p.cfg.Local && p.through.Load() == nil {
		name := g.name // so that g itself stays on the stack
		p.through.CompareAndSwap(nil, &name)
	}
	return g
}

// Through is who a server that is said to be local has answered through, so
// that it is not; empty: nobody, for all that is known.
func (p *Provider) Through() string {
	if s := p.through.Load(); s != nil {
		return *s
	}
	return ""
}
