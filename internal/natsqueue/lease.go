package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
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

// held is a row that the node has.
type held struct {
	msg        jetstream.Msg // its last delivery
	job        job
	deliveries int
	nonce      string // of its result
	value      []byte // the result as it is sent; nil: there is none yet
}

var _ batch.Queue = (*Lease)(nil)

// Lease takes part in a batch. given are the inputs that all of its rows have.
func (c *Cluster) Lease(ctx context.Context, m *Manifest, given map[string]any, o LeaseOptions) (*Lease, error) {
	l := &Lease{c: c, m: m, o: o, given: given, blobs: blobs{c, m.ID}, held: map[place]*held{}, over: make(chan struct{})}
	var err error
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

// Acks are the subjects by which the rows that the node has are acknowledged.
func (l *Lease) Acks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var acks []string
	for _, h := range l.held {
		acks = append(acks, h.msg.Reply())
	}
	return acks
}

// extend says of each row that it is being worked on.
func (l *Lease) extend() {
	tick := time.NewTicker(l.c.lease / 4)
	defer tick.Stop()
	for {
		select {
		case <-l.over:
			return
		case <-tick.C:
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
		l.o.Trouble(err)
	}
}

// insist keeps an outcome. It gives up only where the batch is gone, or the lease closed.
func (l *Lease) insist(ctx context.Context, out *batch.Outcome) {
	l.mu.Lock()
	h := l.held[placeOf(&out.Item)]
	l.mu.Unlock()
	if h == nil {
		return
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := l.keep(ctx, h, out)
		if err == nil || l.removed(ctx, err) {
			break
		}
		l.trouble(err)
		select {
		case <-time.After(wait):
			continue
		case <-l.over:
		}
		break
	}
	l.mu.Lock()
	delete(l.held, placeOf(&out.Item))
	l.mu.Unlock()
}

// removed reports whether an error is that the batch was removed. To write into a bucket
// that is not there has no answer, as while its stream has no leader: so it is asked for.
func (l *Lease) removed(ctx context.Context, err error) bool {
	if gone(err) || !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return gone(err)
	}
	call, cancel := within(ctx)
	defer cancel()
	_, err = l.c.js.KeyValue(call, bucket(l.m.ID))
	return gone(err)
}

// keep stores what came of a row and ends its lease.
func (l *Lease) keep(ctx context.Context, h *held, out *batch.Outcome) error {
	switch out.Fate {
	case batch.Done, batch.Failed:
		return l.keepResult(ctx, h, out)
	}
	// That its delivery is accounted for: no call may have been lost with it.
	if err := l.putExtra(ctx, h, recordBack, out, 0); err != nil {
		return err
	}
	l.count(func(c *LeaseCounts) { c.Returned++ })
	if out.Fate == batch.Again {
		return h.msg.NakWithDelay(time.Duration(h.deliveries) * time.Second)
	}
	return h.msg.Nak()
}

func (l *Lease) count(change func(*LeaseCounts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.counts)
}

// keepResult creates a row's result. Where another one is there, it only says what this
// one has cost.
func (l *Lease) keepResult(ctx context.Context, h *held, out *batch.Outcome) error {
	r := h.record(recordResult, l.o.Node, out)
	if h.value == nil { // the same at each try
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if h.value, err = l.blobs.pack(ctx, "result."+h.job.ID, text); err != nil {
			return err
		}
	}
	call, cancel := within(ctx)
	defer cancel()
	_, err := l.kv.Create(call, resultKey(h.job.ID), h.value)
	switch {
	case conflict(err):
		if err := l.second(ctx, h, out); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		l.count(func(c *LeaseCounts) {
			if c.Done++; r.Failed {
				c.Done--
				c.Failed++
			}
		})
	}
	l.trouble(nil)
	return h.msg.Ack() // if it is lost, the row is found to be done when it is delivered again
}

// second is for a row that has a result already: this one, whose answer was lost, or
// that of another call.
func (l *Lease) second(ctx context.Context, h *held, out *batch.Outcome) error {
	first, err := readRecord(ctx, l.kv, &l.blobs, resultKey(h.job.ID))
	if err != nil {
		return err
	}
	if first.Nonce == h.nonce {
		l.count(func(c *LeaseCounts) { c.Done++ })
		return nil
	}
	l.blobs.drop(ctx, h.value)
	repeated := 0
	if h.deliveries >= first.Deliveries {
		repeated = max(1, h.deliveries-first.Deliveries)
	}
	if err := l.putExtra(ctx, h, recordExtra, out, repeated); err != nil {
		return err
	}
	l.count(func(c *LeaseCounts) { c.Duplicate++ })
	return nil
}

