// Package node runs rows of batches that others have handed to a cluster. A node takes the
// batches that its own configuration can answer, and says why it declines others. A
// batch's word can forbid it a provider, and never allows it one.
package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/priority"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// Config says what a node is, and how it runs rows.
type Config struct {
	Cluster *natsqueue.Cluster
	ID      string
	Name    string
	Version string // of tandem
	Slots   int    // rows at a time, of all batches; less than 1: one
	// Accept says how the rows of a batch run here, or why they do not. It may take its
	// time, and tell what it waits for.
	Accept func(ctx context.Context, m *natsqueue.Manifest, bundle []byte, waiting func(string)) (*Rows, error)
	// Loaded, if not nil, are the models in memory, as provider/model.
	Loaded func(context.Context) []string
	// Explain is an error as the node's user reads it. Nil: its own text.
	Explain func(error) string
	// Say, if not nil, is told what happens.
	Say func(string)
	// Stop, once it is closed, has no more rows taken: Run returns when those that run have
	// ended and are stored. Nil: never.
	Stop <-chan struct{}
}

// Rows is how the rows of a batch run here.
type Rows struct {
	Run batch.Run
	// Turn, if not nil, waits until a row may start.
	Turn  func(context.Context, batch.Item) error
	Close func()
}

// giveUpAfter is how many rows in a row may fail for a reason that is no row's own before
// the node leaves a batch to others.
const giveUpAfter = 10

// declineTime is how long a batch that was declined stays so: a model may be there then. A
// batch that the node has left since its rows failed stays so twice as long each time that
// no row was answered, up to mostDeclined.
const (
	declineTime  = time.Minute
	mostDeclined = 16 * time.Minute
)

// Run is a node, until Stop is closed and its rows have ended, or ctx ends.
func Run(ctx context.Context, cfg Config) error {
	n := &node{Config: cfg, since: time.Now(), batches: map[string]*state{}, changed: make(chan struct{}, 1), beats: make(chan struct{}, 1)}
	n.Slots = max(1, n.Slots)
	n.slots, n.alone = make(chan struct{}, n.Slots), make(chan struct{}, 1)
	if n.Explain == nil {
		n.Explain = func(err error) string { return err.Error() }
	}
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { n.follow(ctx) })
	beside.Go(func() { n.beat(ctx) })
	n.serve(ctx)
	n.working.Wait()
	cancel()
	beside.Wait()
	leave, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	_ = cfg.Cluster.Leave(leave, cfg.ID) // it is silent soon, if not
	if n.stopping() {
		return nil
	}
	return context.Cause(ctx)
}

// node is one call of Run.
type node struct {
	Config
	since   time.Time
	working sync.WaitGroup
	slots   chan struct{} // one value for each row that runs
	alone   chan struct{} // one value while a row waits for all slots
	changed chan struct{} // something is to be looked at
	beats   chan struct{} // something is to be told

	mu      sync.Mutex
	batches map[string]*state
	recent  []moment              // when rows ended, of the last minute
	ended   natsqueue.LeaseCounts // of batches that are not worked on any more
}

// state is what the node knows of a batch.
type state struct {
	m        *natsqueue.Manifest // nil: it is no more
	runs     *natsqueue.Manifest // what its work goes by
	stop     chan struct{}       // of its work; nil: none is done
	closed   bool                // stop is
	lease    *natsqueue.Lease    // nil: none
	waiting  string              // what it waits for; "": nothing
	declined string              // why it is not worked on; "": it is, or has not been looked at
	until    time.Time           // when that is looked at again
	left     time.Duration       // how long it was declined when it was left last; 0: rows were answered since
}

type moment struct {
	at           time.Time
	rows, tokens int
}

func (n *node) stopping() bool {
	select {
	case <-n.Stop:
		return true
	default:
		return false
	}
}

func (n *node) say(text string) {
	if n.Say != nil {
		n.Say(text)
	}
}

