package cache

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// version is of what is stored; answers of another one are asked anew.
const version = 1

// answer is what is stored: a whole answer, and who gave it when.
type answer struct {
	At       time.Time       `json:"at"`
	Route    provider.Route  `json:"route"` // without Attempts
	Text     string          `json:"text"`
	Thinking string          `json:"thinking,omitempty"`
	Usage    *provider.Usage `json:"usage,omitempty"`
	Version  int             `json:"version"`
}

func (a *answer) encode() ([]byte, error) { return json.Marshal(a) }

func decode(value []byte) (*answer, error) {
	var a answer
	if err := json.Unmarshal(value, &a); err != nil {
		return nil, err
	}
	if a.Version != version || a.Text == "" {
		return nil, fmt.Errorf("no answer of version %d", version)
	}
	return &a, nil
}

// basis is the basis of what a hit costs.
const basis = "cache"

// Hit reports whether an answer came from a cache.
func Hit(rt *provider.Route) bool { return rt != nil && rt.Cost != nil && rt.Cost.Basis == basis }

// hit is what the last chunk of a hit points to, in one piece.
type hit struct {
	route provider.Route
	cost  provider.Cost
	usage provider.Usage
	free  float64
}

// replay yields the answer. The Route says that it is kept, and the times are
// those of looking it up.
func (a *answer) replay(took time.Duration, yield func(provider.Chunk, error) bool) {
	if a.Thinking != "" && !yield(provider.Chunk{Thinking: a.Thinking}, nil) {
		return
	}
	h := &hit{route: a.Route, cost: provider.Cost{Basis: basis}}
	h.route.Reason = "from the cache, answered by " + a.Route.Provider + " on " + a.At.Local().Format(time.DateOnly)
	h.route.Load, h.route.Working, h.route.Total, h.route.FirstToken = 0, 0, max(took, 1), max(took, 1)
	h.cost.USD = &h.free
	if a.Route.Cost != nil {
		h.cost.Saved = a.Route.Cost.USD
	}
	h.route.Cost = &h.cost
	last := provider.Chunk{Text: a.Text, Finish: provider.FinishStop, Route: &h.route}
	if u := a.Usage; u != nil {
		h.usage = *u
		last.Usage = &h.usage
	}
	yield(last, nil)
}
