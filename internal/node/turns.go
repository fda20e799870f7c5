package node

import (
	"context"
	"sync"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/natsqueue"
)

// aloneAfter is how many nodes may begin a row and say nothing more of it before the next
// one runs it alone: if it is what ended them, it takes no other row with it any more.
const aloneAfter = 2

// turns lets the rows of a batch start.
type turns struct {
	*node
	rows  *Rows
	lease *natsqueue.Lease

	mu    sync.Mutex
	begun map[rowKey]int // how many nodes began a row before, of those that start
}

type rowKey struct{ row, variant, repeat int }

// wait waits for a slot, or for all where the row is to run alone, and for those that go
// first.
func (t *turns) wait(ctx context.Context, item batch.Item) error {
	before, err := t.lease.Begun(ctx, &item)
	if err != nil {
		return err
	}
	slots := t.slotsFor(before)
	if err := t.take(ctx, slots); err != nil {
		return err
	}
	if t.rows.Turn != nil {
		err = t.rows.Turn(ctx, item)
	}
	if err == nil && before > 0 {
		err = t.lease.Begin(ctx, &item)
	}
	if err != nil {
		t.free(slots)
		return err
	}
	if before > 0 {
		t.mu.Lock()
		t.begun[rowKey{item.Row, item.Variant, item.Repeat}] = before
		t.mu.Unlock()
	}
	return nil
}

// run runs a row, which has its slots.
func (t *turns) run(ctx context.Context, item batch.Item) batch.Reply {
	key := rowKey{item.Row, item.Variant, item.Repeat}
	t.mu.Lock()
	before := t.begun[key]
	delete(t.begun, key)
	t.mu.Unlock()
	defer t.free(t.slotsFor(before))
	return t.rows.Run(ctx, item)
}

func (t *turns) slotsFor(before int) int {
	if before >= aloneAfter {
		return t.Slots
	}
	return 1
}

// take takes slots.
func (n *node) take(ctx context.Context, slots int) error {
	if slots > 1 { // two that want all would wait for each other
		select {
		case n.alone <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-n.alone }()
	}
	for i := range slots {
		select {
		case n.slots <- struct{}{}:
		case <-ctx.Done():
			n.free(i)
			return ctx.Err()
		}
	}
	return nil
}

func (n *node) free(slots int) {
	for range slots {
		<-n.slots
	}
}
