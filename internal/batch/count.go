package batch

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// States of an item, in the file.
const (
	itemPending = iota
	itemRunning
	itemDone
	itemFailed
	itemSent
)

// Lines of the counts that are of no state: they count items that are done once more, by
// the host and by the node that answered.
const (
	countHost = 10 + iota
	countNode
)

// The counts of a file say how many items are in each state, and what they came to.
// They change in the transaction that changes the items: nobody who looks has to go
// through all rows. A sum stays with the state that it came with: only those of all
// states together mean something.

// recount is what a transaction changes of the counts.
type recount map[group]*sums

// group is a line of the counts: see the schema.
type group struct {
	state int
	name  string
}

// sums are what is counted of a group's items.
type sums struct {
	n, fallback   int
	input, output int
	usd, saved    float64
	unpriced      int
	took          time.Duration
}

// move counts n items out of one group and into another, whose sums it returns.
func (r recount) move(n int, from, to group) *sums {
	r.of(from).n -= n
	s := r.of(to)
	s.n += n
	return s
}

func (r recount) of(g group) *sums {
	if r[g] == nil {
		r[g] = &sums{}
	}
	return r[g]
}

// outcome counts an outcome that is kept, of an item that was in state was.
func (r recount) outcome(out *Outcome, was int) {
	from := group{state: was}
	if out.Fate == Unasked {
		r.move(1, from, group{state: itemPending})
		return
	}
	var s *sums
	switch t := &out.Tally; out.Fate {
	case Done:
		s = r.move(1, from, group{itemDone, t.Provider})
		if t.Fallback {
			s.fallback++
		}
		if rt := out.Route; rt != nil && rt.Host != "" {
			r.of(group{countHost, t.Provider + "/" + rt.Host}).n++
		}
		if out.Node != "" {
			r.of(group{countNode, out.Node}).n++
		}
	case Failed:
		kind := ""
		if out.Error != nil {
			kind = out.Error.Kind
		}
		s = r.move(1, from, group{itemFailed, kind})
	default:
		s = r.move(1, from, group{state: itemPending})
	}
	t := &out.Tally
	s.input += t.Input
	s.output += t.Output
	s.usd += t.USD
	s.saved += t.Saved
	s.unpriced += t.Unpriced
	if out.Fate != Again {
		s.took += out.Took
	}
}

const putCounts = `INSERT INTO counts (state, name, n, fallback, input, output, usd, saved, unpriced, took) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (state, name) DO UPDATE SET n = n + excluded.n, fallback = fallback + excluded.fallback, input = input + excluded.input, output = output + excluded.output,
	usd = usd + excluded.usd, saved = saved + excluded.saved, unpriced = unpriced + excluded.unpriced, took = took + excluded.took`

// put stores the changes.
func (r recount) put(ctx context.Context, stmt *sql.Stmt) error {
	for g, s := range r {
		if *s == (sums{}) {
			continue
		}
		if _, err := stmt.ExecContext(ctx, g.state, g.name, s.n, s.fallback, s.input, s.output, s.usd, s.saved, s.unpriced, s.took.Nanoseconds()); err != nil {
			return err
		}
	}
	return nil
}

// mergeCounts counts all items of a state as pending, with what they came to but for
// their time, as those that a process left running, or that failed and run again.
//
// With names only those of the state's groups are.
func (f *File) mergeCounts(ctx context.Context, state int, names ...string) error {
	where, args := "state = ?", []any{state}
	if len(names) > 0 {
		where += " AND name IN (" + marks(len(names)) + ")"
		for _, name := range names {
			args = append(args, name)
		}
	}
	//nolint:gosec // the condition is made above, of question marks
	_, err := f.conn.ExecContext(ctx, `INSERT INTO counts (state, name, n, fallback, input, output, usd, saved, unpriced, took)
		SELECT 0, '', total(n), 0, total(input), total(output), total(usd), total(saved), total(unpriced), 0 FROM counts WHERE `+where+`
		ON CONFLICT (state, name) DO UPDATE SET n = n + excluded.n, input = input + excluded.input, output = output + excluded.output,
		usd = usd + excluded.usd, saved = saved + excluded.saved, unpriced = unpriced + excluded.unpriced`, args...)
	if err == nil {
		_, err = f.conn.ExecContext(ctx, "DELETE FROM counts WHERE "+where, args...) //nolint:gosec // as above
	}
	return err
}

// marks are n places for values in a statement.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// count adds up the items, by the counts, or what stands for them.
func (s *Status) count(ctx context.Context, q querier, counts string) error {
	rows, err := q.QueryContext(ctx, "SELECT state, name, n, fallback, input, output, usd, saved, unpriced, took FROM "+counts)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var g group
		var c sums
		if err := rows.Scan(&g.state, &g.name, &c.n, &c.fallback, &c.input, &c.output, &c.usd, &c.saved, &c.unpriced, &c.took); err != nil {
			return err
		}
		switch g.state {
		case countHost:
			add(&s.Hosts, g.name, c.n)
			continue
		case countNode:
			add(&s.Nodes, g.name, c.n)
			continue
		}
		s.Total += c.n
		s.Input, s.Output, s.USD, s.Saved, s.Unpriced = s.Input+int64(c.input), s.Output+int64(c.output), s.USD+c.usd, s.Saved+c.saved, s.Unpriced+c.unpriced
		switch g.state {
		case itemPending:
			s.Left += c.n
		case itemRunning:
			s.Active += c.n
		case itemSent:
			s.Sent += c.n
		case itemDone:
			s.Done += c.n
			s.Fallback += c.fallback
			s.Busy += c.took
			add(&s.Answered, g.name, c.n)
		case itemFailed:
			s.Failed += c.n
			s.Busy += c.took
			add(&s.Failures, g.name, c.n)
		}
	}
	return rows.Err()
}

func add(to *map[string]int, key string, n int) {
	if key == "" || n == 0 {
		return
	}
	if *to == nil {
		*to = map[string]int{}
	}
	(*to)[key] += n
}
