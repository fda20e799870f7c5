package store

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// slowly is what counts against the budgets, row by row.
func slowly(t *testing.T, db *sql.DB, where string, arg any, now time.Time) (nano int64) {
	t.Helper()
	must(t, db.QueryRowContext(t.Context(), `SELECT coalesce(sum(coalesce(usd, at_most, 0)), 0) FROM ledger WHERE (expires IS NULL OR expires > ?) AND `+where, now.UnixMilli(), arg).Scan(&nano))
	return nano
}

// The sums are what the rows add up to, whatever is done with the ledger, in
// every time zone, and for a file of an older tandem.
func TestTheSumsAreThoseOfTheRows(t *testing.T) {
	w := writer(t)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := NewBook(w, Limits{PerDay: provider.Ptr(1e6)})
	b.now = func() time.Time { return now }
	amount := func() *float64 {
		if random.IntN(4) == 0 {
			return nil
		}
		return provider.Ptr(random.Float64())
	}
	var marks []int64
	for i := range 400 {
		now = now.Add(time.Duration(random.IntN(int(10 * time.Minute))))
		run, caller := []string{"", "a", "b"}[random.IntN(3)], []string{"", "laptop", "phone"}[random.IntN(3)]
		e := ledger.Entry{Run: run, Caller: caller, Provider: "p", Model: "m", Began: now.Add(-time.Duration(random.IntN(int(time.Hour)))), Cost: provider.Cost{USD: amount()}, AtMost: amount()}
		switch {
		case i%3 == 0:
			b.Settle(0, e)
			w.Flush() // the rows have the same numbers each time
		case i%3 == 1 || len(marks) == 0:
			mark, err := b.Reserve(t.Context(), ledger.Reservation{Run: run, USD: random.Float64(), Caller: ledger.Caller{Name: caller}})
			must(t, err)
			marks = append(marks, mark)
		case random.IntN(5) == 0:
			b.Release(marks[0])
			marks = marks[1:]
		case random.IntN(5) == 0:
			b.Renew(marks[0])
		default:
			b.Settle(marks[0], e)
			marks = marks[1:]
		}
	}
	w.Flush()
	older := false // than callers
	check := func(when string) {
		db, err := w.Store().open(t.Context())
		must(t, err)
		for _, zone := range []time.Duration{0, 5*time.Hour + 45*time.Minute, -9*time.Hour - 30*time.Minute, 7*time.Minute + 30*time.Second} {
			day := midnight(now.In(time.FixedZone("", int(zone.Seconds()))))
			got, err := usedSince(t.Context(), db, day, now)
			if want := slowly(t, db, "began >= ?", day.UnixMilli(), now); err != nil || got != want || want == 0 {
				t.Errorf("%s: since %s: %d, %v; the rows add up to %d", when, day, got, err, want)
			}
			for _, caller := range []string{"laptop", "phone"} {
				got, err := usedByCaller(t.Context(), db, caller, day, now)
				if want := slowly(t, db, "caller = '"+caller+"' AND began >= ?", day.UnixMilli(), now); err != nil || got != want || want == 0 != older {
					t.Errorf("%s: %s since %s: %d, %v; the rows add up to %d", when, caller, day, got, err, want)
				}
			}
		}
		for _, run := range []string{"a", "b", "none"} {
			got, err := usedByRun(t.Context(), db, run, now)
			if want := slowly(t, db, "run = ?", run, now); err != nil || got != want || want == 0 != (run == "none") {
				t.Errorf("%s: run %s: %d, %v; the rows add up to %d", when, run, got, err, want)
			}
		}
	}
	check("after calls")
	db, err := w.Store().open(t.Context())
	must(t, err)
	for _, q := range []string{
		"UPDATE ledger SET usd = 5 WHERE id % 7 = 0", "UPDATE ledger SET began = began + 3600000, run = 'b', caller = 'phone' WHERE id % 11 = 0", "UPDATE ledger SET expires = NULL WHERE id % 5 = 0",
		"UPDATE ledger SET expires = 1 WHERE id % 13 = 0", "DELETE FROM ledger WHERE id % 3 = 0",
	} {
		_, err := db.ExecContext(t.Context(), q)
		must(t, err)
		check(q)
	}
	for _, q := range strings.SplitAfter(olderThanSums, ";") {
		_, err := db.ExecContext(t.Context(), q)
		must(t, err)
	}
	must(t, w.Store().Close())
	older = true
	check("a file of an older tandem")
}