// putExtra says what was spent on a row that is not in its result.
func (l *Lease) putExtra(ctx context.Context, h *held, kind string, out *batch.Outcome, repeated int) error {
	r := h.record(kind, l.o.Node, out)
	r.Repeated, r.Result.Answer, r.Result.Steps, r.Result.Value = repeated, "", nil, nil
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	message, err := l.blobs.pack(ctx, "extra."+h.job.ID, text)
	if err != nil {
		return err
	}
	call, cancel := within(ctx)
	defer cancel()
	_, err = l.kv.Put(call, extraKey(h.job.ID, h.nonce), message) // the same key at each try
	return err
}

// record is what is said of the row.
func (h *held) record(kind, node string, out *batch.Outcome) *record {
	r := &record{
		Kind: kind, ID: h.job.ID, Row: h.job.Row, Number: h.job.Number, Variant: h.job.Variant, Repeat: h.job.Repeat, Node: node, Nonce: h.nonce,
		Failed: out.Fate == batch.Failed, Deliveries: h.deliveries, Took: out.Took, Tally: out.Tally, Result: out.Result,
	}
	r.Result.Node = node
	return r
}

// take takes up to n rows. Where the node has none it waits a while for one.
func (l *Lease) take(ctx context.Context, n int) ([]batch.Item, error) {
	l.mu.Lock()
	have := len(l.held)
	l.mu.Unlock()
	if n = min(n, l.o.Hold-have); n <= 0 {
		return nil, nil
	}
	var messages []jetstream.Msg
	if have == 0 {
		first, err := l.fetch(l.consumer.Fetch(1, jetstream.FetchMaxWait(time.Second)))
		if err != nil {
			return nil, err
		}
		if messages = first; len(first) == 0 {
			return nil, nil
		}
	}
	if more := n - len(messages); more > 0 {
		rest, err := l.fetch(l.consumer.FetchNoWait(more))
		if err != nil && len(messages) == 0 {
			return nil, err
		}
		messages = append(messages, rest...)
	}
	items := make([]*batch.Item, len(messages))
	errs := make([]error, len(messages))
	var opening sync.WaitGroup
	for i, msg := range messages {
		opening.Go(func() { items[i], errs[i] = l.open(ctx, msg) })
	}
	opening.Wait()
	var out []batch.Item
	for _, it := range items {
		if it != nil {
			out = append(out, *it)
		}
	}
	return out, errors.Join(errs...)
}

// fetch are the messages that came.
func (l *Lease) fetch(b jetstream.MessageBatch, err error) ([]jetstream.Msg, error) {
	if err != nil {
		return nil, err
	}
	var messages []jetstream.Msg
	for msg := range b.Messages() {
		messages = append(messages, msg)
	}
	if err := b.Error(); err != nil && len(messages) == 0 && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, jetstream.ErrNoMessages) {
		return nil, err
	}
	return messages, nil
}

// open reads a row's message. It returns nil for a row that needs no answer: one that has
// a result, or that the node has already. One that cannot be read is left: it comes again.
func (l *Lease) open(ctx context.Context, msg jetstream.Msg) (*batch.Item, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, err
	}
	text, err := l.blobs.unpack(ctx, msg.Data())
	h := &held{msg: msg, deliveries: int(meta.NumDelivered), nonce: randomID()} //nolint:gosec // a few
	if err == nil {
		err = json.Unmarshal(text, &h.job)
	}
	if err != nil {
		return nil, err
	}
	item := batch.Item{Row: h.job.Row, Number: h.job.Number, Variant: h.job.Variant, Repeat: h.job.Repeat, Attempt: h.deliveries}
	l.mu.Lock()
	if has := l.held[placeOf(&item)]; has != nil { // its lease ran out, and it came here again
		has.msg, has.deliveries = msg, h.deliveries
		l.mu.Unlock()
		return nil, nil
	}
	l.mu.Unlock()
	call, cancel := within(ctx)
	defer cancel()
	switch _, err := l.kv.Get(call, resultKey(h.job.ID)); {
	case err == nil:
		return nil, msg.Ack()
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, errors.Join(err, msg.Nak()) // it is not known whether it has one
	}
	if item.Inputs, err = batch.DecodeInputs(string(h.job.Inputs)); err != nil {
		return nil, err
	}
	for name, value := range l.given {
		item.Inputs[name] = value
	}
	l.mu.Lock()
	l.held[placeOf(&item)] = h
	l.mu.Unlock()
	return &item, nil
}

// readRecord reads what is stored under a key.
func readRecord(ctx context.Context, kv jetstream.KeyValue, b *blobs, key string) (*record, error) {
	call, cancel := within(ctx)
	defer cancel()
	entry, err := kv.Get(call, key)
	if err != nil {
		return nil, err
	}
	return decodeRecord(ctx, b, entry.Value())
}

func decodeRecord(ctx context.Context, b *blobs, message []byte) (*record, error) {
	text, err := b.unpack(ctx, message)
	if err != nil {
		return nil, err
	}
	r := &record{}
	return r, decodeJSON(text, r)
}
