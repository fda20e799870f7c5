package openai

import (
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
)

// modelEntry is a model as OpenAI lists it, with what other servers add: how many
// tokens it holds as it is used here, and what it can do.
type modelEntry struct {
	ID            string   `json:"id"`
	Object        string   `json:"object"`
	Created       int64    `json:"created"`
	OwnedBy       string   `json:"owned_by"`
	ContextLength int      `json:"context_length,omitempty"`
	MaxModelLen   int      `json:"max_model_len,omitempty"`
	Capabilities  []string `json:"capabilities"`
	Loaded        bool     `json:"loaded"`
}

func entryOf(e *exchange.Entry) modelEntry {
	owner := e.Provider
	if owner == "" {
		owner = exchange.Default
	}
	m := modelEntry{
		ID: e.ID, Object: "model", Created: e.Model.Modified.Unix(), OwnedBy: owner,
		ContextLength: e.Window, MaxModelLen: e.Window, Capabilities: []string{}, Loaded: e.Loaded,
	}
	for _, c := range e.Model.Capabilities {
		m.Capabilities = append(m.Capabilities, string(c))
	}
	return m
}

// Models lists the models. Codex reads its own list, which has to be there. It is empty,
// because an entry would put our instructions in the place of Codex's own.
func (a *API) Models(w http.ResponseWriter, r *http.Request) {
	list := struct {
		Object string       `json:"object"`
		Data   []modelEntry `json:"data"`
		Models []struct{}   `json:"models"`
	}{Object: "list", Data: []modelEntry{}, Models: []struct{}{}}
	all := a.x.Models(r.Context())
	for i := range all {
		list.Data = append(list.Data, entryOf(&all[i]))
	}
	exchange.WriteJSON(w, http.StatusOK, list)
}

// Model tells of one model. Its name may have slashes and colons.
func (a *API) Model(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(r.PathValue("id"), "/")
	e, err := a.x.Find(r.Context(), name)
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	exchange.WriteJSON(w, http.StatusOK, entryOf(&e))
}
