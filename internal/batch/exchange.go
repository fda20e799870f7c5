package batch

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/internal/textx"
)

// statements are those of an exchange.
type statements struct {
	put, undo, claim, inputs, result, ran, counts *sql.Stmt
}

func (q *statements) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, s := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&q.put, `UPDATE items SET state = ?, kind = ?, provider = ?, model = ?, reason = ?, fallback = ?, input = input + ?, output = output + ?,
			usd = usd + ?, saved = saved + ?, unpriced = unpriced + ?, took = ? WHERE id = ? AND state = 1`},
		{&q.undo, `UPDATE items SET state = 0, attempts = attempts - 1 WHERE id = ? AND state = 1`},
		{&q.claim, `UPDATE items SET state = 1, attempts = attempts + 1 WHERE id IN (SELECT id FROM items INDEXED BY items_next WHERE state = 0 ORDER BY attempts, id LIMIT ?)
			RETURNING id, row, variant, repeat, attempts`},
		{&q.inputs, `SELECT number, inputs FROM inputs WHERE row = ?`},
		{&q.result, `INSERT INTO results (id, result) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET result = excluded.result`},
		{&q.ran, `UPDATE batch SET ran = ran + ?, asked = ?`},
		{&q.counts, putCounts},
	} {
		var err error
		if *s.to, err = conn.PrepareContext(ctx, s.sql); err != nil { //nolint:sqlclosecheck // close does
			return err
		}
	}
	return nil
}

func (q *statements) close() {
	for _, s := range []*sql.Stmt{q.put, q.undo, q.claim, q.inputs, q.result, q.ran, q.counts} {
		if s != nil {
			_ = s.Close() // nothing was written through it that is not committed
		}
	}
}

// Exchange keeps outcomes and claims items in one transaction, with one fsync. See
// [Queue].
func (f *File) Exchange(ctx context.Context, outcomes []Outcome, n int) (items []Item, exhausted bool, err error) {
	results := make([][]byte, len(outcomes)) // encoded before anything is locked
	for i := range outcomes {
		if fate := outcomes[i].Fate; fate == Done || fate == Failed {
			if results[i], err = json.Marshal(outcomes[i].Reply); err != nil {
				return nil, false, fmt.Errorf("row %d: %w", outcomes[i].Row, err)
			}
		}
	}
	err = f.write(ctx, func() error {
		counts := recount{}
		for i := range outcomes {
			if err := f.keep(ctx, &outcomes[i], results[i]); err != nil {
				return err
			}
			counts.outcome(&outcomes[i], itemRunning)
		}
		now := time.Now()
		if _, err := f.q.ran.ExecContext(ctx, now.Sub(f.ran).Nanoseconds(), f.asked); err != nil {
			return err
		}
		if items, err = f.claim(ctx, n); err != nil {
			return err
		}
		counts.move(len(items), group{state: itemPending}, group{state: itemRunning})
		if err := counts.put(ctx, f.q.counts); err != nil {
			return err
		}
		f.ran = now
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	for i := range items {
		maps.Copy(items[i].Inputs, f.spec.Given)
	}
	return items, len(items) < n, nil
}

// keep stores what came of one item.
func (f *File) keep(ctx context.Context, out *Outcome, result []byte) error {
	var res sql.Result
	var err error
	switch t := &out.Tally; out.Fate {
	case Unasked:
		res, err = f.q.undo.ExecContext(ctx, out.id)
	default:
		state := map[Fate]int{Done: itemDone, Failed: itemFailed, Again: itemPending}[out.Fate]
		var kind any
		if out.Error != nil {
			kind = out.Error.Kind
		}
		res, err = f.q.put.ExecContext(ctx, state, kind, t.Provider, t.Model, t.Reason, t.Fallback, t.Input, t.Output, t.USD, t.Saved, t.Unpriced, out.Took.Nanoseconds(), out.id)
	}
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("row %d was not claimed, or its result is stored already", out.Row))
	}
	if result == nil {
		return nil
	}
	_, err = f.q.result.ExecContext(ctx, out.id, string(result))
	return err
}

// claim marks the next n pending items as running. Those that come again come after those
// that were asked less often: one that nobody can answer keeps no other waiting.
func (f *File) claim(ctx context.Context, n int) ([]Item, error) {
	if n == 0 {
		return nil, nil
	}
	items, err := f.scan(f.q.claim.QueryContext(ctx, n))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Or(a.Attempt-b.Attempt, int(a.id-b.id)) })
	for i := range items {
		if err := f.load(ctx, &items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// scan reads items, without their inputs.
func (f *File) scan(rows *sql.Rows, err error) ([]Item, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []Item
	for rows.Next() {
		var it Item
		if err := rows.Scan(&it.id, &it.Row, &it.Variant, &it.Repeat, &it.Attempt); err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, rows.Err()
}

// load reads an item's inputs.
func (f *File) load(ctx context.Context, it *Item) (err error) {
	var text string
	if err := f.q.inputs.QueryRowContext(ctx, it.Row).Scan(&it.Number, &text); err != nil {
		return err
	}
	it.Inputs, err = DecodeInputs(text)
	return err
}

// EncodeInputs writes inputs so that they are read as they were: a number with a
// point keeps it.
func EncodeInputs(inputs map[string]any) (string, error) {
	data, err := json.Marshal(pointed(inputs))
	return string(data), err
}

// pointed is v with whole numbers that were not written as such as JSON that says
// so.
func pointed(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return json.Number(strconv.FormatFloat(v, 'f', 1, 64))
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = pointed(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = pointed(e)
		}
		return out
	}
	return v
}

// DecodeInputs reads what [EncodeInputs] has written.
func DecodeInputs(text string) (map[string]any, error) {
	value, _, err := textx.DecodeJSON(text)
	if err != nil {
		return nil, err
	}
	inputs, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the inputs of a row are not a JSON object")
	}
	return inputs, nil
}
