package store

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Spending is what calls cost.
type Spending struct {
	Calls   int     `json:"calls"`
	USD     float64 `json:"usd"`       // what is known
	Saved   float64 `json:"saved_usd"` // by local answers, at the baseline's price
	AtMost  float64 `json:"at_most_usd"`
	Unsure  int     `json:"calls_unsure"`  // may have cost up to AtMost in all
	Unknown int     `json:"calls_unknown"` // whose cost is unknown
	Input   int     `json:"input_tokens"`
	Cached  int     `json:"cached_tokens"`
	Output  int     `json:"output_tokens"`
}

// ByModel is what one provider's model cost.
type ByModel struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Spending
}

// Add adds to s.
func (s *Spending) Add(o Spending) {
	s.Calls += o.Calls
	s.USD += o.USD
	s.Saved += o.Saved
	s.AtMost += o.AtMost
	s.Unsure += o.Unsure
	s.Unknown += o.Unknown
	s.Input += o.Input
	s.Cached += o.Cached
	s.Output += o.Output
}

// ByDay is what one day cost.
type ByDay struct {
	Day string `json:"day"` // such as 2026-11-29
	Spending
}

// Spent returns what calls that began at t or later cost, the dearest first.
func (s *Store) Spent(ctx context.Context, t time.Time) ([]ByModel, error) {
	return s.SpentByModel(ctx, t, time.Time{})
}

// SpentByModel returns what calls cost that began at since or later and before
// until, by provider and model, the dearest first. A zero time is no bound.
func (s *Store) SpentByModel(ctx context.Context, since, until time.Time) (out []ByModel, err error) {
	err = s.spent(ctx, "provider, model", "usd DESC, calls DESC, provider, model", since, until, func(scan func(...any) (Spending, error)) error {
		var m ByModel
		m.Spending, err = scan(&m.Provider, &m.Model)
		out = append(out, m)
		return err
	})
	return out, err
}

// SpentByDay is SpentByModel by days of a time zone, the first day first. Days
// without calls are left out.
func (s *Store) SpentByDay(ctx context.Context, since, until time.Time, loc *time.Location) (out []ByDay, err error) {
	// A day begins between two of these spans, see bucket: they are few, and only
	// time.Location knows its days.
	span := fmt.Sprintf("began / %[1]d * %[1]d", bucket.Milliseconds())
	err = s.spent(ctx, span, span, since, until, func(scan func(...any) (Spending, error)) error {
		var began int64
		spent, err := scan(&began)
		day := time.UnixMilli(began).In(loc).Format(time.DateOnly)
		if len(out) == 0 || out[len(out)-1].Day != day {
			out = append(out, ByDay{Day: day})
		}
		out[len(out)-1].Add(spent)
		return err
	})
	return out, err
}

// spent adds up what calls cost that began at since or later and before until,
// for each value of key, and has each read them; scan's arguments are the key's.
func (s *Store) spent(ctx context.Context, key, order string, since, until time.Time, each func(scan func(...any) (Spending, error)) error) error {
	if !s.Exists() {
		return nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	end := int64(math.MaxInt64)
	if !until.IsZero() {
		end = until.UnixMilli()
	}
	//nolint:gosec // key and order are of this package
	rows, err := db.QueryContext(ctx, `SELECT count(*) AS calls, coalesce(sum(usd), 0) AS usd, coalesce(sum(saved), 0),
		coalesce(sum(CASE WHEN usd IS NULL THEN at_most END), 0), coalesce(sum(usd IS NULL AND at_most IS NOT NULL), 0), coalesce(sum(usd IS NULL AND at_most IS NULL), 0),
		coalesce(sum(input), 0), coalesce(sum(cached), 0), coalesce(sum(output), 0), `+key+`
		FROM ledger WHERE began >= ? AND began < ? GROUP BY `+key+` ORDER BY `+order, since.UnixMilli(), end)
	if err != nil {
		return s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		err := each(func(keys ...any) (sp Spending, err error) {
			var usd, saved, atMost int64
			err = rows.Scan(append([]any{&sp.Calls, &usd, &saved, &atMost, &sp.Unsure, &sp.Unknown, &sp.Input, &sp.Cached, &sp.Output}, keys...)...)
			sp.USD, sp.Saved, sp.AtMost = dollars(usd), dollars(saved), dollars(atMost)
			return sp, err
		})
		if err != nil {
			return s.explain(err)
		}
	}
	return s.explain(rows.Err())
}

// Counted returns what counts against today's budget, in US dollars, and how
// much of that is reserved for calls under way.
func (s *Store) Counted(ctx context.Context) (counted, reserved float64, err error) {
	if !s.Exists() {
		return 0, 0, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return 0, 0, err
	}
	now := time.Now()
	all, err := usedSince(ctx, db, midnight(now), now)
	if err != nil {
		return 0, 0, s.explain(err)
	}
	held, err := reservedSince(ctx, db, midnight(now), now)
	return dollars(all), dollars(held), s.explain(err)
}
