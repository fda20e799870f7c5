package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/pool"
)

// noHostError is that no host of a provider can take a call.
type noHostError struct {
	hosts int // that there are
	err   *provider.Error
}

func (e *noHostError) Error() string { return e.err.Error() }
func (e *noHostError) Unwrap() error { return e.err }

// hostless is why no host of a provider can take a call, or nil. Hosts elsewhere are asked
// only where none is known that can, as their calls tell enough otherwise. A machine that
// is woken by a call can take it.
func hostless(ctx context.Context, st *stack.Stack, name string, p *pool.Pool) error {
	t, _ := st.Target(name)
	states := p.Status()
	able := func(s pool.Status) bool { return s.State == pool.StateUp || s.State == pool.StateUnknown }
	if st.Here(ctx, t) || !slices.ContainsFunc(states, able) {
		states = p.Look(ctx)
	}
	var whys []string
	for i := range states {
		s := &states[i]
		if able(*s) || s.State != pool.StateDrained && t.Config.Hosts[i].Wake != "" {
			return nil
		}
		why := s.Host + " is " + string(s.State)
		if s.State != pool.StateDrained && s.Reason != "" {
			why += ": " + s.Reason
		}
		whys = append(whys, why)
	}
	return &noHostError{len(states), provider.Errorf(provider.Unavailable, name, "", "none of its hosts can take a call: %s", strings.Join(whys, "; "))}
}

// clusterWarnings are what is wrong with a cluster of nodes. The gateway answers without
// it: nothing of that makes it unready.
func clusterWarnings(seen natsqueue.Seen, used bool) []reason {
	silent := seen.Silent()
	switch {
	case !used:
	case seen.Link == natsqueue.LinkDown:
		return []reason{{"the cluster of nodes does not answer", "the cluster of nodes does not answer: " + seen.Why, "the cluster of nodes answers again"}}
	case silent > 0:
		text := fmt.Sprintf("%d of %d nodes of the cluster are silent", silent, len(seen.Nodes))
		return []reason{{text, text, "no node of the cluster is silent any more"}}
	}
	return nil
}

// clusterJSON is a cluster of nodes in what /readyz answers. Everybody may read it: it has
// no names.
type clusterJSON struct {
	Link   natsqueue.Link `json:"link"`  // to its server
	Nodes  int            `json:"nodes"` // that were heard of when the link was up last
	Silent int            `json:"silent"`
}

func clusterOf(seen natsqueue.Seen, used bool) *clusterJSON {
	if !used {
		return nil
	}
	return &clusterJSON{seen.Link, len(seen.Nodes), seen.Silent()}
}
