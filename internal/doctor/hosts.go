package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider/pool"
)

// hostChecks are those of a provider with several hosts: one for each. Where any host can
// answer, what is wrong with another is a warning.
func hostChecks(ctx context.Context, cfg *config.Loaded, s *stack.Stack, t stack.Configured) []Check {
	name := t.Config.Name
	if why, remedy := t.NotLocal(ctx); why != "" && cfg.KeepsLocal() {
		return []Check{{name + ": hosts", Fail, why + ": it is never used (privacy: local, or offline)", remedy}}
	}
	p, ok := s.Pool(name)
	if !ok {
		return nil
	}
	var checks []Check
	if t.Config.APIKey != "" {
		key, ok := keyCheck(cfg, t)
		if checks = append(checks, key); !ok {
			return checks
		}
	}
	statuses := p.Look(ctx)
	serves := false
	for i := range statuses {
		c := hostCheck(name, t.Config, &statuses[i])
		serves = serves || c.Status == OK
		checks = append(checks, c)
	}
	if serves {
		for i := range checks {
			if checks[i].Status == Fail {
				checks[i].Status = Warn
			}
		}
	}
	return checks
}

func hostCheck(name string, pc config.Provider, h *pool.Status) Check {
	c := Check{Name: name + "/" + h.Host + ": server", Status: OK}
	switch {
	case h.State == pool.StateDrained:
		c.Status, c.Detail, c.Remedy = Warn, "it is drained, and takes no new calls", fmt.Sprintf("run `tandem models hosts undrain %s`", h.Host)
	case h.State == pool.StateAside:
		c.Status, c.Detail, c.Remedy = Warn, "it is set aside: "+h.Reason, "pull the model there again, so that all hosts have the same"
	case h.State != pool.StateUp:
		c.Status, c.Detail, c.Remedy = Fail, h.Endpoint+": "+strings.TrimPrefix(h.Reason, h.Endpoint+": "), "start the server there, or remove the host from `hosts`"
	case h.Reason != "":
		c.Status, c.Detail = Fail, h.Endpoint+" answers, but "+h.Reason
		c.Remedy = "get the model there, or choose another one"
	default:
		c.Detail = fmt.Sprintf("%s answers and lists %s", h.Endpoint, countModels(h.Models))
		for _, m := range h.Loaded {
			if ollamahost.SameModel(m.Name, pc.Model) {
				c.Detail += "; " + pc.Model + " is in memory"
			}
		}
	}
	return c
}
