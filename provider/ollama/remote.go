package ollama

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/provider"
)

// cloudHost runs the models that Ollama does not run itself, unless it names
// another host.
const cloudHost = "ollama.com"

// factsFor is how long the answer to "what is this model" is believed.
const factsFor = time.Minute

// modelFacts is what the server says of a model.
type modelFacts struct {
	remote string                // the host that runs it; "" when that is the server
	can    []provider.Capability // nil: not told
	listed bool                  // remote takes in what /api/tags says, too
	asked  time.Time
}

// CheckPrivacy refuses a model that the server has run elsewhere, where the prompt
// may not leave this machine. It sends nothing of the prompt, and asks a server
// about the model at most once a minute, never where its name says enough. A
// server that does not answer yet is not an error: Chat looks again. Errors: Private,
// Offline.
func (p *Provider) CheckPrivacy(ctx context.Context, req *provider.Request) error {
	err := p.checkPrivacy(ctx, p.model(req.Model), req.Privacy)
	if k := provider.KindOf(err); k != provider.Private && k != provider.Offline {
		return ctx.Err()
	}
	return err
}

// RunsRemotely reports whether the server is known to have a model run elsewhere:
// by its name, or by what the server says of it. It asks at most once a minute.
func (p *Provider) RunsRemotely(ctx context.Context, model string) bool {
	model = p.model(model)
	if p.knownRemoteHost(model) != "" {
		return true
	}
	a, err := p.showModel(ctx, model, provider.PrivacyAny)
	return err == nil && a.remote != ""
}

// checkPrivacy is CheckPrivacy for a model. When in doubt it refuses: an error of asking the
// server about the model is one, too.
func (p *Provider) checkPrivacy(ctx context.Context, model string, privacy provider.Privacy) error {
	if kind, _ := p.mustStayLocal(privacy); kind == "" {
		return nil
	}
	if err := p.checkNamePrivacy(model, privacy); err != nil {
		return err
	}
	a, err := p.showModel(ctx, model, privacy)
	if err == nil && a.remote == "" && !a.listed {
		a, err = p.checkTags(ctx, model, privacy, a)
	}
	if err != nil {
		return err
	}
	return p.checkHostPrivacy(model, a.remote, privacy)
}

// checkNamePrivacy is what checkPrivacy can tell by the name, without any call.
func (p *Provider) checkNamePrivacy(model string, privacy provider.Privacy) error {
	return p.checkHostPrivacy(model, actualHost(model, "", ""), privacy)
}

// mustStayLocal says why a prompt may not leave this machine; "": it may.
func (p *Provider) mustStayLocal(privacy provider.Privacy) (kind provider.Kind, why string) {
	switch {
	case privacy == provider.PrivacyLocal, p.cfg.Privacy == provider.PrivacyLocal:
		return provider.Private, "the prompt may not leave this machine"
	case p.cfg.LocalOnly:
		return provider.Offline, "offline mode is on"
	}
	return "", ""
}

// checkHostPrivacy refuses, for a prompt that stays, a model that host runs; "": the
// server itself does.
func (p *Provider) checkHostPrivacy(model, host string, privacy provider.Privacy) error {
	kind, why := p.mustStayLocal(privacy)
	if kind == "" || host == "" {
		return nil
	}
	return provider.Errorf(kind, p.cfg.Name, model, "Ollama would send the prompt to %s, which runs this model, and %s", host, why)
}

// checkVision refuses images for a model that cannot see: the server would drop
// them and answer as if there were none.
func (p *Provider) checkVision(ctx context.Context, model string, req *provider.Request) error {
	images := func(m provider.Message) bool { return len(m.Images) > 0 }
	if !slices.ContainsFunc(req.Messages, images) {
		return nil
	}
	a, err := p.showModel(ctx, model, req.Privacy)
	if err != nil || a.can == nil || slices.Contains(a.can, provider.CanVision) {
		return err
	}
	return p.unsupported(model, "the model cannot see images, and Ollama would drop them; use a model with vision")
}

// showModel asks /api/show, at most once a minute. A server that may run nothing
// elsewhere (OLLAMA_NO_CLOUD) says so of a model that would be.
func (p *Provider) showModel(ctx context.Context, model string, privacy provider.Privacy) (modelFacts, error) {
	p.mu.Lock()
	known, ok := p.facts[model]
	p.mu.Unlock()
	if ok && time.Since(known.asked) < factsFor {
		return known, nil
	}
	call := p.call(httpx.Whole, normalize.OllamaShow, privacy)
	call.Free = true
	r, err := p.client.Show(httpx.WithCall(ctx, call), &api.ShowRequest{Model: model})
	if err != nil {
		if err = p.callError(ctx, call, model, err); !errors.Is(err, failure.ErrCloudDisabled) {
			return modelFacts{}, err
		}
		known = modelFacts{remote: cloudHost}
	} else {
		known = modelFacts{remote: remoteHostOfModel(model, r), can: capabilities(r.Capabilities, r.Details.Family)}
	}
	p.storeFacts(model, &known)
	return known, nil
}

// checkTags completes a with what /api/tags says: a server may tell there what it
// does not tell in /api/show.
func (p *Provider) checkTags(ctx context.Context, model string, privacy provider.Privacy, a modelFacts) (modelFacts, error) {
	call := p.call(httpx.Whole, normalize.OllamaTags, privacy)
	list, err := p.client.List(httpx.WithCall(ctx, call))
	switch {
	case err == nil:
		for _, m := range list.Models {
			if SameModel(m.Name, model) || SameModel(m.Model, model) {
				a.remote = cmp.Or(a.remote, actualHost(m.Name, m.RemoteHost, m.RemoteModel))
			}
		}
	case ctx.Err() != nil || call.Status != http.StatusNotFound:
		return a, p.callError(ctx, call, model, err)
	}
	a.listed = true
	p.storeFacts(model, &a)
	return a, nil
}

// storeFacts keeps what the server said of a model.
func (p *Provider) storeFacts(model string, a *modelFacts) {
	a.asked = time.Now()
	p.mu.Lock()
	p.facts[model] = *a
	p.mu.Unlock()
}

// knownRemoteHost is the host that is known to run a model, without asking, or "".
func (p *Provider) knownRemoteHost(model string) string {
	if ollamahost.CloudModel(model) {
		return cloudHost
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts[model].remote
}

// sentThroughOrTo is how a refused input would have gone: through this server, where that
// is known to have the model run elsewhere.
func (p *Provider) sentThroughOrTo(model string) string {
	if p.knownRemoteHost(model) != "" {
		return "through "
	}
	return "to "
}

// remoteHostOfModel is the host that runs a model, by what /api/show says of it, or "".
func remoteHostOfModel(model string, r *api.ShowResponse) string {
	if host := actualHost(model, r.RemoteHost, r.RemoteModel); host != "" {
		return host
	}
	return actualHost(r.Details.ParentModel, "", "") // made FROM it
}

// actualHost is the host that really runs a model, or "". When in doubt, it is
// not this server.
func actualHost(model, remoteHost, remoteModel string) string {
	if remoteHost == "" && (remoteModel != "" || ollamahost.CloudModel(model)) {
		return cloudHost
	}
	return remoteHost
}
