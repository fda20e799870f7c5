package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

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
// that of another call. One that is damaged is removed, and this one takes its place at the
// next try.
func (l *Lease) second(ctx context.Context, h *held, out *batch.Outcome) error {
	first, entry, err := readRecord(ctx, l.kv, &l.blobs, resultKey(h.job.ID))
	if damaged(err) {
		return errors.Join(err, purge(ctx, l.kv, entry))
	}
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
	_, err = l.kv.Create(call, extraKey(h.job.ID, h.nonce), message) // the same key at each try: it is counted once
	if conflict(err) {
		l.blobs.drop(ctx, message)
		return nil
	}
	return err
}

// record is what is said of the row.
func (h *held) record(kind, node string, out *batch.Outcome) *record {
	r := &record{
		Kind: kind, ID: h.job.ID, Row: h.job.Row, Number: h.job.Number, Variant: h.job.Variant, Repeat: h.job.Repeat, Node: node, Nonce: h.nonce,
		Failed: out.Fate == batch.Failed, Sent: h.sent, Deliveries: h.deliveries, Silent: h.job.Silent, Took: out.Took, Tally: out.Tally, Result: out.Result,
	}
	r.Result.Node = node
	return r
}
