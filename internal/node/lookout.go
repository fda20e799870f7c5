package node

import (
	"context"

	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// lookers is how many nodes look after the others at each heartbeat: to look costs as much
// as there are nodes, so that it would cost their square if all of them did.
const lookers = 8

// lookout is what a node has seen of the others.
type lookout struct {
	nodes int  // that were there
	first bool // it is one of the first of them, or of those that work on one of its batches
	beats int  // since
}

// due reports, at a heartbeat, whether the node looks: if it is one of the first, and else
// from time to time, whether it is by now.
func (o *lookout) due() bool {
	o.beats++
	return o.first || o.beats*lookers >= o.nodes
}

// saw takes in which nodes there are.
func (o *lookout) saw(nodes []natsqueue.Node, id string, batches []string) {
	o.nodes, o.beats = len(nodes), 0
	o.first = before(nodes, id, "") < lookers
	for _, batch := range batches {
		o.first = o.first || before(nodes, id, batch) < lookers
	}
}

// before counts the nodes that speak, of those that work on a batch, whose ids come before
// another one. Empty: of all.
func before(nodes []natsqueue.Node, id, batch string) (n int) {
	for i := range nodes {
		_, works := nodes[i].Batches[batch]
		if !nodes[i].Silent && nodes[i].ID < id && (batch == "" || works) {
			n++
		}
	}
	return n
}

// lookAround has the batches that the node works on know how many rows all nodes may have.
// What does not succeed is tried again the next time.
func (n *node) lookAround(ctx context.Context, o *lookout) {
	if !o.due() {
		return
	}
	var ids []string
	n.mu.Lock()
	for id, s := range n.batches {
		if s.lease != nil {
			ids = append(ids, id)
		}
	}
	n.mu.Unlock()
	nodes, err := n.Cluster.Nodes(ctx)
	if err != nil {
		return
	}
	o.saw(nodes, n.ID, ids)
	for _, id := range ids {
		_ = n.Cluster.Fit(ctx, id, nodes)
	}
}