// wake has something looked at, or told, soon.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// follow takes in what the cluster says of its batches.
func (n *node) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := n.Cluster.Batches(ctx, func(id string, m *natsqueue.Manifest) {
			n.mu.Lock()
			defer n.mu.Unlock()
			s := n.batches[id]
			if s == nil {
				s = &state{}
				n.batches[id] = s
			}
			if s.m = m; s.stop == nil {
				s.declined, s.until, s.left = "", time.Time{}, 0
			}
			wake(n.changed)
		})
		if ctx.Err() == nil && err != nil {
			rest(ctx, time.Second)
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// serve begins and ends the work on batches as they come and go.
func (n *node) serve(ctx context.Context) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		n.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-n.Stop:
			n.mu.Lock()
			for _, s := range n.batches {
				s.end()
			}
			n.mu.Unlock()
			return
		case <-n.changed:
		case <-look.C:
		}
	}
}

// end has no more rows of the batch taken. The caller holds the node's mu.
func (s *state) end() {
	if s.stop != nil && !s.closed {
		s.closed = true
		close(s.stop)
	}
}

func (n *node) look(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, s := range n.batches {
		runs := s.m != nil && s.m.Stopped == nil
		switch {
		case s.stop != nil && (!runs || !s.m.SameWork(s.runs)):
			s.end() // with another manifest it begins anew
		case s.stop != nil:
		case s.m == nil:
			delete(n.batches, id)
		case runs && time.Now().After(s.until):
			s.stop, s.runs = make(chan struct{}), s.m
			m, stop := s.m, s.stop
			n.working.Go(func() { n.finished(s, n.work(ctx, s, m, stop)) })
		}
	}
}

// finished takes in how the work on a batch has ended.
func (n *node) finished(s *state, declined string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wait := declineTime
	if s.lease != nil { // it was begun
		counts := s.lease.Counts()
		if counts.Done > 0 {
			s.left = 0
		}
		counts.Held = 0 // their leases run out
		n.ended.Add(counts)
		wait = min(max(2*s.left, declineTime), mostDeclined)
	}
	switch {
	case s.m != nil && !s.m.SameWork(s.runs): // it has changed since
		declined, wait, s.left = "", 0, 0
	case declined == "":
		wait = time.Second
	case s.lease != nil:
		s.left = wait
	}
	s.stop, s.runs, s.closed, s.lease, s.waiting, s.declined, s.until = nil, nil, false, nil, "", declined, time.Now().Add(wait)
	wake(n.changed)
	wake(n.beats)
}

// work works on a batch until it ends, and returns why it is left to others; "": it has
// ended.
func (n *node) work(ctx context.Context, s *state, m *natsqueue.Manifest, stop chan struct{}) (declined string) {
	bundle, given, err := n.Cluster.Content(ctx, m)
	if err != nil {
		return n.Explain(err)
	}
	rows, err := n.Accept(ctx, m, bundle, func(text string) {
		n.mu.Lock()
		s.waiting = text
		n.mu.Unlock()
		wake(n.beats)
	})
	if err != nil {
		n.say("declined the batch " + m.ID + ": " + n.Explain(err))
		return n.Explain(err)
	}
	defer rows.Close()
	lease, err := n.Cluster.Lease(ctx, m, given, natsqueue.LeaseOptions{Node: n.Name, Hold: natsqueue.HoldOf(n.Slots), Stop: stop, Trouble: n.trouble(m.ID)})
	if err != nil {
		return n.Explain(err)
	}
	defer lease.Close()
	n.mu.Lock()
	s.lease, s.waiting = lease, ""
	n.mu.Unlock()
	n.say("works on the batch " + m.ID)
	wake(n.beats)
	meter := &priority.Meter{}
	run := priority.Batch(ctx, priority.Options{Over: stop, Meter: meter})
	var over atomic.Bool // the batch's own budget has no room
	if m.BudgetUSD != nil {
		run = ledger.WithBudget(run, lease.Budget(func(o ledger.Over) {
			over.Store(true)
			n.overBudget(ctx, m.ID, o)
		}))
	}
	t := &turns{node: n, rows: rows, lease: lease, begun: map[rowKey]int{}}
	err = batch.Work(run, lease, t.run, batch.Options{
		Concurrency: func() int { return n.share() }, Turn: t.wait, Stop: stop, Resumable: true, Waits: true, Shared: true, GiveUp: giveUpAfter, Poll: time.Second, Kept: n.kept,
	})
	n.say("ended its work on the batch " + m.ID)
	if err == nil || ctx.Err() != nil || over.Load() {
		return ""
	}
	return n.Explain(err)
}
