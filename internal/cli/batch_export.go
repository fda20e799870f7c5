package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/table"
)

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
	if left := s.Left + s.Active + s.Sent; left > 0 {
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
	if s, err := a.batchStatusOf(ctx, id); err == nil && s.Sent > 0 && s.BatchAPI != "" {
		if err := a.abandonSent(ctx, &s, yes); err != nil {
			return err
		}
	} else if err == nil && !s.Over && !yes {
		if !a.term.Interactive() {
			return usageError{fmt.Errorf("the batch %s has not finished: %s; if you are sure, add --yes", id, doneText(s))}
		}
		switch sure, err := a.term.Confirm(ctx, fmt.Sprintf("The batch %s has not finished. Remove it?", id)); {
		case err != nil:
			return err
		case !sure:
			return usageError{errors.New("nothing was removed")}
		}
	}
	if s, err := a.batchStatusOf(ctx, id); err == nil && s.Cluster != "" {
		cfg, err := a.load()
		if err == nil {
			err = a.removeFromCluster(ctx, nil, cfg, &s.Spec)
		}
		if err != nil && !yes {
			return fmt.Errorf("the cluster %s has a copy of the batch, with its inputs and answers, which could not be removed: %w; remove the batch when the cluster answers, or only here with --yes", s.Cluster, err)
		}
		if err != nil {
			a.term.Noticef("%s the cluster %s keeps its copy of the batch: %s", a.term.Yellow("warning:"), s.Cluster, a.explain(err))
		}
	}
	if err := batch.Remove(a.stateDir(), id); err != nil {
		return err
	}
	a.infof("removed %s", id)
	return nil
}
