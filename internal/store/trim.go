package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"
)

// Keep bounds the log. What a call cost stays in the ledger, and conversations,
// kept answers and collections are not touched.
type Keep struct {
	Age  time.Duration // runs that began longer ago are dropped; 0: none
	Size int64         // bytes, as [Store.LogSize] counts; the oldest runs beyond are dropped; 0: none
}

// Set reports whether there is a bound.
func (k Keep) Set() bool { return k.Age > 0 || k.Size > 0 }

const (
	// trimEvery is how often the log is trimmed, at most.
	trimEvery = time.Hour
	// trimCalls and trimBytes are how much one transaction drops, at most, one
	// call of any size apart: others wait no longer for the lock than for that.
	trimCalls = 100
	trimBytes = 8 << 20
)

// String is the bounds as the file notes them.
func (k Keep) String() string { return fmt.Sprintf("%d %d", k.Age, k.Size) }

// trim drops what k does not keep, one transaction's worth. It does nothing if
// some process has trimmed to the same bounds within the hour. It reports
// whether more may be left to drop. The newest call stays, whatever its size.
func (s *Store) trim(ctx context.Context, k Keep, now time.Time) (more bool, err error) {
	err = s.beginWithin(ctx, attempt, func(tx *sql.Tx) (err error) {
		more, err = k.trim(ctx, tx, now)
		return err
	})
	return more && err == nil, err
}

func (k Keep) trim(ctx context.Context, tx *sql.Tx, now time.Time) (more bool, err error) {
	var size, trimmed int64
	var bounds string
	if err := tx.QueryRowContext(ctx, "SELECT bytes, trimmed, bounds FROM log_size").Scan(&size, &trimmed, &bounds); err != nil {
		return false, err
	}
	if since := now.UnixMilli() - trimmed; bounds == k.String() && since >= 0 && since < trimEvery.Milliseconds() {
		return false, nil
	}
	var old []oldCall
	if k.Age > 0 {
		if old, err = oldest(ctx, tx, now.Add(-k.Age).UnixMilli()); err != nil {
			return false, err
		}
	}
	if len(old) == 0 && k.Size > 0 && size > k.Size {
		if old, err = oldest(ctx, tx, math.MaxInt64); err != nil {
			return false, err
		}
		for i := range old { // no more than it takes
			if size -= old[i].size; size <= k.Size {
				old = old[:i+1]
				break
			}
		}
	}
	for _, c := range old {
		if _, err := tx.ExecContext(ctx, "DELETE FROM calls WHERE id = ?", c.id); err != nil {
			return false, err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM runs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM calls WHERE run = ?1)", c.run); err != nil {
			return false, err
		}
	}
	if len(old) > 0 {
		return true, nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE log_size SET trimmed = ?, bounds = ?", now.UnixMilli(), k.String())
	return false, err
}

type oldCall struct {
	id   int64
	run  string
	size int64
}

// oldest returns the first calls of the runs that began before a time, oldest
// run first, as many as one transaction drops. The newest call of all is not among
// them.
func oldest(ctx context.Context, tx *sql.Tx, before int64) (out []oldCall, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT c.id, c.run,
		octet_length(c.record) + 2 * (octet_length(c.prompt) + octet_length(c.answer)) + coalesce((SELECT sum(octet_length(text)) FROM pieces WHERE owner = 'call' AND row = c.id), 0)
		FROM runs r CROSS JOIN calls c ON c.run = r.id WHERE r.began < ? AND c.id < (SELECT max(id) FROM calls) ORDER BY r.began LIMIT ?`, before, trimCalls)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for size := int64(0); rows.Next(); {
		var c oldCall
		if err := rows.Scan(&c.id, &c.run, &c.size); err != nil {
			return nil, err
		}
		if size += c.size; len(out) > 0 && size > trimBytes {
			break
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
