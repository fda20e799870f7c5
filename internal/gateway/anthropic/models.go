package anthropic

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// modelPrefix begins the names of models as Claude Code gets them: its picker shows
// only names that begin with claude or anthropic. Requests may have it, too.
const modelPrefix = "anthropic/"

type modelList struct {
	Data    []model `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

type model struct {
	Type           string    `json:"type"`
	ID             string    `json:"id"`
	DisplayName    string    `json:"display_name"`
	CreatedAt      time.Time `json:"created_at"`
	MaxInputTokens int       `json:"max_input_tokens,omitempty"` // the window, as it is used here
}

func modelOf(e exchange.Entry, prefixed bool) model {
	m := model{Type: "model", ID: e.ID, DisplayName: e.ID, CreatedAt: e.Model.Modified.UTC().Truncate(time.Second), MaxInputTokens: e.Window}
	if e.Provider != "" && !strings.HasPrefix(e.ID, e.Provider+"/") {
		m.DisplayName += " (" + e.Provider + ")"
	}
	if prefixed && !shownByClaudeCode(e.ID) {
		m.ID = modelPrefix + e.ID
	}
	return m
}

func shownByClaudeCode(id string) bool {
	id = strings.ToLower(id)
	return strings.HasPrefix(id, "claude") || strings.HasPrefix(id, "anthropic")
}

// chats are the models that can be asked for a message.
func (a *API) chats(r *http.Request) []model {
	var out []model
	for _, e := range a.x.Models(r.Context()) {
		if can, known := e.Model.Can(provider.CanChat); can || !known {
			out = append(out, modelOf(e, isClaudeCode(r)))
		}
	}
	return out
}

// Models lists the models, a page at a time.
func (a *API) Models(w http.ResponseWriter, r *http.Request) {
	identify(w)
	query := r.URL.Query()
	limit := 20
	if v := query.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 1000 {
			Fail(w, exchange.Refuse("limit", "limit: it has to be a number from 1 to 1000"))
			return
		}
		limit = n
	}
	all := a.chats(r)
	at := func(name string, otherwise int) (int, bool) {
		id := query.Get(name)
		if id == "" {
			return otherwise, true
		}
		i := slices.IndexFunc(all, func(m model) bool { return m.ID == id })
		if i < 0 {
			Fail(w, exchange.Refuse(name, name+": there is no such model in this list"))
		}
		return i, i >= 0
	}
	after, ok := at("after_id", -1)
	if !ok {
		return
	}
	before, ok := at("before_id", math.MaxInt)
	if !ok {
		return
	}
	page := all[min(after+1, len(all)):]
	list := modelList{Data: []model{}}
	if before < len(all) { // the page that ends before it
		page = all[max(0, before-limit):before]
		list.HasMore = before > limit
	} else {
		list.HasMore = len(page) > limit
	}
	list.Data = append(list.Data, page[:min(limit, len(page))]...)
	if n := len(list.Data); n > 0 {
		list.FirstID, list.LastID = &list.Data[0].ID, &list.Data[n-1].ID
	}
	exchange.WriteJSON(w, http.StatusOK, list)
}

// Model tells one model; its name is the path's rest, as {id}.
func (a *API) Model(w http.ResponseWriter, r *http.Request) {
	identify(w)
	e, err := a.x.Find(r.Context(), a.modelName(r, r.PathValue("id")))
	if err != nil {
		Fail(w, exchange.FailureOf(err))
		return
	}
	exchange.WriteJSON(w, http.StatusOK, modelOf(e, isClaudeCode(r)))
}

// modelName is a model's name as the exchange knows it.
func (a *API) modelName(r *http.Request, name string) string {
	rest, ok := strings.CutPrefix(name, modelPrefix)
	if !ok {
		return name
	}
	if _, err := a.x.Find(r.Context(), name); err == nil { // a provider has that name
		return name
	}
	return rest
}
