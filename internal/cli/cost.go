package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// costInput is what `tandem cost` was told.
type costInput struct {
	period      period
	by          string
	json, reset bool
}

func (a *app) costCommand() *cobra.Command {
	var in costInput
	cmd := &cobra.Command{
		Use: "cost", Short: "Show what calls cost, and what local answers saved",
		Long: `Show what calls cost today and this month, by provider and model, and what is
left of the budget. With --since, --until or --by, show what calls cost in that
time (without --since: this month), by day, model or provider. Days are those of
the local time zone, by when a call began. Calls without a known price are listed
with an unknown cost. See docs/cost.md.`,
		Example: "  tandem cost --since 7d --by day\n  tandem cost --since 2026-10 --until 2026-10 --by provider",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ranged := in.period.given() || in.by != ""
			switch {
			case in.reset && in.json:
				return usageError{errors.New("--reset prints no report: leave out --json")}
			case in.reset && ranged:
				return usageError{errors.New("--reset prints no report: leave out --since, --until and --by")}
			case in.reset:
				return a.costReset(cmd.Context())
			case ranged:
				return a.costIn(cmd.Context(), in)
			}
			return a.cost(cmd.Context(), in.json)
		},
	}
	f := cmd.Flags()
	in.period.register(f, "calls")
	f.StringVar(&in.by, "by", "", "a row for each day, model or provider: `what` (model)")
	f.BoolVar(&in.reset, "reset", false, "accept that past spending is lost, and keep budgets with the file as it is")
	f.BoolVar(&in.json, "json", false, "print one JSON object")
	return cmd
}

// costReport is what `tandem cost --json` prints.
type costReport struct {
	Since   costSince       `json:"since"`
	Today   store.Spending  `json:"today"`
	Month   store.Spending  `json:"month"`
	ByModel []store.ByModel `json:"by_model"` // of the month
	Budget  *costBudget     `json:"budget,omitempty"`
}

type costSince struct {
	Today time.Time `json:"today"`
	Month time.Time `json:"month"`
}

type costBudget struct {
	PerDay   *float64 `json:"per_day_usd,omitempty"`
	PerRun   *float64 `json:"per_run_usd,omitempty"`
	Reserved float64  `json:"reserved_usd"`       // for calls under way
	Left     *float64 `json:"left_usd,omitempty"` // of PerDay
	Lost     string   `json:"lost,omitempty"`     // why what was spent is not known; nothing that costs is sent then
}

func (a *app) cost(ctx context.Context, asJSON bool) error {
	s := store.New(a.stateDir())
	defer s.Close()
	r, err := a.costReport(ctx, s)
	if err != nil {
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, r)
	}
	return a.printCost(r)
}

func (a *app) costReport(ctx context.Context, s *store.Store) (costReport, error) {
	today := store.Midnight()
	r := costReport{ByModel: []store.ByModel{}}
	r.Since = costSince{today, monthStart(today)}
	day, err := s.Spent(ctx, r.Since.Today)
	if err != nil {
		return r, err
	}
	for _, m := range day {
		r.Today.Add(m.Spending)
	}
	month, err := s.Spent(ctx, r.Since.Month)
	if err != nil {
		return r, err
	}
	for _, m := range month {
		r.Month.Add(m.Spending)
		r.ByModel = append(r.ByModel, m)
	}
	cfg, err := a.load()
	if err != nil || cfg.Budget.PerDay == nil && cfg.Budget.PerRun == nil {
		return r, err
	}
	b := &costBudget{PerDay: cfg.Budget.PerDay, PerRun: cfg.Budget.PerRun}
	counted, reserved, err := s.Counted(ctx)
	b.Reserved = reserved
	if lost := s.Intact(ctx); lost != nil {
		b.Lost = lost.Error()
	} else if b.PerDay != nil {
		left := max(*b.PerDay-counted, 0)
		b.Left = &left
	}
	r.Budget = b
	return r, err
}

// costReset has budgets kept by the file as it is, if a part of what was spent
// is lost.
func (a *app) costReset(ctx context.Context) error {
	s := store.New(a.stateDir())
	defer s.Close()
	moved, changed, err := s.Reset(ctx)
	switch {
	case err != nil:
		return err
	case !changed:
		a.term.Noticef("nothing to reset: all spending is known")
	case moved != "":
		a.term.Noticef("moved the damaged file to %s; tandem starts a new one, and earlier spending no longer counts", moved)
	default:
		a.term.Noticef("budgets now start from %s as it is; earlier spending no longer counts", s.Path())
	}
	return nil
}

func (a *app) printCost(r costReport) error {
	w := a.term.Table("", "CALLS", "TOKENS IN", "CACHED", "TOKENS OUT", "COST", "SAVED")
	row := func(name string, s store.Spending) {
		w.Row(name, s.Calls, s.Input, s.Cached, s.Output, costText(s), ledger.Dollars(s.Saved))
	}
	row("today", r.Today)
	row("this month", r.Month)
	for _, m := range r.ByModel {
		row("  "+terminal.StripControls(m.Provider+"/"+m.Model), m.Spending)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.sayUncounted(r.Month)
	if stale := ledger.StaleList(time.Now()); stale != "" {
		a.term.Noticef("%s", stale)
	}
	if b := r.Budget; b != nil && b.Lost != "" {
		a.term.Noticef("%s", b.Lost)
	} else if b != nil && b.PerDay != nil {
		a.term.Noticef("%s of today's budget of %s is left (%s is reserved for calls under way)", ledger.Dollars(*b.Left), ledger.Dollars(*b.PerDay), ledger.Dollars(b.Reserved))
	}
	return nil
}

// atLeast is a sum to which something of unknown cost is to be added.
func atLeast(usd float64) string {
	if usd == 0 {
		return "unknown"
	}
	return "at least " + ledger.Dollars(usd)
}

// costText is a sum of which a part may not be known.
func costText(s store.Spending) string {
	switch {
	case s.Calls > 0 && s.Unknown == s.Calls:
		return "unknown"
	case s.Unknown > 0 || s.Unsure > 0:
		return atLeast(s.USD)
	}
	return ledger.Dollars(s.USD)
}
