package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

func openaiChecks(ctx context.Context, cfg *config.Loaded, t stack.Configured) []Check {
	name := t.Config.Name
	if cfg.Privacy == config.PrivacyLocal && !t.Config.Loopback() && len(cfg.LocalNetworks) == 0 {
		return []Check{{name + ": server", Fail, t.Endpoint + " is never used: prompts must not leave this machine (privacy: local)", "remove it from `use`, or remove `privacy`"}}
	}
	if why, remedy := t.NotLocal(ctx); why != "" && cfg.KeepsLocal() {
		return []Check{{name + ": server", Fail, why + ": it is never used (privacy: local, or offline)", remedy}}
	}
	key, ok := keyCheck(cfg, t)
	if !ok {
		return []Check{key}
	}
	models, err := withTimeout(ctx, t.Provider.Models)
	checks := []Check{key, hostedServer(ctx, t, models, err)}
	if err == nil {
		checks = append(checks, hostedModel(t, models))
	}
	if stale := ledger.StaleList(time.Now()); stale != "" && t.Config.Price == (config.Price{}) && t.Endpoint == "https://api.openai.com" {
		checks = append(checks, Check{name + ": price", Warn, stale, "for example `price: {input: 2.50, output: 10}`, in US dollars a million tokens"})
	}
	if why, remedy := t.NotLocal(ctx); why != "" { // known since it was asked for its models, perhaps
		checks = append(checks, Check{name + ": local", Warn, why + ", so its answers do not count as local", remedy})
	}
	return checks
}

func keyCheck(cfg *config.Loaded, t stack.Configured) (c Check, ok bool) {
	c = Check{Name: t.Config.Name + ": key", Status: OK, Detail: "none is configured"}
	if t.Config.APIKey == "" {
		return c, true
	}
	if _, err := cfg.Key(t.Config.Name); err != nil {
		c.Status = Fail
		c.Detail, c.Remedy, _ = strings.Cut(err.Error(), "; ")
		if c.Remedy == "" {
			c.Remedy = fmt.Sprintf("set it with `tandem keys set %s`", t.Config.Name)
		}
		return c, false
	}
	c.Detail = "present, from " + string(cfg.KeyRef(t.Config.Name))
	return c, true
}

func hostedServer(ctx context.Context, t stack.Configured, models []provider.Model, err error) Check {
	name := t.Config.Name
	c := Check{Name: name + ": server", Status: Fail}
	said := saidOf(name, err)
	var pe *provider.Error
	switch {
	case err == nil:
		c.Status, c.Detail = OK, fmt.Sprintf("%s answers and lists %s", t.Endpoint, countModels(len(models)))
		if t.Keyless == nil {
			break
		}
		if _, err := withTimeout(ctx, t.Keyless.Models); errors.Is(err, provider.Denied) {
			c.Detail = fmt.Sprintf("%s answers, accepts the key and lists %s", t.Endpoint, countModels(len(models)))
		} else if err == nil {
			c.Detail += ", without a key too: the first request shows whether it accepts the key"
		}
	case errors.As(err, &pe) && pe.Kind == provider.Denied && pe.Status == 0: // it was not asked: a header or a certificate is missing
		c.Detail, c.Remedy, _ = strings.Cut(said, "; ")
	case errors.Is(err, provider.Denied) && t.Config.APIKey == "":
		c.Detail = said
		c.Remedy = fmt.Sprintf("it needs a key: run `tandem keys set %s` and configure `api_key: keyring:%[1]s`", name)
	case errors.Is(err, provider.Denied):
		c.Detail, c.Remedy = said, fmt.Sprintf("set a key that is valid: `tandem keys set %s`", name)
	case errors.Is(err, provider.Offline):
		c.Detail, c.Remedy = said, "set `offline: false`, or remove it from `use`"
	case errors.As(err, &pe) && pe.Status == http.StatusNotFound && !strings.HasSuffix(t.Config.BaseURL, "/v1"):
		c.Detail, c.Remedy = said, fmt.Sprintf("most servers want a /v1: try `base_url: %s/v1`", strings.TrimRight(t.Config.BaseURL, "/"))
	default:
		c.Detail, c.Remedy = said, "check base_url and the network"
	}
	return c
}

// saidOf is an error's text below the name of the provider that it is of.
func saidOf(name string, err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), name+": ")
}

func hostedModel(t stack.Configured, models []provider.Model) Check {
	for _, m := range models {
		if m.Name == t.Config.Model {
			return Check{Name: t.Config.Name + ": model", Status: OK, Detail: m.Name}
		}
	}
	return Check{t.Config.Name + ": model", Warn, t.Config.Model + " is not in the server's list", fmt.Sprintf("see `tandem models list %s`", t.Config.Name)}
}

func countModels(models int) string {
	if models == 1 {
		return "1 model"
	}
	return fmt.Sprintf("%d models", models)
}
