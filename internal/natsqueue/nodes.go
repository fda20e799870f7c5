package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Times of heartbeats.
const (
	// BeatEvery is how often a node says that it is there.
	BeatEvery = 2 * time.Second
	// SilentAfter is when a node that says nothing counts as gone.
	SilentAfter = 7 * time.Second
	forgetAfter = 10 * time.Minute
)

// Node is what a node says of itself.
type Node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Tandem  string    `json:"tandem"` // version
	Since   time.Time `json:"since"`
	Slots   int       `json:"slots"`   // rows that it runs at a time
	Running int       `json:"running"` // now
	Rate    float64   `json:"rows_per_second"`
	Tokens  float64   `json:"tokens_per_second"` // of answers
	Loaded  []string  `json:"loaded"`            // provider/model, in memory
	State   string    `json:"state,omitempty"`   // what it waits for; empty: it works, or is idle
	// Total is what came of all of its rows since it began.
	Total LeaseCounts `json:"total"`
	// Batches are those that it works on, and Declined why it does not on others, by id.
	Batches  map[string]LeaseCounts `json:"batches,omitempty"`
	Declined map[string]string      `json:"declined,omitempty"`
	// Seen is when it said so, by the cluster's clock, and Silent that it was too long ago.
	Seen   time.Time `json:"seen"`
	Silent bool      `json:"silent,omitempty"`
}

// Does says in a word or two what the node does.
func (n *Node) Does() string {
	switch {
	case n.Silent:
		return "silent"
	case n.State != "":
		return n.State
	case len(n.Batches) > 0:
		return "working"
	}
	return "idle"
}

// Beat says that a node is there.
func (c *Cluster) Beat(ctx context.Context, n *Node) (err error) {
	defer func() { err = c.explained(ctx, err) }()
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	call, cancel := within(ctx)
	defer cancel()
	_, err = c.nodes.Put(call, "node."+token(n.ID), text)
	if gone(err) || errors.Is(err, jetstream.ErrNoStreamResponse) { // its server began anew: nothing of it was on a disk
		if err := c.renew(call); err != nil {
			return err
		}
		_, err = c.nodes.Put(call, "node."+token(n.ID), text)
	}
	return err
}

// Leave says that a node is not there any more.
func (c *Cluster) Leave(ctx context.Context, id string) error {
	call, cancel := within(ctx)
	defer cancel()
	return c.nodes.Purge(call, "node."+token(id))
}

// Nodes are those that have been heard of lately, by their names.
func (c *Cluster) Nodes(ctx context.Context) (_ []Node, err error) {
	defer func() { err = c.explained(ctx, err) }()
	call, cancel := within(ctx)
	defer cancel()
	said, err := c.nodes.Watch(call, "node.*", jetstream.IgnoreDeletes()) // one request, however many there are
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = said.Stop() }()
	all := []Node{}
	var newest time.Time
	for more := true; more; {
		select {
		case entry, open := <-said.Updates():
			if !open {
				return nil, errors.New("the cluster tells no more of its nodes")
			}
			if more = entry != nil; !more { // those were all
				break
			}
			var n Node
			if err := json.Unmarshal(entry.Value(), &n); err != nil {
				return nil, &DamagedError{"what a node says of itself"}
			}
			n.Seen = entry.Created()
			all = append(all, n)
			if n.Seen.After(newest) {
				newest = n.Seen
			}
		case <-call.Done():
			return nil, call.Err()
		}
	}
	// The clocks of this machine and of the cluster may differ: a node is silent by that of
	// the others, or where none speaks by ours.
	now := newest
	if mine := time.Now(); mine.Sub(newest) > SilentAfter {
		now = mine
	}
	for i := range all {
		all[i].Silent = now.Sub(all[i].Seen) > SilentAfter
	}
	slices.SortFunc(all, func(a, b Node) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return all, nil
}

// share is how many rows nodes may have together: the sum of what each may. A node that
// is silent counts as long as it may have rows.
func share(nodes []Node, hold func(slots int) int) int {
	sum := 0
	for i := range nodes {
		sum += hold(nodes[i].Slots)
	}
	return max(1, sum)
}

// HoldOf is how many rows a node of so many slots may have: those that run, and as many
// that wait, as on one machine.
func HoldOf(slots int) int { return 2 * max(1, slots) }

// Fit has the nodes of a batch take as many rows together as they may have.
func (c *Cluster) Fit(ctx context.Context, batch string, nodes []Node) error {
	call, cancel := within(ctx)
	defer cancel()
	want := c.consumerConfig(share(nodes, HoldOf))
	consumer, err := c.js.Consumer(call, jobStream(batch), consumerName)
	if err != nil {
		return err
	}
	if has := consumer.CachedInfo().Config; has.MaxAckPending == want.MaxAckPending && has.AckWait == want.AckWait {
		return nil
	}
	_, err = c.js.UpdateConsumer(call, jobStream(batch), want)
	return err
}

// consumerConfig is the consumer by which nodes take the rows of a batch.
func (c *Cluster) consumerConfig(hold int) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: consumerName, AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.lease, MaxDeliver: MaxDeliver, MaxAckPending: hold, MaxWaiting: 2048,
	}
}
