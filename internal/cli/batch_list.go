package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/ledger"
)

const noBatches = "there are no batches; start one with `tandem batch FILE --in ROWS --out OUT`"

func (a *app) batchListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the batches and how far they are", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.batchList(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array, an object for each batch")
	return cmd
}

func (a *app) batchList(ctx context.Context, asJSON bool) error {
	ids, err := batch.List(a.stateDir())
	if err != nil {
		return err
	}
	all := []batch.Status{}
	for _, id := range ids {
		s, err := a.batchStatusOf(ctx, id)
		if err != nil {
			a.term.Noticef("%s %s; `tandem batch rm %s` removes it", a.term.Yellow("warning:"), a.explain(err), id)
			continue
		}
		all = append(all, brief(s))
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, all)
	}
	if len(all) == 0 {
		a.infof("%s", noBatches)
		return nil
	}
	t := a.term.Table("ID", "STATE", "ROWS", "FAILED", "COST", "STARTED", "CHAIN", "OUT").MayCut("CHAIN", "OUT")
	for _, s := range all {
		t.Row(s.ID, s.State, fmt.Sprintf("%d/%d", s.Done+s.Failed, s.Total), s.Failed, ledger.Dollars(s.USD), s.Created.Local().Format("2006-01-02 15:04"), filepath.Base(chainOrRequests(&s.Spec)), s.Out)
	}
	return t.Flush()
}

// chainOrRequests is the file that says what is asked.
func chainOrRequests(s *batch.Spec) string {
	if s.Kind == requests.Kind {
		return s.Input.File
	}
	return s.Chain.File
}

// brief is a status without the chain's text and the inputs that all rows have,
// which may be long.
func brief(s batch.Status) batch.Status {
	s.Chain.Text, s.Given = "", nil
	return s
}

func (a *app) batchStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status [ID]", Short: "Show how far a batch is, and what it has cost", Args: atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.batchStatus(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (a *app) batchStatus(ctx context.Context, args []string, asJSON bool) error {
	id, err := a.batchID(ctx, args, nil, noBatches)
	if err != nil {
		return err
	}
	s, err := a.batchStatusOf(ctx, id)
	if err != nil {
		return err
	}
	if asJSON {
		return terminal.WriteJSON(a.term.Out, brief(s))
	}
	return a.printBatch(s)
}

func (a *app) printBatch(s batch.Status) error {
	t := a.term.Table()
	t.Row("batch", s.ID)
	state := string(s.State)
	if h := s.Holder; h != nil && h.PID != 0 {
		state += fmt.Sprintf(" (process %d on %s since %s)", h.PID, h.Host, h.Since.Local().Format("2006-01-02 15:04"))
	}
	t.Row("state", state)
	t.Row("rows", fmt.Sprintf("%d: %d answered, %d failed, %d left", s.Total, s.Done, s.Failed, s.Left+s.Active))
	if s.Failed > 0 {
		t.Row("failures", failuresText(s))
	}
	if s.Fallback > 0 {
		t.Row("fallback", fmt.Sprintf("%d answered by a fallback", s.Fallback))
	}
	t.Row("tokens", fmt.Sprintf("%d in, %d out", s.Input, s.Output))
	t.Row("cost", moneyText(s))
	if s.Repeated > 0 {
		t.Row("repeated", wereText(s.Repeated, "row")+" under way when a process ended: up to as many calls were made twice, and may have been charged")
	}
	t.Row("time", short(s.Ran))
	if s.Chain.File != "" {
		t.Row("chain", s.Chain.File)
	}
	t.Row("input", s.Spec.Input.File)
	if s.Picked != "" {
		t.Row("picked", s.Picked)
	}
	t.Row("output", s.Out)
	t.Row("started", s.Created.Local().Format("2006-01-02 15:04:05"))
	return t.Flush()
}

func (a *app) batchWatchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch [ID]", Short: "Follow a batch that another process runs, to its end",
		Long: "Follow a batch until nothing runs it any more, and show what it came to.", Args: atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.batchWatch(cmd.Context(), args) },
	}
}

// batchWatch shows a batch until nobody runs it.
func (a *app) batchWatch(ctx context.Context, args []string) error {
	id, err := a.batchID(ctx, args, func(s batch.Status) bool { return s.State == batch.Running }, "no batch is running; see `tandem batch list`")
	if err != nil {
		return err
	}
	v, err := batch.Look(a.stateDir(), id)
	if err != nil {
		return err
	}
	defer v.Close()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var view *batchView
	said := time.Now()
	for {
		s, err := v.Status(ctx)
		if err != nil {
			return err
		}
		if view == nil {
			view = newBatchView(a, s)
		}
		view.follow(s)
		if s.State != batch.Running {
			a.term.SetStatus("")
			return a.printBatch(s)
		}
		if width := a.term.ErrWidth(); width > 0 {
			a.term.SetStatus(a.term.Dim(view.line(time.Now(), width-1)))
		} else if time.Since(said) >= view.every {
			said = time.Now()
			a.infof("%s", view.line(said, 0))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (a *app) batchCancelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cancel [ID]", Short: "Stop a batch, whoever runs it",
		Long: `Stop a batch: the rows that are being answered end and are stored, and no more are
started. tandem batch resume continues it.`,
		Args: atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.batchCancel(cmd.Context(), args) },
	}
}

