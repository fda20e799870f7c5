package ollama

import (
	"context"
	"strings"
	"time"

	"github.com/ollama/ollama/api"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// remoteFresh is how long the answer to "where does this model run" is
// believed.
const remoteFresh = time.Minute

type remote struct {
	host  string // "" when the model runs on the server
	asked time.Time
}

// mayAsk refuses, before the prompt is sent, a model that the server has run
// elsewhere, where the prompt may not leave this machine. When in doubt it
// refuses.
func (p *Provider) mayAsk(ctx context.Context, model string, privacy provider.Privacy) error {
	if privacy != provider.PrivacyLocal && !p.cfg.LocalOnly {
		return nil
	}
	host, err := p.remoteHost(ctx, model, privacy)
	if err != nil {
		return err
	}
	if host == "" {
		return nil
	}
	kind, why := provider.Private, "the prompt may not leave this machine"
	if privacy != provider.PrivacyLocal {
		kind, why = provider.Offline, "offline mode is on"
	}
	return provider.Errorf(kind, p.cfg.Name, model, "Ollama would send the prompt to %s, which runs this model, and %s", host, why)
}

func (p *Provider) remoteHost(ctx context.Context, model string, privacy provider.Privacy) (string, error) {
	p.mu.Lock()
	known, ok := p.remotes[model]
	p.mu.Unlock()
	if ok && time.Since(known.asked) < remoteFresh {
		return known.host, nil
	}
	call := p.call(httpx.Whole, privacy)
	r, err := p.client.Show(httpx.WithCall(ctx, call), &api.ShowRequest{Model: model})
	if err != nil {
		return "", p.failed(ctx, call, model, err)
	}
	known = remote{host: r.RemoteHost, asked: time.Now()}
	if known.host == "" && (r.RemoteModel != "" || cloudName(model)) {
		known.host = "ollama.com"
	}
	p.mu.Lock()
	p.remotes[model] = known
	p.mu.Unlock()
	return known.host, nil
}

// cloudName reports whether a name is one that Ollama gives to models that it
// does not run itself.
func cloudName(model string) bool {
	return strings.HasSuffix(model, ":cloud") || strings.HasSuffix(model, "-cloud")
}
