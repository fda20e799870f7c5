package natsqueue

import (
	"context"
	"errors"
	"testing"
	"time"
)

// seen looks until something is so.
func seen(t *testing.T, o *Observer, what string, is func(Seen) bool) Seen {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		s, used := o.Look(t.Context())
		if used && is(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s; seen %+v, used %v", what, s, used)
		}
	}
}

// Whether the cluster answers, and whether its nodes do, are told apart.
func TestTheLinkAndTheNodesAreApart(t *testing.T) {
	h := newHouse(t, true)
	o := NewObserver(func(ctx context.Context) (*Cluster, error) { return Open(ctx, h.config()) })
	t.Cleanup(o.Close)
	if s := seen(t, o, "the cluster answers", func(s Seen) bool { return s.Link == LinkUp }); len(s.Nodes) > 0 || s.Cluster == "" || s.Replicas != 1 {
		t.Errorf("%+v", s)
	}
	c := h.cluster()
	if err := c.Beat(t.Context(), &Node{ID: "1", Name: "pc1", Slots: 4}); err != nil {
		t.Fatal(err)
	}
	seen(t, o, "the node is there", func(s Seen) bool { return s.Link == LinkUp && len(s.Nodes) == 1 && s.Silent() == 0 })
	// The node says nothing any more, and the cluster still answers.
	seen(t, o, "the node is silent", func(s Seen) bool { return s.Link == LinkUp && s.Silent() == 1 })
	h.nats.Shutdown()
	s := seen(t, o, "the cluster does not answer", func(s Seen) bool { return s.Link == LinkDown })
	if s.Why == "" || s.Since.IsZero() || len(s.Nodes) != 1 || s.At.IsZero() {
		t.Errorf("%+v; want why, since when, and the nodes as they were", s)
	}
}

// A machine of no cluster has none, and one that cannot be reached is down.
func TestAnObserverOfNoCluster(t *testing.T) {
	none := NewObserver(func(context.Context) (*Cluster, error) { return nil, nil })
	t.Cleanup(none.Close)
	if s, used := none.Look(t.Context()); used {
		t.Errorf("%+v", s)
	}
	down := NewObserver(func(context.Context) (*Cluster, error) { return nil, errors.New("nobody is there") })
	t.Cleanup(down.Close)
	if s := seen(t, down, "it is down", func(s Seen) bool { return s.Link == LinkDown }); s.Why != "nobody is there" {
		t.Errorf("%+v", s)
	}
}

// After a reload another cluster is observed, and nothing is left of the one before.
func TestAnObserverBeginsAnew(t *testing.T) {
	first, second := newHouse(t, true), newHouse(t, true)
	h := first
	o := NewObserver(func(ctx context.Context) (*Cluster, error) { return Open(ctx, h.config()) })
	t.Cleanup(o.Close)
	before := seen(t, o, "the first answers", func(s Seen) bool { return s.Link == LinkUp })
	h = second
	o.Reset()
	if after := seen(t, o, "the second answers", func(s Seen) bool { return s.Link == LinkUp }); after.Cluster == before.Cluster {
		t.Errorf("it is still the cluster %s", after.Cluster)
	}
	if n := first.nats.NumClients(); n != 0 {
		t.Errorf("%d connections to the first are left", n)
	}
	o.Close()
	if s, used := o.Look(t.Context()); used {
		t.Errorf("closed, it sees %+v", s)
	}
}
