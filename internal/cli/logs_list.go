package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

func (a *app) logsListCommand() *cobra.Command {
	var in linesInput
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the newest runs",
		Long: `List runs, newest first. Filters combine: a run must match all of them. With
--use, a run counts if one of these providers answered it, or was tried for it
without an answer. Times are local; a time zone of your own goes as RFC 3339.`,
		Example: `  tandem logs list -m qwen3:8b --since yesterday
  tandem logs list --status failed --since 7d
  tandem logs list --use openai --min-cost 0.01 -n 0 --jsonl`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.logsLines(cmd.Context(), in) },
	}
	in.register(cmd)
	return cmd
}

func (a *app) logsSearchCommand() *cobra.Command {
	var in linesInput
	cmd := &cobra.Command{
		Use: "search WORD...", Short: "Search prompts and answers",
		Long: `Find the runs with a call whose prompt and answer contain every word, ignoring
case and accents, newest first. The filters are those of ` + "`tandem logs list`" + `.`,
		Example: "  tandem logs search rivers india --since 30d",
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, "")) == "" {
				return usageError{errors.New("name the words to search for, such as `tandem logs search rivers`")}
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.filter.Words = strings.Join(args, " ")
			return a.logsLines(cmd.Context(), in)
		},
	}
	in.register(cmd)
	return cmd
}

// newestRuns is how many runs a list has, unless told otherwise.
const newestRuns = 20

// linesInput is what `tandem logs list` and search were told.
type linesInput struct {
	filter      store.Filter
	period      period
	status      string
	json, jsonl bool
}

func (in *linesInput) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVarP(&in.filter.Limit, "number", "n", newestRuns, "list at most this `many`, newest first (0: all)")
	f.StringVarP(&in.filter.Model, "model", "m", "", "only runs that this `model` or provider/model answered, or failed at; without a tag, any tag")
	in.period.register(f, "runs")
	f.Float64Var(&in.filter.MinUSD, "min-cost", 0, "only runs that are known to have cost at least this many `dollars`")
	f.StringVar(&in.status, "status", "", "only runs that ended so: ok, cut, failed, or a kind of error, such as interrupted")
	f.BoolVar(&in.json, "json", false, "print one JSON array, an object for each run")
	f.BoolVar(&in.jsonl, "jsonl", false, "print one JSON object a line, as each run is read")
}

// runStatuses are the values of --status.
func runStatuses() []string {
	all := []string{string(store.StatusOK), string(store.StatusCut), string(store.StatusFailed), "interrupted", "deadline", "error"}
	for _, k := range []provider.Kind{
		provider.Unavailable, provider.RateLimited, provider.QuotaExhausted, provider.Denied, provider.ModelNotFound, provider.ContextOverflow,
		provider.OutOfMemory, provider.Unsupported, provider.Invalid, provider.Filtered, provider.Truncated, provider.BadAnswer, provider.Timeout,
		provider.Offline, provider.OverBudget, provider.Private,
	} {
		all = append(all, string(k))
	}
	return all
}

// chosen is the filter that the flags make. Errors: usageError.
func (in *linesInput) chosen(use []string) (store.Filter, error) {
	f := in.filter
	f.Providers, f.Status = use, store.Status(in.status)
	switch {
	case in.json && in.jsonl:
		return f, usageError{errors.New("use only one of --json and --jsonl")}
	case !(f.MinUSD >= 0): // not NaN
		return f, usageError{fmt.Errorf("--min-cost %v: expected an amount in US dollars, such as 0.01", f.MinUSD)}
	case in.status != "" && !slices.Contains(runStatuses(), in.status):
		return f, usageError{fmt.Errorf("--status %s: expected one of %s", diag.Quote(in.status), strings.Join(runStatuses(), ", "))}
	}
	var err error
	f.Since, f.Until, err = in.period.times(time.Now())
	return f, err
}

// logsLines lists the runs that the flags choose.
func (a *app) logsLines(ctx context.Context, in linesInput) error {
	f, err := in.chosen(a.flags.use)
	if err != nil {
		return err
	}
	s := store.New(a.stateDir())
	defer s.Close()
	switch {
	case in.jsonl:
		for l, err := range s.Lines(ctx, f) {
			if err == nil {
				err = terminal.WriteJSON(a.term.Out, l)
			}
			if err != nil {
				return err
			}
		}
		return nil
	case in.json:
		found, err := collectLines(s.Lines(ctx, f))
		if err != nil {
			return err
		}
		return terminal.WriteJSON(a.term.Out, found)
	}
	return a.printLines(ctx, s, f)
}

func collectLines(lines iter.Seq2[store.Line, error]) ([]store.Line, error) {
	found := []store.Line{}
	for l, err := range lines {
		if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, nil
}

func (a *app) printLines(ctx context.Context, s *store.Store, f store.Filter) error {
	limit := f.Limit
	if limit > 0 {
		f.Limit++ // to know whether there are more
	}
	w := a.term.Table("RUN", "WHEN", "WHAT", "ANSWERED BY", "TOOK", "COST", "END", "PROMPT").
		MayCut("WHAT", "ANSWERED BY", "END", "PROMPT").MayDrop("COST", "TOOK", "WHAT", "ANSWERED BY", "WHEN")
	n := 0
	for l, err := range s.Lines(ctx, f) {
		if err != nil {
			return err
		}
		n++
		if limit > 0 && n > limit {
			break
		}
		what, who := l.Command, "nobody"
		if l.Chain != "" {
			what += " " + l.Chain
		}
		if l.Provider != "" {
			who = l.Provider + "/" + l.Model
		}
		w.Row(l.ID, l.Began.Local().Format("2006-01-02 15:04"), excerpt(what, 24), excerpt(who, 32), short(l.Busy), lineCost(l), endOf(l), excerpt(l.Prompt, 48))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case n == 0 && f.Chooses():
		a.term.Noticef("no run matches; `tandem logs list` lists all")
	case n == 0:
		a.term.Noticef("nothing found; calls are logged to %s unless the configuration says `log: off`", s.Path())
	case limit > 0 && n > limit:
		a.infof("%s", a.term.Dim(fmt.Sprintf("· only the newest %d; -n 0 lists all", limit)))
	}
	return nil
}

// lineCost is what a run cost; "" where nothing is known.
func lineCost(l store.Line) string {
	switch {
	case l.USD == nil:
		return ""
	case l.Unpriced > 0:
		return ledger.Dollars(*l.USD) + "+"
	}
	return ledger.Dollars(*l.USD)
}

// endOf says how a run of one call ended, and of more calls how many failed: the last
// call of a batch says nothing of the rows before it.
func endOf(l store.Line) string {
	switch {
	case l.Failures > 0 && l.Calls > 1:
		return strings.TrimSuffix(fmt.Sprintf("%d of %d failed (%s)", l.Failures, l.Calls, l.Failed), " ()")
	case l.Failed != "" && l.Finish == "":
		return l.Failed
	case l.Finish == "length":
		return "cut"
	case l.Finish == "":
		return "?"
	}
	return "ok"
}

// excerpt is the beginning of a text on one line, at most n letters.
func excerpt(text string, n int) string {
	return firstRunes(terminal.OneLine(text), n)
}