func (a *app) batchCancel(ctx context.Context, args []string) error {
	id, err := a.batchID(ctx, args, func(s batch.Status) bool { return s.State == batch.Running }, "no batch is running; see `tandem batch list`")
	if err != nil {
		return err
	}
	s, err := a.batchStatusOf(ctx, id)
	if err != nil {
		return err
	}
	if s.State == batch.Finished {
		return usageError{fmt.Errorf("the batch %s has finished", id)}
	}
	if err := batch.Cancel(ctx, a.stateDir(), id); err != nil {
		return err
	}
	a.infof("cancelled %s: %d of %s are done; `tandem batch resume %[1]s` continues it", id, s.Done+s.Failed, count(s.Total, "row"))
	return nil
}

func (a *app) batchExportCommand() *cobra.Command {
	var out string
	var overwrite, escape bool
	cmd := &cobra.Command{
		Use: "export [ID]", Short: "Write the rows of a batch that have ended",
		Long: `Write the rows of a batch that have ended, in the order of the input, whether or not
the batch has finished.`,
		Example: "  tandem batch export --out answers.csv",
		Args:    atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.batchExport(cmd.Context(), args, out, overwrite, escape)
		},
	}
	cmd.Flags().StringVar(&out, "out", stdinPath, "`file` for the rows (.jsonl, .csv, .tsv, .parquet); - is standard output, as JSON lines")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the file of --out")
	cmd.Flags().BoolVar(&escape, "escape-formulas", false, escapeFormulasUsage)
	return cmd
}

func (a *app) batchExport(ctx context.Context, args []string, out string, overwrite, escape bool) error {
	id, err := a.batchID(ctx, args, nil, noBatches)
	if err != nil {
		return err
	}
	s, err := a.batchStatusOf(ctx, id)
	if err != nil {
		return err
	}
	if s.Kind == "compare" {
		return usageError{fmt.Errorf("%s is a comparison: write its answers with `tandem compare --rescore %[1]s --csv FILE`", id)}
	}
	if out != stdinPath {
		if err := table.Writable(out); err != nil {
			return usageError{fmt.Errorf("--out: %w", err)}
		}
		if s.Kind == requests.Kind && table.Flat(out) {
			return usageError{fmt.Errorf("--out %s: the answers to requests are JSON lines; name it .jsonl", out)}
		}
		if s.Kind == requests.Kind {
			if err := checkPlace(errorsPath(out), overwrite); err != nil {
				return usageError{err}
			}
		}
		if err := checkPlace(out, overwrite); err != nil {
			return usageError{err}
		}
	}
	spec := s.Spec
	spec.Out, spec.EscapeFormulas = out, escape
	if err := a.writeOut(ctx, spec); err != nil {
		return err
	}
	if left := s.Left + s.Active; left > 0 {
		a.infof("the batch %s has not finished: %s not in it", id, notText(left))
	}
	return nil
}

func notText(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return fmt.Sprintf("%d rows are", n)
}

func (a *app) batchRemoveCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm ID", Short: "Remove a batch and its stored rows",
		Long: "Remove a batch, its stored rows and answers. The file of --out stays, and so do\nthe log and the costs.",
		Args: exactArgs("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.batchRemove(cmd.Context(), args, yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) batchRemove(ctx context.Context, args []string, yes bool) error {
	id, err := a.batchID(ctx, args, nil, noBatches)
	if err != nil {
		return err
	}
	if s, err := a.batchStatusOf(ctx, id); err == nil && s.State != batch.Finished && !yes {
		if !a.term.Interactive() {
			return usageError{fmt.Errorf("the batch %s has not finished: %d of %s are done; if you are sure, add --yes", id, s.Done+s.Failed, count(s.Total, "row"))}
		}
		switch sure, err := a.term.Confirm(ctx, fmt.Sprintf("The batch %s has not finished. Remove it?", id)); {
		case err != nil:
			return err
		case !sure:
			return usageError{errors.New("nothing was removed")}
		}
	}
	if err := batch.Remove(a.stateDir(), id); err != nil {
		return err
	}
	a.infof("removed %s", id)
	return nil
}
