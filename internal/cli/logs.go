package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
)

func (a *app) logsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "logs", Short: "Show past calls: what was asked, and who answered",
		Long: `Every call is logged to a file on this machine that only you can read: the prompt
and the answer, which providers were tried and why, how long it took, what it
cost, and which model and engine answered. The configuration's "log" is full, meta
(without prompts and answers) or off.`,
	}
	cmd.AddCommand(a.logsListCommand(), a.logsShowCommand(), a.logsSearchCommand(), a.logsPathCommand(), a.logsReplayCommand(), a.logsClearCommand())
	return cmd
}

func (a *app) logsListCommand() *cobra.Command {
	var n int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the newest runs", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.logsLines(cmd.Context(), asJSON, func(ctx context.Context, s *store.Store) ([]store.Line, error) { return s.Runs(ctx, n) })
		},
	}
	lineFlags(cmd, &n, &asJSON)
	return cmd
}

func (a *app) logsSearchCommand() *cobra.Command {
	var n int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "search WORD...", Short: "Search prompts and answers",
		Long: `Find the runs with a call whose prompt and answer contain every word, ignoring
case and accents.`,
		Example: "  tandem logs search rivers india",
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, "")) == "" {
				return usageError{errors.New("name the words to search for, such as `tandem logs search rivers`")}
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.logsLines(cmd.Context(), asJSON, func(ctx context.Context, s *store.Store) ([]store.Line, error) {
				return s.Search(ctx, strings.Join(args, " "), n)
			})
		},
	}
	lineFlags(cmd, &n, &asJSON)
	return cmd
}

func lineFlags(cmd *cobra.Command, n *int, asJSON *bool) {
	cmd.Flags().IntVarP(n, "number", "n", 20, "list at most this `many`, newest first (0: all)")
	cmd.Flags().BoolVar(asJSON, "json", false, "print one JSON array, an object for each run")
}

func (a *app) logsLines(ctx context.Context, asJSON bool, read func(context.Context, *store.Store) ([]store.Line, error)) error {
	s := store.New(a.stateDir())
	defer s.Close()
	found, err := read(ctx, s)
	if err != nil {
		return err
	}
	if asJSON {
		if found == nil {
			found = []store.Line{}
		}
		return terminal.WriteJSON(a.term.Out, found)
	}
	if len(found) == 0 {
		a.term.Noticef("nothing found; calls are logged to %s unless the configuration says `log: off`", s.Path())
		return nil
	}
	w := a.term.Table("RUN", "WHEN", "WHAT", "ANSWERED BY", "TOOK", "END", "PROMPT").MayCut("WHAT", "PROMPT")
	for _, l := range found {
		what, who := l.Command, "nobody"
		if l.Chain != "" {
			what += " " + l.Chain
		}
		if l.Provider != "" {
			who = l.Provider + "/" + l.Model
		}
		w.Row(l.ID, l.Began.Local().Format("2006-01-02 15:04"), excerpt(what, 24), excerpt(who, 32), short(l.Took), endOf(l), excerpt(l.Prompt, 48))
	}
	return w.Flush()
}

func endOf(l store.Line) string {
	switch {
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

// logged returns the run of that id, or the newest.
func logged(ctx context.Context, s *store.Store, args []string) (store.Run, error) {
	id := ""
	if len(args) == 1 {
		id = args[0]
	}
	r, err := s.Run(ctx, id)
	switch {
	case !errors.Is(err, store.ErrNoRun):
		return r, err
	case id == "":
		return r, usageError{fmt.Errorf("the log is empty (%s)", s.Path())}
	}
	return r, usageError{fmt.Errorf("there is no run %q in the log; see `tandem logs list`", id)}
}
