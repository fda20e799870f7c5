package natsqueue

import (
	"context"
	"sync"
	"time"
)

// Link says whether a cluster can be asked.
type Link string

// The states of a link.
const (
	LinkUp      Link = "up"
	LinkDown    Link = "down"
	LinkUnknown Link = "unknown" // the first connection is under way
)

// Seen is what is known of a cluster. Its link and its nodes are apart: a cluster may
// answer while its nodes are silent, and nodes may work while it does not answer here.
type Seen struct {
	Cluster  string // its id; empty: it was never reached
	URL      string
	Replicas int
	Link     Link
	Why      string    // the link is down
	Since    time.Time // the link is so
	Nodes    []Node    // as the cluster said when it answered last, at At
	At       time.Time
}

// Silent is how many of the nodes are silent.
func (s *Seen) Silent() (n int) {
	for i := range s.Nodes {
		if s.Nodes[i].Silent {
			n++
		}
	}
	return n
}

const (
	// observeEvery is how long it counts what a cluster has said.
	observeEvery = 2 * time.Second
	// observeWait is how long who looks waits for what the cluster says now, and
	// observeTime how long it may take for that.
	observeWait = 500 * time.Millisecond
	observeTime = 2 * time.Second
)

// Observer knows of a cluster what those ask who only watch it. It connects, and asks,
// when somebody looks. It is safe for concurrent use. Make one with [NewObserver].
type Observer struct {
	open func(context.Context) (*Cluster, error)
	ctx  context.Context // of what goes on between two looks
	end  context.CancelFunc

	mu      sync.Mutex
	cluster *Cluster // nil: there is no connection
	asked   time.Time
	asking  bool
	turn    int // of the connection: Reset begins the next
	used    bool
	seen    Seen
}

// NewObserver returns an observer of the cluster that open connects to; nil, without an
// error: none is used now.
func NewObserver(open func(context.Context) (*Cluster, error)) *Observer {
	o := &Observer{open: open, seen: Seen{Link: LinkUnknown}}
	o.ctx, o.end = context.WithCancel(context.Background())
	return o
}

// Close ends the connection. It waits for nothing.
func (o *Observer) Close() {
	o.end()
	o.Reset()
}

// Reset has the next look connect anew, as after the configuration has changed.
func (o *Observer) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cluster != nil {
		o.cluster.Close()
	}
	o.cluster, o.asked, o.asking, o.used, o.seen = nil, time.Time{}, false, false, Seen{Link: LinkUnknown}
	o.turn++
}

// Look is what is known of the cluster, at most some seconds old; used is false where none
// is used.
func (o *Observer) Look(ctx context.Context) (seen Seen, used bool) {
	o.mu.Lock()
	if !o.asking && o.ctx.Err() == nil && time.Since(o.asked) >= observeEvery {
		o.asking = true
		said := make(chan struct{})
		go o.ask(o.turn, o.cluster, said)
		o.mu.Unlock()
		timer := time.NewTimer(observeWait)
		defer timer.Stop()
		select {
		case <-said:
		case <-timer.C:
		case <-ctx.Done():
		}
		o.mu.Lock()
	}
	defer o.mu.Unlock()
	seen = o.seen
	if seen.Link == LinkUp && time.Since(o.asked) > 2*(observeEvery+observeTime) { // nobody has looked for long, and it does not answer at once
		seen.Link = LinkUnknown
	}
	return seen, o.used
}

// ask asks the cluster, and connects to it where there is no connection.
func (o *Observer) ask(turn int, c *Cluster, said chan<- struct{}) {
	defer close(said)
	var err error
	if c == nil {
		if c, err = o.open(o.ctx); err != nil {
			c = nil
		}
	}
	now := Seen{Link: LinkDown}
	switch {
	case err != nil:
		now.Why = err.Error()
	case c == nil:
	case !c.Connected():
		now.Why = "the connection was lost, and is tried again"
	default:
		now = o.askNodes(c)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.turn != turn { // who has asked has gone
		if c != nil {
			c.Close()
		}
		return
	}
	o.asking, o.asked, o.cluster = false, time.Now(), c
	o.used = c != nil || err != nil
	if now.Since = o.seen.Since; now.Link != o.seen.Link {
		now.Since = o.asked
	}
	if now.Link == LinkDown { // what was known before is all that is
		now.Nodes, now.At = o.seen.Nodes, o.seen.At
	}
	now.Cluster, now.URL, now.Replicas = o.seen.Cluster, o.seen.URL, o.seen.Replicas
	if c != nil {
		now.Cluster, now.URL, now.Replicas = c.ID, c.URL(), c.Replicas
	}
	o.seen = now
}

func (o *Observer) askNodes(c *Cluster) Seen {
	ctx, cancel := context.WithTimeout(o.ctx, observeTime)
	defer cancel()
	nodes, err := c.Nodes(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return Seen{Link: LinkDown, Why: "it did not answer in time"}
	case err != nil:
		return Seen{Link: LinkDown, Why: err.Error()}
	}
	return Seen{Link: LinkUp, Nodes: nodes, At: time.Now()}
}
