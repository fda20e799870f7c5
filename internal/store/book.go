package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/provider/ledger"
)

// lease is how long a reservation counts without a renewal: that of a process
// that died.
const lease = time.Hour

// Limits are the budgets, in US dollars; nil: none.
type Limits struct {
	PerDay *float64 // from midnight, local time, by when a call began
	PerRun *float64
}

// Set reports whether there is one.
func (l Limits) Set() bool { return l.PerDay != nil || l.PerRun != nil }

// Book is the ledger.Book of a store: every process that uses the file keeps
// the same budgets.
type Book struct {
	w      *Writer
	limits Limits
	now    func() time.Time
}

var _ ledger.Book = (*Book)(nil)

// NewBook returns a book. What needs no answer is written by w.
func NewBook(w *Writer, limits Limits) *Book {
	return &Book{w: w, limits: limits, now: time.Now}
}

// nano is an amount in billionths of a dollar, rounded up; never below 0.
func nano(usd float64) int64 {
	n := math.Ceil(usd*1e9 - 1e-3) // less than the error of a sum of floats
	if !(n < math.MaxInt64/4) {
		return math.MaxInt64 / 4
	}
	return int64(max(n, 0))
}

func dollars(nano int64) float64 { return float64(nano) / 1e9 }

// Reserve sets an amount aside. See ledger.Book.
func (b *Book) Reserve(ctx context.Context, h ledger.Reservation) (mark int64, err error) {
	now, need := b.now(), nano(h.USD)
	err = b.w.store.begin(ctx, func(tx *sql.Tx) error {
		if err := b.w.store.wrote(ctx, tx, now); err != nil {
			return err
		}
		if err := b.fits(ctx, tx, &h, need, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO ledger (run, caller, began, provider, model, at_most, basis, expires, pid) VALUES (?, ?, ?, ?, ?, ?, 'under way', ?, ?)`,
			h.Run, h.Caller.Name, now.UnixMilli(), h.Provider, h.Model, need, now.Add(lease).UnixMilli(), os.Getpid())
		if err != nil {
			return err
		}
		mark, err = res.LastInsertId()
		return err
	})
	return mark, err
}

// Fits tells whether an amount could be set aside. See ledger.Book.
func (b *Book) Fits(ctx context.Context, h ledger.Reservation) error {
	if err := b.w.store.Intact(ctx); err != nil {
		return err
	}
	return b.w.store.begin(ctx, func(tx *sql.Tx) error {
		return b.fits(ctx, tx, &h, nano(h.USD), b.now())
	})
}

// fits returns an *ledger.Over unless every budget has that much left.
func (b *Book) fits(ctx context.Context, tx *sql.Tx, h *ledger.Reservation, need int64, now time.Time) error {
	for _, budget := range []struct {
		name   string
		caller string
		limit  *float64
		used   func() (int64, error)
	}{
		{"budget.per_day_usd", "", b.limits.PerDay, func() (int64, error) { return usedSince(ctx, tx, midnight(now), now) }},
		{"budget.per_run_usd", "", b.limits.PerRun, func() (int64, error) { return usedByRun(ctx, tx, h.Run, now) }},
		{"the daily budget of the key " + strconv.Quote(h.Caller.Name), h.Caller.Name, h.Caller.PerDayUSD, func() (int64, error) { return usedByCaller(ctx, tx, h.Caller.Name, midnight(now), now) }},
	} {
		if budget.limit == nil {
			continue
		}
		used, err := budget.used()
		if err != nil {
			return err
		}
		limit := int64(math.Floor(*budget.limit*1e9 + 1e-3))
		if need > limit-used {
			return &ledger.Over{Budget: budget.name, Caller: budget.caller, Limit: *budget.limit, Left: dollars(max(limit-used, 0)), Need: dollars(need)}
		}
	}
	return nil
}

// Renew gives a reservation another lease.
func (b *Book) Renew(mark int64) {
	b.must(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE ledger SET expires = ? WHERE "+mine, b.now().Add(lease).UnixMilli(), mark, os.Getpid())
		return err
	})
}

// Release gives a reservation back.
func (b *Book) Release(mark int64) {
	b.must(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM ledger WHERE "+mine, mark, os.Getpid())
		return err
	})
}

// SettleLost has the reservations of a run whose process has ended count for good,
// with the most that their calls can have cost: nobody will say what became of
// them. The caller knows that no process makes calls of that run now.
func (s *Store) SettleLost(ctx context.Context, run string) error {
	if !s.Exists() {
		return nil
	}
	return s.begin(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE ledger SET expires = NULL, basis = 'the process ended' WHERE run = ? AND expires IS NOT NULL", run)
		return err
	})
}

// mine is a reservation of this process: in a file that has taken the place of
// another, the same number may be somebody else's.
const mine = "id = ? AND pid = ? AND expires IS NOT NULL"

// Settle puts what a call cost in the place of its reservation, at once, for
// the next call's budget depends on it. Where the reservation is gone, it is
// added. Without a reservation that can wait for the log.
func (b *Book) Settle(mark int64, e ledger.Entry) {
	if mark == 0 {
		b.w.entry(e)
		return
	}
	usd, atMost, saved, in, cached, out := columns(e)
	b.must(func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE ledger SET model = ?, usd = ?, at_most = ?, saved = ?, basis = ?, input = ?, cached = ?, output = ?, expires = NULL WHERE `+mine,
			e.Model, usd, atMost, saved, e.Cost.Basis, in, cached, out, mark, os.Getpid())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return insertEntry(ctx, tx, e)
	})
}

// must writes, whatever became of the call's own context. If it cannot, the
// reservation stands until it expires: the budget errs on the safe side.
func (b *Book) must(write func(context.Context, *sql.Tx) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	put := func() error {
		return b.w.store.begin(ctx, func(tx *sql.Tx) error {
			if err := write(ctx, tx); err != nil {
				return err
			}
			b.w.store.wroteAnyway(ctx, tx, b.now())
			return nil
		})
	}
	err := put()
	if errors.Is(err, errReplaced) {
		err = put() // into the file that is there now
	}
	if err != nil {
		b.w.failed(err)
	}
}

// insertEntry adds a call that was not reserved.
func insertEntry(ctx context.Context, to execer, e ledger.Entry) error {
	usd, atMost, saved, in, cached, out := columns(e)
	_, err := to.ExecContext(ctx, `INSERT INTO ledger (run, caller, began, provider, model, usd, at_most, saved, basis, input, cached, output, pid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Run, e.Caller, e.Began.UnixMilli(), e.Provider, e.Model, usd, atMost, saved, e.Cost.Basis, in, cached, out, os.Getpid())
	return err
}

func columns(e ledger.Entry) (usd, atMost, saved, in, cached, out sql.NullInt64) {
	usd, atMost, saved = nullable(e.Cost.USD), nullable(e.AtMost), nullable(e.Cost.Saved)
	if u := e.Usage; u != nil {
		in, cached, out = count(u.InputTokens), count(u.CachedTokens), count(u.OutputTokens)
	}
	return usd, atMost, saved, in, cached, out
}

func nullable(usd *float64) sql.NullInt64 {
	if usd == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: nano(*usd), Valid: true}
}

func count(n int) sql.NullInt64 { return sql.NullInt64{Int64: int64(n), Valid: true} }
