package natsqueue

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

// LeaseOptions say how a node takes rows.
type LeaseOptions struct {
	Node string // its name
	// Hold is the most rows that the node has at a time, those that wait included.
	Hold int
	// Stop, once it is closed, has no more rows taken. Nil: never.
	Stop <-chan struct{}
	// Trouble, if not nil, is told that the cluster cannot be asked or does not take a
	// result, and nil when it does again. What is not taken is kept and sent again.
	Trouble func(error)
}

// Lease is the rows of a batch that a node has. It is a [batch.Queue] for one
// [batch.Work], which polls it.
type Lease struct {
	c        *Cluster
	m        *Manifest
	o        LeaseOptions
	given    map[string]any
	kv       jetstream.KeyValue
	consumer jetstream.Consumer
	blobs    blobs
	over     chan struct{}

	mu     sync.Mutex
	held   map[place]*held
	ready  bool // a row was taken, or a result kept, since trouble was told
	counts LeaseCounts
}

// LeaseCounts are what came of a node's rows.
type LeaseCounts struct {
	Held      int `json:"held"` // now
	Done      int `json:"done"`
	Failed    int `json:"failed"`
	Duplicate int `json:"duplicate"` // whose result another node had stored before
	Returned  int `json:"returned"`  // given back, to be asked again
}

// Add adds what came of other rows.
func (c *LeaseCounts) Add(o LeaseCounts) {
	c.Held += o.Held
	c.Done += o.Done
	c.Failed += o.Failed
	c.Duplicate += o.Duplicate
	c.Returned += o.Returned
}

// held is a row that the node has.
type held struct {
	msg        jetstream.Msg // its last delivery
	job        job
	sent       time.Time // when its message was
	deliveries int
	nonce      string // of its result
	value      []byte // the result as it is sent; nil: there is none yet
}

var _ batch.Queue = (*Lease)(nil)

// Lease takes part in a batch. given are the inputs that all of its rows have.
func (c *Cluster) Lease(ctx context.Context, m *Manifest, given map[string]any, o LeaseOptions) (_ *Lease, err error) {
	l := &Lease{c: c, m: m, o: o, given: given, blobs: blobs{c, m.ID}, held: map[place]*held{}, over: make(chan struct{})}
	defer func() { err = c.explained(ctx, err) }()
	if l.kv, err = c.js.KeyValue(ctx, bucket(m.ID)); err != nil {
		return nil, err
	}
	if l.consumer, err = c.js.Consumer(ctx, jobStream(m.ID), consumerName); err != nil {
		return nil, err
	}
	go l.extend()
	return l, nil
}

// Close ends the leases that are left: their rows are given to others once they run out.
func (l *Lease) Close() { close(l.over) }

// Counts are what came of the node's rows so far.
func (l *Lease) Counts() LeaseCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := l.counts
	counts.Held = len(l.held)
	return counts
}

// extend says of each row that it is being worked on, also as soon as the connection is
// there again.
func (l *Lease) extend() {
	tick := time.NewTicker(l.c.lease / 4)
	defer tick.Stop()
	connected := l.c.nc.StatusChanged(nats.CONNECTED)
	defer l.c.nc.RemoveStatusListener(connected)
	for {
		select {
		case <-l.over:
			return
		case <-tick.C:
		case <-connected:
		}
		l.mu.Lock()
		for _, h := range l.held {
			_ = h.msg.InProgress() // without it the row is given to another node, which costs a call and no result
		}
		l.mu.Unlock()
	}
}

// Exchange stores outcomes in the cluster, each once, and takes more rows: see
// [batch.Queue]. A result that the cluster does not take now is sent again until it does.
func (l *Lease) Exchange(ctx context.Context, outcomes []batch.Outcome, n int) (items []batch.Item, exhausted bool, err error) {
	var keeping sync.WaitGroup
	for i := range outcomes {
		keeping.Go(func() { l.insist(ctx, &outcomes[i]) })
	}
	keeping.Wait()
	if n == 0 {
		return nil, false, nil
	}
	if l.stopped() {
		return nil, true, nil
	}
	items, err = l.take(ctx, n)
	if gone(err) {
		return items, true, nil
	}
	l.trouble(err)
	if err != nil && len(items) == 0 {
		l.rest(time.Second)
	}
	return items, false, nil
}

func (l *Lease) stopped() bool {
	select {
	case <-l.o.Stop:
		return true
	default:
		return false
	}
}

// rest waits, or until the lease is stopped.
func (l *Lease) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.o.Stop:
	}
}

// trouble tells what is wrong, once, and that nothing is any more.
func (l *Lease) trouble(err error) {
	l.mu.Lock()
	was := l.ready
	l.ready = err == nil
	l.mu.Unlock()
	if l.o.Trouble != nil && (err != nil || !was) {
		l.o.Trouble(l.c.explained(context.Background(), err))
	}
}