// olderThanSums makes a file one that has no sums yet.
const olderThanSums = `DROP TRIGGER ledger_added_caller; DROP TRIGGER ledger_changed_from_caller; DROP TRIGGER ledger_changed_to_caller; DROP TRIGGER ledger_gone_caller;
DROP TABLE spent_by_caller; ALTER TABLE ledger DROP COLUMN caller;
DROP TRIGGER calls_added_size; DROP TRIGGER calls_gone_size; DROP TRIGGER pieces_added_size; DROP TRIGGER pieces_gone_size; DROP TABLE log_size;
DROP TRIGGER ledger_added; DROP TRIGGER ledger_changed_from; DROP TRIGGER ledger_changed_to; DROP TRIGGER ledger_gone;
DROP INDEX ledger_reserved; DROP TABLE spent_by_time; DROP TABLE spent_by_run; PRAGMA user_version = 5`

// After 100,000 calls of a day and of one run, what the next call looks at is a
// sum for each quarter of an hour, one for the run, and what is reserved.
func TestWhatABudgetReadsDoesNotGrow(t *testing.T) {
	w := writer(t)
	now := time.Now()
	_, err := NewBook(w, Limits{}).Reserve(t.Context(), ledger.Reservation{Run: "batch", USD: 1})
	must(t, err)
	db, err := w.Store().open(t.Context())
	must(t, err)
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
		INSERT INTO ledger (run, began, provider, model, usd, basis, pid) SELECT 'batch', ? + i * 864, 'p', 'm', 7, 'b', 1 FROM n`, midnight(now).UnixMilli())
	must(t, err)
	if used, err := usedSince(t.Context(), db, midnight(now), now); err != nil || used != 1e9+700000 {
		t.Errorf("%d is used, %v", used, err)
	}
	for query, args := range map[string][]any{usedSinceSQL: {1, 2, 3}, reservedSinceSQL: {1, 2}, usedByRunSQL: {1, 2}, usedByCallerSQL: {1, 2, 3, "a"}} {
		for _, step := range planOf(t, db, query, args...) {
			if !cheap.MatchString(step) {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
	for table, most := range map[string]int{"spent_by_time": int(24*time.Hour/bucket) + 1, "spent_by_run": 1, "ledger WHERE expires > 0": 1} {
		var n int
		must(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s", table)).Scan(&n))
		if n == 0 || n > most {
			t.Errorf("%d rows of %s are looked at, want %d at most", n, table, most)
		}
	}
}

// planOf returns the steps of SQLite's plan for a query.
func planOf(t *testing.T, db *sql.DB, query string, args ...any) (steps []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	must(t, rows.Err())
	return steps
}

// cheap are the steps of a plan whose rows do not grow with the calls. The rows
// between midnight and the first whole quarter of an hour are at most a quarter
// of an hour's, and none where midnight is whole.
var cheap = regexp.MustCompile(`^(SCAN CONSTANT ROW|SCALAR SUBQUERY \d+|SEARCH spent_by_time USING INTEGER PRIMARY KEY \(rowid>\?\)|SEARCH spent_by_run USING PRIMARY KEY \(run=\?\)|` +
	`SEARCH spent_by_caller USING PRIMARY KEY \(caller=\? AND began>\?\)|` +
	`SEARCH ledger USING INDEX ledger_reserved \(expires>\?\)|SEARCH ledger USING INDEX ledger_began \(began>\? AND began<\?\))$`)
