package node

import (
	"context"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// overBudget ends a batch on all nodes whose budget has no room.
func (n *node) overBudget(ctx context.Context, id string, o ledger.Over) {
	if err := n.Cluster.Stop(ctx, id, natsqueue.Stop{Why: natsqueue.StopBudget, Limit: o.Limit, Left: o.Left, Need: o.Need}); err != nil {
		n.say("the batch " + id + " could not be stopped, whose budget is used up: " + n.Explain(err))
	}
}

// trouble tells what is wrong with a batch, each thing once.
func (n *node) trouble(id string) func(error) {
	var mu sync.Mutex
	last := ""
	return func(err error) {
		text := ""
		if err != nil {
			text = n.Explain(err)
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case text == last:
		case text == "":
			n.say("the batch " + id + " goes on")
		default:
			n.say("the batch " + id + ": " + text + ". Trying again")
		}
		last = text
	}
}

// share is how many rows of one batch run at a time.
func (n *node) share() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	working := 0
	for _, s := range n.batches {
		if s.lease != nil {
			working++
		}
	}
	return max(1, n.Slots/max(1, working))
}

func (n *node) kept(outcomes []batch.Outcome) {
	m := moment{at: time.Now()}
	for i := range outcomes {
		m.tokens += outcomes[i].Tally.Output
		if f := outcomes[i].Fate; f == batch.Done || f == batch.Failed {
			m.rows++
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.recent = append(n.recent, m)
}
