package batch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Hand says that these items, which were pending, are with the nodes of a cluster. It is
// stored before any of them is sent there, and counts as an attempt.
func (f *File) Hand(ctx context.Context, items []Item) error {
	err := f.write(ctx, func() error {
		mark, err := f.conn.PrepareContext(ctx, "UPDATE items SET state = 4, part = NULL, attempts = attempts + 1 WHERE id = ? AND state = 0")
		if err != nil {
			return err
		}
		defer mark.Close()
		for i := range items {
			if err := one(mark.ExecContext(ctx, items[i].id)); err != nil {
				return fmt.Errorf("row %d: %w", items[i].Row, err)
			}
		}
		counts := recount{}
		counts.move(len(items), group{state: itemPending}, group{state: itemSent})
		return counts.put(ctx, f.q.counts)
	})
	if err == nil {
		for i := range items {
			items[i].Attempt++
		}
	}
	return err
}

// Handed are the items that are with nodes, in the order in which they run.
func (f *File) Handed(ctx context.Context) iter.Seq2[Item, error] {
	return f.paged(ctx, "SELECT id, row, variant, repeat, attempts FROM items WHERE state = 4 AND part IS NULL AND id > ? ORDER BY id LIMIT ?", func(it *Item) int64 { return it.id })
}

// TakeBack makes all items that are with nodes pending again, as if they had not been
// handed to them, and returns how many those are.
func (f *File) TakeBack(ctx context.Context) (n int, err error) {
	err = f.write(ctx, func() error {
		res, err := f.conn.ExecContext(ctx, "UPDATE items SET state = 0, attempts = attempts - 1 WHERE state = 4 AND part IS NULL")
		if err != nil {
			return err
		}
		changed, err := res.RowsAffected()
		if err != nil {
			return err
		}
		n = int(changed)
		counts := recount{}
		counts.move(n, group{state: itemSent}, group{state: itemPending})
		return counts.put(ctx, f.q.counts)
	})
	return n, err
}

// Returned is what nodes say of an item.
type Returned struct {
	Outcome
	// Deliveries is how often nodes were given the item for this outcome, from 1.
	Deliveries int
	// Extra: it is not what became of the item, but what was spent on it besides, such as
	// by a second node.
	Extra bool
	// Repeated is how many calls may have been made twice.
	Repeated int
}

// Mark is what was given to [File.Settle] last; empty: nothing was.
func (f *File) Mark(ctx context.Context) (mark string, err error) {
	err = f.conn.QueryRowContext(ctx, "SELECT mark FROM batch").Scan(&mark)
	return mark, f.explain(err)
}

// Settle stores what came back from nodes, together with the mark up to which all has
// come. What an item came to is stored once: another outcome of it changes nothing. It
// returns the outcomes that are stored.
func (f *File) Settle(ctx context.Context, returned []Returned, mark string) (kept []Outcome, err error) {
	results := make([][]byte, len(returned))
	for i := range returned {
		if r := &returned[i]; !r.Extra {
			if results[i], err = json.Marshal(r.Reply); err != nil {
				return nil, fmt.Errorf("row %d: %w", r.Row, err)
			}
		}
	}
	err = f.write(ctx, func() error {
		counts, repeated := recount{}, 0
		kept = kept[:0]
		for i := range returned {
			r := &returned[i]
			stored, err := f.settle(ctx, counts, r, results[i])
			if err != nil {
				return err
			}
			if r.Extra || stored {
				repeated += r.Repeated
			}
			if stored {
				kept = append(kept, r.Outcome)
			}
		}
		now := time.Now()
		if _, err := f.conn.ExecContext(ctx, "UPDATE batch SET mark = ?, repeated = repeated + ?, ran = ran + ?", mark, repeated, now.Sub(f.ran).Nanoseconds()); err != nil {
			return err
		}
		f.ran = now
		return counts.put(ctx, f.q.counts)
	})
	return kept, err
}

// settle stores one of them, and reports whether it is what the item came to.
func (f *File) settle(ctx context.Context, counts recount, r *Returned, result []byte) (stored bool, err error) {
	var state int
	err = f.conn.QueryRowContext(ctx, "SELECT id, state FROM items WHERE row = ? AND variant = ? AND repeat = ?", r.Row, r.Variant, r.Repeat).Scan(&r.id, &state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil // of another batch of this name
	case err != nil:
		return false, err
	case r.Extra:
		t := &r.Tally
		s := counts.of(group{state: itemPending})
		s.input, s.output, s.usd, s.saved, s.unpriced = s.input+t.Input, s.output+t.Output, s.usd+t.USD, s.saved+t.Saved, s.unpriced+t.Unpriced
		_, err = f.conn.ExecContext(ctx, "UPDATE items SET input = input + ?, output = output + ?, usd = usd + ?, saved = saved + ?, unpriced = unpriced + ? WHERE id = ?",
			t.Input, t.Output, t.USD, t.Saved, t.Unpriced, r.id)
		return false, err
	case state != itemPending && state != itemSent:
		return false, nil
	}
	// The statements of an exchange are about items that run.
	if _, err := f.conn.ExecContext(ctx, "UPDATE items SET state = 1, attempts = max(attempts, 1) + ? WHERE id = ?", max(0, r.Deliveries-1), r.id); err != nil {
		return false, err
	}
	if err := f.keep(ctx, &r.Outcome, result); err != nil {
		return false, err
	}
	counts.outcome(&r.Outcome, state)
	return true, nil
}
