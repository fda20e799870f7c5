package batch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"time"
)

// Part is rows that were sent to a provider's Batch API together. It is stored before
// anything is sent: whoever continues the batch looks at the provider for what it finds
// no id of.
type Part struct {
	Number   int       `json:"-"`                     // from 1; 0: it is not stored yet
	Key      string    `json:"key"`                   // what the provider is to know it by: no other part has it
	Endpoint string    `json:"endpoint"`              // that the requests are for, such as /v1/chat/completions
	Rows     int       `json:"rows"`                  // that were sent
	USD      float64   `json:"at_most_usd,omitempty"` // the most that it can cost; 0: not known
	Created  time.Time `json:"created"`               // in whole seconds
	File     string    `json:"file_id,omitempty"`     // the provider's id of the requests; empty: not known yet
	Job      string    `json:"batch_id,omitempty"`    // that of the batch; empty: as File
	Status   string    `json:"status,omitempty"`      // in the provider's word
	Answered int       `json:"answered"`              // rows, as the provider tells
	Closed   bool      `json:"-"`                     // what became of all of its rows is stored
}

// Parts are those of the batch in their order, without the closed ones where open says
// so.
func (f *File) Parts(ctx context.Context, open bool) ([]Part, error) {
	parts, err := parts(ctx, f.conn, open)
	return parts, f.explain(err)
}

func parts(ctx context.Context, q querier, open bool) ([]Part, error) {
	rows, err := q.QueryContext(ctx, "SELECT part, key, endpoint, rows, usd, created, file, job, status, answered, closed FROM parts WHERE closed = 0 OR NOT ? ORDER BY part", open)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Part
	for rows.Next() {
		var p Part
		var created int64
		if err := rows.Scan(&p.Number, &p.Key, &p.Endpoint, &p.Rows, &p.USD, &created, &p.File, &p.Job, &p.Status, &p.Answered, &p.Closed); err != nil {
			return nil, err
		}
		p.Created = time.Unix(created, 0)
		all = append(all, p)
	}
	return all, rows.Err()
}

// Send stores a part, and that these items, which were pending, are sent with it.
func (f *File) Send(ctx context.Context, p *Part, items []Item) error {
	return f.write(ctx, func() error {
		res, err := f.conn.ExecContext(ctx, "INSERT INTO parts (key, endpoint, rows, usd, created, file, job, status, answered, closed) VALUES (?, ?, ?, ?, ?, '', '', '', 0, 0)",
			p.Key, p.Endpoint, len(items), p.USD, p.Created.Unix())
		if err != nil {
			return err
		}
		n, err := res.LastInsertId()
		if err != nil {
			return err
		}
		mark, err := f.conn.PrepareContext(ctx, "UPDATE items SET state = 4, part = ?, attempts = attempts + 1 WHERE id = ? AND state = 0")
		if err != nil {
			return err
		}
		defer mark.Close()
		for i := range items {
			if err := one(mark.ExecContext(ctx, n, items[i].id)); err != nil {
				return fmt.Errorf("row %d: %w", items[i].Row, err)
			}
		}
		p.Number, p.Rows = int(n), len(items)
		counts := recount{}
		counts.move(len(items), group{state: itemPending}, group{state: itemSent})
		return counts.put(ctx, f.q.counts)
	})
}

// SetPart stores what is known of a part now.
func (f *File) SetPart(ctx context.Context, p *Part) error {
	return f.write(ctx, func() error {
		return one(f.conn.ExecContext(ctx, "UPDATE parts SET file = ?, job = ?, status = ?, answered = ?, closed = ? WHERE part = ?",
			p.File, p.Job, p.Status, p.Answered, p.Closed, p.Number))
	})
}

// Spool is an empty file beside the batch's, for the requests of a part. It belongs to
// who has the batch, and goes with it.
func (f *File) Spool() (*os.File, error) {
	file, err := os.OpenFile(spoolPath(f.path), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	return file, f.explain(err)
}

func spoolPath(path string) string { return path + ".part" }

// one is the error of a change unless it changed one row.
func one(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("the file was changed in the meantime: %d rows were updated, expected 1", n))
	}
	return nil
}

