package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// What --by can be.
const (
	byDay      = "day"
	byModel    = "model"
	byProvider = "provider"
)

// costRange is what `tandem cost --json` prints of a period.
type costRange struct {
	Since *time.Time     `json:"since,omitempty"` // none: the first call
	Until *time.Time     `json:"until,omitempty"` // exclusive; none: now
	By    string         `json:"by"`
	Total store.Spending `json:"total"`
	Rows  []costRow      `json:"rows"` // days by date, others the most expensive first
}

// costRow is a day, a model or a provider.
type costRow struct {
	Day      string `json:"day,omitempty"` // in local time, such as 2026-11-29
	Provider string `json:"provider,omitempty"`
	Model    string `json:"model,omitempty"`
	store.Spending
}

func (a *app) costIn(ctx context.Context, in costInput) error {
	by := in.by
	switch by {
	case byDay, byModel, byProvider:
	case "":
		by = byModel
	default:
		return usageError{fmt.Errorf("--by %s: expected %s, %s or %s", diag.Quote(by), byDay, byModel, byProvider)}
	}
	now := time.Now()
	since, until, err := in.period.times(now)
	if err != nil {
		return err
	}
	if !in.period.given() {
		since = monthStart(now)
	}
	s := store.New(a.stateDir())
	defer s.Close()
	r := costRange{By: by, Rows: []costRow{}}
	if r.Rows, err = costRows(ctx, s, by, since, until); err != nil {
		return err
	}
	for _, row := range r.Rows {
		r.Total.Add(row.Spending)
	}
	if in.json {
		for _, t := range []struct {
			from time.Time
			to   **time.Time
		}{{since, &r.Since}, {until, &r.Until}} {
			if !t.from.IsZero() {
				*t.to = &t.from
			}
		}
		return terminal.WriteJSON(a.term.Out, r)
	}
	return a.printRange(r, periodText(since, until))
}

// monthStart is when the month of t began.
func monthStart(t time.Time) time.Time {
	y, m, _ := t.Date()
	return store.DayStart(y, m, 1, t.Location())
}

func costRows(ctx context.Context, s *store.Store, by string, since, until time.Time) ([]costRow, error) {
	rows := []costRow{}
	if by == byDay {
		days, err := s.SpentByDay(ctx, since, until, time.Local)
		for _, d := range days {
			rows = append(rows, costRow{Day: d.Day, Spending: d.Spending})
		}
		return rows, err
	}
	models, err := s.SpentByModel(ctx, since, until)
	for _, m := range models {
		row := costRow{Provider: m.Provider, Model: m.Model, Spending: m.Spending}
		if by == byProvider {
			row.Model = ""
			if i := slices.IndexFunc(rows, func(r costRow) bool { return r.Provider == m.Provider }); i >= 0 {
				rows[i].Add(m.Spending)
				continue
			}
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(x, y costRow) int {
		switch {
		case x.USD != y.USD && x.USD > y.USD:
			return -1
		case x.USD != y.USD:
			return 1
		}
		return y.Calls - x.Calls
	})
	return rows, err
}

func (a *app) printRange(r costRange, when string) error {
	w := a.term.Table(strings.ToUpper(r.By), "CALLS", "TOKENS IN", "CACHED", "TOKENS OUT", "COST", "SAVED")
	row := func(name string, s store.Spending) {
		w.Row(name, s.Calls, s.Input, s.Cached, s.Output, costText(s), ledger.Dollars(s.Saved))
	}
	for _, l := range r.Rows {
		name := l.Day + l.Provider
		if l.Model != "" {
			name += "/" + l.Model
		}
		row(terminal.StripControls(name), l.Spending)
	}
	row("total", r.Total)
	if err := w.Flush(); err != nil {
		return err
	}
	a.infof("%s", a.term.Dim("· "+when))
	a.sayUncounted(r.Total)
	return nil
}

// sayUncounted says which calls are not in a sum.
func (a *app) sayUncounted(s store.Spending) {
	if s.Unknown > 0 {
		a.term.Noticef("not in the sum: %s of unknown cost, because no price is known (set `price` for the provider), the server reported no usage, or the answer broke off", count(s.Unknown, "call"))
	}
	if s.Unsure > 0 {
		a.term.Noticef("up to %s more may be charged for %s that broke off or are under way", ledger.Dollars(s.AtMost), count(s.Unsure, "call"))
	}
}
