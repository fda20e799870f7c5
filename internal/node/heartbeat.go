package node

import (
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// beat says what the node does, from time to time and when that changes.
func (n *node) beat(ctx context.Context) {
	tick := time.NewTicker(natsqueue.BeatEvery / 4)
	defer tick.Stop()
	b := beater{node: n}
	for {
		b.beat(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.beats:
			rest(ctx, 100*time.Millisecond) // others may follow
			b.last = time.Time{}
		}
	}
}

// beater is what was said last.
type beater struct {
	*node
	last     time.Time
	acks     []string
	loaded   []string
	troubled bool
	lookout  lookout
}

// beat says what the node does if it is time to, or if it has other rows than it has said.
func (b *beater) beat(ctx context.Context) {
	due := time.Since(b.last) >= natsqueue.BeatEvery
	if due && b.Loaded != nil {
		b.loaded = b.Loaded(ctx)
	}
	status, acks := b.status()
	slices.Sort(acks)
	if !due && slices.Equal(acks, b.acks) {
		return
	}
	status.Loaded = append(status.Loaded, b.loaded...)
	err := b.Cluster.Beat(ctx, status, acks)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		b.last, b.acks = time.Now(), acks
		b.lookAround(ctx, &b.lookout)
	}
	if (err != nil) != b.troubled {
		if b.troubled = err != nil; b.troubled {
			b.say("the cluster does not answer: " + b.Explain(err))
		} else {
			b.say("the cluster answers again")
		}
	}
}

// status is what the node says of itself, and of the rows that it has.
func (n *node) status() (out *natsqueue.Node, acks []string) {
	host, _ := os.Hostname()
	out = &natsqueue.Node{
		ID: n.ID, Name: n.Name, Host: host, PID: os.Getpid(), Tandem: n.Version, Since: n.since, Slots: n.Slots, Running: len(n.slots),
		Loaded: []string{}, Batches: map[string]natsqueue.LeaseCounts{}, Declined: map[string]string{},
	}
	if n.stopping() {
		out.State = "stopping"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, s := range n.batches {
		if s.lease != nil {
			out.Batches[id] = s.lease.Counts()
			acks = append(acks, s.lease.Acks()...)
		}
		if s.declined != "" {
			out.Declined[id] = s.declined
		}
		if s.waiting != "" && out.State == "" {
			out.State = s.waiting
		}
	}
	out.Rate = n.rate(time.Now())
	maps.DeleteFunc(out.Declined, func(id string, _ string) bool { return n.batches[id].m == nil })
	return out, acks
}

// rateSpan is the time over which rows a second are told.
const rateSpan = 30 * time.Second

// rate is how many rows ended a second lately. The caller holds mu.
func (n *node) rate(now time.Time) float64 {
	for len(n.recent) > 0 && now.Sub(n.recent[0].at) > rateSpan {
		n.recent = n.recent[1:]
	}
	rows := 0
	for _, m := range n.recent {
		rows += m.rows
	}
	span := min(rateSpan, max(time.Second, now.Sub(n.since)))
	return float64(rows) / span.Seconds()
}
