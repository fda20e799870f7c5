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
// a result, or that the node has already. One that cannot be read now is left: it comes
// again.
func (l *Lease) open(ctx context.Context, msg jetstream.Msg) (*batch.Item, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, err
	}
	text, err := l.blobs.unpack(ctx, msg.Data())
	h := &held{msg: msg, sent: meta.Timestamp, deliveries: int(meta.NumDelivered), nonce: randomID()} //nolint:gosec // a few
	if err == nil && json.Unmarshal(text, &h.job) != nil {
		err = &DamagedError{"a row"}
	}
	if damaged(err) {
		return nil, errors.Join(err, msg.Term()) // it is found to be missing, and is sent again
	}
	if err != nil {
		return nil, err
	}
	item := batch.Item{Row: h.job.Row, Number: h.job.Number, Variant: h.job.Variant, Repeat: h.job.Repeat, Attempt: h.deliveries}
	l.mu.Lock()
	if has := l.held[placeOf(&item)]; has != nil { // its lease ran out, and it came here again
		has.msg, has.sent, has.deliveries, has.job.Silent = msg, h.sent, h.deliveries, h.job.Silent
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

// readRecord reads what is stored under a key. It returns the entry also where the record
// in it is damaged.
func readRecord(ctx context.Context, kv jetstream.KeyValue, b *blobs, key string) (*record, jetstream.KeyValueEntry, error) {
	call, cancel := within(ctx)
	defer cancel()
	entry, err := kv.Get(call, key)
	if err != nil {
		return nil, nil, err
	}
	r, err := decodeRecord(ctx, b, entry.Value())
	return r, entry, err
}

func decodeRecord(ctx context.Context, b *blobs, message []byte) (*record, error) {
	text, err := b.unpack(ctx, message)
	if err != nil {
		return nil, err
	}
	r := &record{}
	if decodeJSON(text, r) != nil {
		return nil, &DamagedError{"what a node says of a row"}
	}
	return r, nil
}
