package natsqueue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tandem-llm/tandem/internal/batch"
)

// A row may end the processes that run it. It is told from those that only waited beside it
// by what nodes say before they begin a row that another one had before.

// Begun is how many nodes may have begun a row before this one and said no more of it. It
// costs nothing for a row that no node had before.
func (l *Lease) Begun(ctx context.Context, item *batch.Item) (nodes int, err error) {
	h, first := l.has(item)
	if h == nil || first && h.job.Silent == 0 {
		return 0, nil
	}
	nodes, err = begun(ctx, l.kv, h.job.ID, time.Time{})
	return nodes + h.job.Silent, err
}

// Begin says that the node begins a row, unless no node had it before.
func (l *Lease) Begin(ctx context.Context, item *batch.Item) error {
	h, first := l.has(item)
	if h == nil || first {
		return nil
	}
	call, cancel := within(ctx)
	defer cancel()
	_, err := l.kv.Put(call, begunKey(h.job.ID, h.nonce), []byte(l.o.Node))
	return err
}

// has is a row that the node has, and whether it is the first one that was given its
// message.
func (l *Lease) has(item *batch.Item) (h *held, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h = l.held[placeOf(item)]; h == nil {
		return nil, false
	}
	return h, h.deliveries == 1
}

// begun is how many nodes have begun a row since: the first one, which does not say so, and
// those that do.
func begun(ctx context.Context, kv jetstream.KeyValue, id string, since time.Time) (nodes int, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	said, err := kv.Watch(ctx, begunKey(id, "*"), jetstream.IgnoreDeletes())
	if err != nil {
		return 0, err
	}
	defer func() { _ = said.Stop() }()
	for nodes = 1; ; {
		select {
		case entry, open := <-said.Updates():
			switch {
			case !open:
				return 0, errors.New("the cluster does not say who began a row")
			case entry == nil: // that was all there is
				return nodes, nil
			case !entry.Created().Before(since):
				nodes++
			}
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
