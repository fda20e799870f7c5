package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/store"
)

func (a *app) logsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "logs", Short: "Show past calls: what was asked, and who answered",
		Long: `Every question is logged to a file on this machine that only you can read: the prompt
and the answer, which providers were tried and why, how long it took, what it
cost, and which model and engine answered. The configuration's "log" is full, meta
(without prompts and answers) or off. Without a command, list the newest runs as
` + "`tandem logs list`" + ` does.`,
	}
	bareLists(cmd, func(ctx context.Context) error {
		return a.logsLines(ctx, linesInput{filter: store.Filter{Limit: newestRuns}})
	})
	cmd.AddCommand(a.logsListCommand(), a.logsShowCommand(), a.logsSearchCommand(), a.logsPathCommand(), a.logsReplayCommand(), a.logsClearCommand())
	return cmd
}

func (a *app) logsPathCommand() *cobra.Command {
	return &cobra.Command{
		Use: "path", Short: "Print the path of the log", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.term.Out, store.New(a.stateDir()).Path())
			return err
		},
	}
}

func (a *app) logsClearCommand() *cobra.Command {
	var yes bool
	var older string
	cmd := &cobra.Command{
		Use: "clear", Short: "Remove runs from the log",
		Long: `Remove runs from the log for good: all of them, or those older than a given time.
Their costs stay, for the budget.`,
		Example: "  tandem logs clear --older-than 30d",
		Args:    exactArgs(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.logsClear(cmd.Context(), older, yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&older, "older-than", "", "remove only runs older than this, such as 30d or 12h")
	return cmd
}

func (a *app) logsClear(ctx context.Context, older string, yes bool) error {
	before, what := time.Now().Add(time.Minute), "the whole log"
	if older != "" {
		d, err := days(older)
		if err != nil {
			return usageError{err}
		}
		before, what = time.Now().Add(-d), "everything older than "+older
	}
	if !yes && !a.term.Interactive() {
		return usageError{errors.New("there is no terminal to ask on; if you are sure, add --yes")}
	}
	if !yes {
		switch sure, err := a.term.Confirm(ctx, "Remove "+chatui.Visible(what)+"?"); {
		case err != nil:
			return err
		case !sure:
			return usageError{errors.New("nothing was changed")}
		}
	}
	s := store.New(a.stateDir())
	defer s.Close()
	n, err := s.Forget(ctx, before)
	if err != nil {
		return err
	}
	a.term.Noticef("removed %d runs", n)
	return nil
}

// days reads a duration that may be in days: 30d.
func days(text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		if d, err := strconv.ParseFloat(n, 64); err == nil && d >= 0 && d < 36500 {
			return time.Duration(d * float64(24*time.Hour)), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	return 0, fmt.Errorf("--older-than %q: expected a time such as 30d or 12h", text)
}

// logged returns the run of that id, or the newest. With the id of a batch's answer, or
// RUN_ROW, its calls are those of that row.
func logged(ctx context.Context, s *store.Store, args []string) (store.Run, error) {
	id, row := "", 0
	if len(args) == 1 {
		id, row = exchange.CallPart(args[0])
	}
	r, err := s.Run(ctx, id)
	switch {
	case err == nil:
		return onlyRow(r, row)
	case !errors.Is(err, store.ErrNoRun):
		return r, err
	case id == "":
		return r, usageError{fmt.Errorf("the log is empty (%s)", s.Path())}
	}
	return r, usageError{fmt.Errorf("there is no run %q in the log; see `tandem logs list`", args[0])}
}

// onlyRow leaves the calls of a row of a batch. The parts of other answers have numbers,
// too, and older logs know no rows: all calls are left then, as for row 0.
func onlyRow(r store.Run, row int) (store.Run, error) {
	if row == 0 || !slices.ContainsFunc(r.Calls, func(c store.Call) bool { return c.Row > 0 }) {
		return r, nil
	}
	r.Calls = slices.DeleteFunc(r.Calls, func(c store.Call) bool { return c.Row != row })
	if len(r.Calls) == 0 {
		return r, usageError{fmt.Errorf("the log has no call for row %d of %s; `tandem logs show %[2]s` shows the others", row, r.ID)}
	}
	return r, nil
}
