package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// model is what the playground can ask.
type model struct {
	ID       string `json:"id"`
	Chain    string `json:"chain,omitempty"` // the chain's name; empty: a model
	Provider string `json:"provider,omitempty"`
	Window   int    `json:"window,omitempty"` // tokens; 0: not known
	Loaded   bool   `json:"loaded"`
}

// models lists what can be asked, without models that only embed.
func (u *UI) models(w http.ResponseWriter, r *http.Request) {
	out := []model{}
	for _, e := range u.cfg.Exchange.Models(r.Context()) {
		if c := e.Model.Capabilities; len(c) > 0 && !slices.Contains(c, provider.CanChat) {
			continue
		}
		m := model{ID: e.ID, Provider: e.Provider, Window: e.Window, Loaded: e.Loaded}
		if e.Chain {
			m.Chain = strings.TrimPrefix(e.ID, exchange.ChainPrefix)
		}
		out = append(out, m)
	}
	writeJSON(w, map[string]any{"models": out})
}
