package node

import (
	"context"
	"maps"
	"os"
	"time"

	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// beat says what the node does, from time to time and when that changes.
func (n *node) beat(ctx context.Context) {
	tick := time.NewTicker(natsqueue.BeatEvery)
	defer tick.Stop()
	troubled, around := false, lookout{}
	for {
		var loaded []string
		if n.Loaded != nil {
			loaded = n.Loaded(ctx)
		}
		status := n.status()
		status.Loaded = append(status.Loaded, loaded...)
		err := n.Cluster.Beat(ctx, status)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			n.lookAround(ctx, &around)
		}
		if (err != nil) != troubled {
			if troubled = err != nil; troubled {
				n.say(n.Explain(err))
			} else {
				n.say("the cluster answers again")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.beats:
			rest(ctx, 100*time.Millisecond) // others may follow
		}
	}
}

// status is what the node says of itself.
func (n *node) status() *natsqueue.Node {
	host, _ := os.Hostname()
	out := &natsqueue.Node{
		ID: n.ID, Name: n.Name, Host: host, PID: os.Getpid(), Tandem: n.Version, Since: n.since, Slots: n.Slots, Running: len(n.slots),
		Loaded: []string{}, Batches: map[string]natsqueue.LeaseCounts{}, Declined: map[string]string{},
	}
	if n.stopping() {
		out.State = "stopping"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	out.Total = n.ended
	for id, s := range n.batches {
		if s.lease != nil {
			counts := s.lease.Counts()
			out.Batches[id] = counts
			out.Total.Add(counts)
		}
		if s.declined != "" {
			out.Declined[id] = s.declined
		}
		if s.waiting != "" && out.State == "" {
			out.State = s.waiting
		}
	}
	out.Rate, out.Tokens = n.rates(time.Now())
	maps.DeleteFunc(out.Declined, func(id string, _ string) bool { return n.batches[id].m == nil })
	return out
}

// rateSpan is the time over which rows a second are told.
const rateSpan = 30 * time.Second

// rates are how many rows ended a second lately, and how many tokens their answers had.
// The caller holds mu.
func (n *node) rates(now time.Time) (rows, tokens float64) {
	for len(n.recent) > 0 && now.Sub(n.recent[0].at) > rateSpan {
		n.recent = n.recent[1:]
	}
	for _, m := range n.recent {
		rows, tokens = rows+float64(m.rows), tokens+float64(m.tokens)
	}
	span := min(rateSpan, max(time.Second, now.Sub(n.since))).Seconds()
	return rows / span, tokens / span
}
