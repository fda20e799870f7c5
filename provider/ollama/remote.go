package ollama

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// aboutFresh is how long the answer to "what is this model" is believed.
const aboutFresh = time.Minute

// about is what the server says of a model.
type about struct {
	remote string                // the host that runs it; "" when that is the server
	can    []provider.Capability // nil: not told
	asked  time.Time
}

// mayAsk refuses, before the prompt is sent, a model that the server has run
// elsewhere, where the prompt may not leave this machine. When in doubt it
// refuses.
func (p *Provider) mayAsk(ctx context.Context, model string, privacy provider.Privacy) error {
	if privacy != provider.PrivacyLocal && !p.cfg.LocalOnly {
		return nil
	}
	a, err := p.about(ctx, model, privacy)
	if err != nil || a.remote == "" {
		return err
	}
	kind, why := provider.Private, "the prompt may not leave this machine"
	if privacy != provider.PrivacyLocal {
		kind, why = provider.Offline, "offline mode is on"
	}
	return provider.Errorf(kind, p.cfg.Name, model, "Ollama would send the prompt to %s, which runs this model, and %s", a.remote, why)
}

// maySee refuses images for a model that cannot see: the server would drop
// them and answer as if there were none.
func (p *Provider) maySee(ctx context.Context, model string, req *provider.Request) error {
	images := func(m provider.Message) bool { return len(m.Images) > 0 }
	if !slices.ContainsFunc(req.Messages, images) {
		return nil
	}
	a, err := p.about(ctx, model, req.Privacy)
	if err != nil || a.can == nil || slices.Contains(a.can, provider.CanVision) {
		return err
	}
	return p.unsupported(model, "the model cannot see images, and Ollama would drop them; take a model with vision")
}

// about asks /api/show, at most once a minute.
func (p *Provider) about(ctx context.Context, model string, privacy provider.Privacy) (about, error) {
	p.mu.Lock()
	known, ok := p.abouts[model]
	p.mu.Unlock()
	if ok && time.Since(known.asked) < aboutFresh {
		return known, nil
	}
	call := p.call(httpx.Whole, privacy)
	call.Free = true
	r, err := p.client.Show(httpx.WithCall(ctx, call), &api.ShowRequest{Model: model})
	if err != nil {
		return about{}, p.failed(ctx, call, model, err)
	}
	known = about{remote: elsewhere(model, r.RemoteHost, r.RemoteModel), can: capabilities(r.Capabilities), asked: time.Now()}
	p.mu.Lock()
	p.abouts[model] = known
	p.mu.Unlock()
	return known, nil
}

// way is how a refused input would have gone: through this server, where that
// is known to have the model run elsewhere.
func (p *Provider) way(model string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.abouts[model].remote != "" {
		return "through "
	}
	return "to "
}

// elsewhere is the host that really runs a model, or "". When in doubt, it is
// not this server.
func elsewhere(model, remoteHost, remoteModel string) string {
	if remoteHost == "" && (remoteModel != "" || cloudName(model)) {
		return "ollama.com"
	}
	return remoteHost
}

// cloudName reports whether a name is one that Ollama gives to models that it
// does not run itself.
func cloudName(model string) bool {
	return strings.HasSuffix(model, ":cloud") || strings.HasSuffix(model, "-cloud")
}