// Pending are the items that are pending, in the order in which they are run. They are
// not claimed. The queue may be changed meanwhile.
func (f *File) Pending(ctx context.Context) iter.Seq2[Item, error] {
	return f.paged(ctx, "SELECT id, row, variant, repeat, attempts FROM items WHERE state = 0 AND id > ? ORDER BY id LIMIT ?", func(it *Item) int64 { return it.id })
}

// Sent are the items of a part of which it is not stored what became of them, in the
// order in which they run.
func (f *File) Sent(ctx context.Context, part int) iter.Seq2[Item, error] {
	return f.paged(ctx, fmt.Sprintf("SELECT id, row, variant, repeat, attempts FROM items WHERE state = 4 AND part = %d AND id > ? ORDER BY id LIMIT ?", part), func(it *Item) int64 { return it.id })
}

// SentRow is the item of a row, if it is among those that [File.Sent] has of a part.
func (f *File) SentRow(ctx context.Context, part, row int) (Item, bool, error) {
	items, err := f.page(ctx, "SELECT id, row, variant, repeat, attempts FROM items WHERE state = 4 AND part = ? AND row = ?", part, row)
	if err != nil || len(items) == 0 {
		return Item{}, false, f.explain(err)
	}
	return items[0], true, nil
}

// pageRows is how many items are read at a time.
const pageRows = 200

// paged are the items of a query that takes the key of the last one and a number.
func (f *File) paged(ctx context.Context, query string, key func(*Item) int64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for after := int64(0); ; {
			items, err := f.page(ctx, query, after, pageRows)
			if err != nil {
				yield(Item{}, f.explain(err))
				return
			}
			for i := range items {
				after = key(&items[i])
				if !yield(items[i], nil) {
					return
				}
			}
			if len(items) < pageRows {
				return
			}
		}
	}
}

func (f *File) page(ctx context.Context, query string, args ...any) ([]Item, error) {
	items, err := f.scan(f.conn.QueryContext(ctx, query, args...))
	if err != nil {
		return nil, err
	}
	for i := range items {
		if err := f.load(ctx, &items[i]); err != nil {
			return nil, err
		}
		maps.Copy(items[i].Inputs, f.spec.Given)
	}
	return items, nil
}

// Collect stores outcomes of items that are pending, or that were sent, and how long
// that took is not counted. An item's outcome is stored once: another is an error, and
// then none of them is.
func (f *File) Collect(ctx context.Context, outcomes []Outcome) error {
	results := make([][]byte, len(outcomes))
	for i := range outcomes {
		if fate := outcomes[i].Fate; fate == Done || fate == Failed {
			var err error
			if results[i], err = json.Marshal(outcomes[i].Reply); err != nil {
				return fmt.Errorf("row %d: %w", outcomes[i].Row, err)
			}
		}
	}
	return f.write(ctx, func() error {
		counts := recount{}
		for i := range outcomes {
			out := &outcomes[i]
			var was int
			if err := f.conn.QueryRowContext(ctx, "SELECT state FROM items WHERE id = ? AND state IN (0, 4)", out.id).Scan(&was); err != nil {
				if errors.Is(err, sql.ErrNoRows) {
					err = fmt.Errorf("row %d: its result is stored already", out.Row)
				}
				return err
			}
			// The statements of an exchange are about items that run.
			if _, err := f.conn.ExecContext(ctx, "UPDATE items SET state = 1 WHERE id = ?", out.id); err != nil {
				return err
			}
			if err := f.keep(ctx, out, results[i]); err != nil {
				return err
			}
			counts.outcome(out, was)
		}
		now := time.Now()
		if _, err := f.q.ran.ExecContext(ctx, now.Sub(f.ran).Nanoseconds(), f.asked); err != nil {
			return err
		}
		f.ran = now
		return counts.put(ctx, f.q.counts)
	})
}
