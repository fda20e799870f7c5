package store

import (
	"context"
	"time"
)

// Spending is what calls cost.
type Spending struct {
	Calls   int     `json:"calls"`
	USD     float64 `json:"usd"`       // what is known
	Saved   float64 `json:"saved_usd"` // by local answers, at the stand-in's price
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

// Spent returns what calls that began at t or later cost, the dearest first.
func (s *Store) Spent(ctx context.Context, t time.Time) ([]ByModel, error) {
	if !s.Exists() {
		return nil, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT provider, model, count(*), coalesce(sum(usd), 0), coalesce(sum(saved), 0),
		coalesce(sum(CASE WHEN usd IS NULL THEN at_most END), 0), coalesce(sum(usd IS NULL AND at_most IS NOT NULL), 0), coalesce(sum(usd IS NULL AND at_most IS NULL), 0),
		coalesce(sum(input), 0), coalesce(sum(cached), 0), coalesce(sum(output), 0)
		FROM ledger WHERE began >= ? GROUP BY provider, model ORDER BY 4 DESC, 3 DESC, 1, 2`, t.UnixMilli())
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	var out []ByModel
	for rows.Next() {
		var m ByModel
		var usd, saved, atMost int64
		if err := rows.Scan(&m.Provider, &m.Model, &m.Calls, &usd, &saved, &atMost, &m.Unsure, &m.Unknown, &m.Input, &m.Cached, &m.Output); err != nil {
			return nil, s.explain(err)
		}
		m.USD, m.Saved, m.AtMost = dollars(usd), dollars(saved), dollars(atMost)
		out = append(out, m)
	}
	return out, s.explain(rows.Err())
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

// Midnight is when today began, local time: where the budget's day begins.
func Midnight() time.Time { return midnight(time.Now()) }
