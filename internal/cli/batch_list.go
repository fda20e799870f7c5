package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
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
	t := a.term.Table("ID", "STATE", "ROWS", "FAILED", "COST", "STARTED", "CHAIN", "OUT").
		MayCut("CHAIN", "OUT").MayDrop("COST", "STARTED", "CHAIN", "FAILED", "OUT")
	for _, s := range all {
		t.Row(s.ID, stateText(&s), fmt.Sprintf("%d/%d", s.Done+s.Failed, s.Total), s.Failed, ledger.Dollars(s.USD), s.Created.Local().Format("2006-01-02 15:04"), filepath.Base(chainOrRequests(&s.Spec)), outText(&s.Spec))
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

// outText is where the answers go.
func outText(s *batch.Spec) string {
	if s.Owner == batch.OwnerServe {
		return "tandem serve"
	}
	return s.Out
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

// stateText is a batch's state for a reader.
func stateText(s *batch.Status) string {
	switch {
	case s.State == batch.Waiting && s.Owner == batch.OwnerServe:
		return "waiting" // for tandem serve, which continues it
	case s.State == batch.Waiting, s.State == batch.Reading && s.Holder == nil && s.Owner == "":
		return "interrupted"
	}
	return string(s.State)
}

// nextText is how a batch goes on that nobody runs; empty: it runs, or is over.
func nextText(s *batch.Status) string {
	switch {
	case s.Over, s.Holder != nil:
	case s.State == batch.Waiting && s.Owner == batch.OwnerServe:
		return "`tandem serve` continues it when it runs"
	case s.Owner != "":
	case s.State == batch.Reading:
		return fmt.Sprintf("its rows were not read, remove it with `tandem batch rm %s`", s.ID)
	case s.State == batch.Waiting, s.State == batch.Cancelled:
		return fmt.Sprintf("continue with `tandem batch resume %s`", s.ID)
	}
	return ""
}

func (a *app) printBatch(s batch.Status) error {
	t := a.term.Table()
	t.Row("batch", s.ID)
	state := stateText(&s)
	if h := s.Holder; h != nil && h.PID != 0 {
		state += fmt.Sprintf(" (process %d on %s since %s)", h.PID, h.Host, h.Since.Local().Format("2006-01-02 15:04"))
	}
	if s.Waiting {
		state += ", waiting for interactive calls"
	}
	if s.Away {
		state += ", waiting for the provider"
	}
	if next := nextText(&s); next != "" {
		state += "; " + next
	}
	t.Row("state", state)
	for _, m := range s.Mistakes {
		t.Row("mistake", terminal.OneLine(m))
	}
	t.Row(unit(&s)+"s", fmt.Sprintf("%d: %d answered, %d failed, %d left", s.Total, s.Done, s.Failed, s.Left+s.Active+s.Sent))
	if s.Cluster != "" {
		t.Row("nodes", fmt.Sprintf("%s with the nodes of the cluster %s; see `tandem nodes`", count(s.Sent, "row"), s.Cluster))
	}
	if len(s.Nodes) > 0 {
		t.Row("by node", countsText(s.Nodes))
	}
	if len(s.Hosts) > 0 {
		t.Row("by host", countsText(s.Hosts))
	}
	for i := range s.Parts {
		t.Row("at "+s.BatchAPI, partText(&s.Parts[i]))
	}
	if s.Failed > 0 {
		t.Row("failures", failuresText(s))
	}
	if s.Fallback > 0 {
		t.Row("fallback", fmt.Sprintf("%d answered by a fallback", s.Fallback))
	}
	t.Row("tokens", fmt.Sprintf("%d in, %d out", s.Input, s.Output))
	t.Row("cost", moneyText(s))
	if s.Repeated > 0 {
		t.Row("repeated", repeatedText(s))
	}
	t.Row("time", short(s.Ran))
	if s.Waits > 0 {
		t.Row("waits", strings.TrimPrefix(waitsText(s), "waited "))
	}
	if s.Chain.File != "" {
		t.Row("chain", s.Chain.File)
	}
	t.Row("input", s.Spec.Input.File)
	if s.Picked != "" {
		t.Row("picked", s.Picked)
	}
	t.Row("output", outText(&s.Spec))
	t.Row("started", s.Created.Local().Format("2006-01-02 15:04:05"))
	return t.Flush()
}

func (a *app) batchWatchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch [ID]", Short: "Follow a batch that another process runs, to its end",
		Long: "Follow a batch until it stops running, and show its result.", Args: atMostOne("a batch's ID"),
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
started. tandem batch resume continues it, unless it came through tandem serve.`,
		Args: atMostOne("a batch's ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.batchCancel(cmd.Context(), args) },
	}
}

func (a *app) batchCancel(ctx context.Context, args []string) error {
	id, err := a.batchID(ctx, args, func(s batch.Status) bool { return s.State == batch.Running || s.Sent > 0 }, "no batch is running; see `tandem batch list`")
	if err != nil {
		return err
	}
	s, err := a.batchStatusOf(ctx, id)
	if err != nil {
		return err
	}
	if s.Over {
		return usageError{fmt.Errorf("the batch %s has finished", id)}
	}
	if s.Sent > 0 && s.Holder == nil {
		if err := a.cancelSent(ctx, id, nil); err != nil {
			return err
		}
		if s, err = a.batchStatusOf(ctx, id); err != nil {
			return err
		}
	}
	if err := batch.Cancel(ctx, a.stateDir(), id); err != nil {
		return err
	}
	what := doneText(s)
	if s.Holder != nil {
		what = "the rows that are being answered end first" // so that nobody knows yet how many are done
	}
	next := fmt.Sprintf("; continue with `tandem batch resume %s`", id)
	if s.Owner == batch.OwnerServe {
		next = "" // no one does
	}
	a.infof("cancelled %s: %s%s", id, what, next)
	return nil
}
