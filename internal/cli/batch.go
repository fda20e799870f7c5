package cli

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/table"
)

// batchInput is what `tandem batch` was told.
type batchInput struct {
	file     string
	in       string
	out      string
	encoding string
	params   []string
	pick     pickInput
	work     workInput

	overwrite, resume bool
	escape            bool
	batchAPI          bool // the provider's Batch API runs the rows
	json, dry         bool
	only              string
	sample            sampling
	trusted           trusted
}

// pickInput says which rows of a file are run.
type pickInput struct {
	limit  int
	sample int
	seed   int64
	where  string
}

// workInput says how rows are run, and may differ each time that a batch goes on.
type workInput struct {
	concurrency concurrency
	maxErrors   int
	deadline    string
	budget      optional[float64]
	retryFailed bool
	accept      bool
	nodes       bool // those of a cluster run the rows
}

const nodesUsage = "have the nodes of a cluster run the rows; see tandem node"

const nodesConcurrency = "with --nodes each node has its own number of rows (its --slots); leave out --concurrency"

const escapeFormulasUsage = "in .csv and .tsv files, put ' before texts that a spreadsheet would run as formulas"

func (in *batchInput) register(f *pflag.FlagSet) {
	f.StringVar(&in.in, "in", "", "`file` of rows, whose columns are the chain's inputs; - is standard input")
	f.StringVar(&in.encoding, "encoding", "", "the `name` of the encoding of --in, such as shift_jis (default: recognised)")
	f.StringVar(&in.out, "out", "", "`file` for the answers, in the order of the rows (.jsonl, .csv, .tsv, .parquet); - is standard output, as JSON lines")
	f.BoolVar(&in.escape, "escape-formulas", false, escapeFormulasUsage)
	f.StringArrayVarP(&in.params, "param", "p", nil, "an input that every row has, as `name=value`; value @FILE reads a file")
	in.pick.register(f)
	in.work.register(f)
	f.BoolVar(&in.overwrite, "overwrite", false, "replace the file of --out, and start over")
	f.BoolVar(&in.resume, "resume", false, "continue the batch that writes to --out")
	f.BoolVar(&in.json, "json", false, "print the summary as one JSON object")
	f.BoolVar(&in.dry, "dry-run", false, "show who would answer, and what all rows could cost; call no model")
	f.BoolVar(&in.batchAPI, "batch-api", false, "send the rows to the provider's Batch API: half the price, answers within 24 hours")
	f.BoolVar(&in.work.nodes, "nodes", false, nodesUsage)
	f.StringVar(&in.only, "only", "", "let only this `provider` answer: no fallback")
	in.trusted.register(f)
	in.sample.register(f)
}

func (in *pickInput) register(f *pflag.FlagSet) {
	f.IntVar(&in.limit, "limit", 0, "run only the first `n` rows (of those of --where)")
	f.IntVar(&in.sample, "sample", 0, "run `n` rows chosen at random (of those of --where)")
	f.Int64Var(&in.seed, "sample-seed", 1, "same seed, same rows of --sample")
	f.StringVar(&in.where, "where", "", "run only rows for which this `expression` over their columns is true, such as 'lang == \"de\"'")
}

func (in *workInput) register(f *pflag.FlagSet) {
	f.VarP(&in.concurrency, "concurrency", "j", "rows at a time; auto finds out how many the provider serves")
	f.IntVar(&in.maxErrors, "max-errors", 0, "stop when more than `n` rows have failed (0: never)")
	f.StringVar(&in.deadline, "deadline", "", "start no more rows after this `time`: 8h, 07:30 or 2026-11-30T07:30")
	f.Var(&in.budget, "budget", "most that the whole batch may cost, in US dollars")
	f.BoolVar(&in.retryFailed, "retry-failed", false, "when a batch continues: run the failed rows again")
	f.BoolVar(&in.accept, "accept-changes", false, "when a batch continues: use the chain and settings as they are now")
}

// concurrency is a number of rows, or auto.
type concurrency int

// String, Set and Type make it a pflag.Value.
func (c *concurrency) String() string {
	if *c == 0 {
		return "auto"
	}
	return strconv.Itoa(int(*c))
}

// Set reads a number or auto.
func (c *concurrency) Set(text string) error {
	n, err := strconv.Atoi(text)
	switch {
	case text == "auto":
		*c = 0
	case err != nil || n < 1 || n > maxBatchAtOnce:
		return fmt.Errorf("expected auto, or a number between 1 and %d", maxBatchAtOnce)
	default:
		*c = concurrency(n)
	}
	return nil
}

// Type names the value in help texts.
func (*concurrency) Type() string { return "n" }

// maxBatchAtOnce bounds -j.
const maxBatchAtOnce = 1024

func (a *app) batchCommand() *cobra.Command {
	var in batchInput
	cmd := &cobra.Command{
		Use:   "batch [flags] FILE | NAME --in ROWS --out OUT",
		Short: "Run a chain for every row of a file, durably",
		Long: `Run a chain or prompt file once for each row of a table, and write the answers in
the order of the rows. Every result is stored as it comes: a batch that was
interrupted, or whose machine went down, continues where it was with tandem batch
resume, and no row is lost or answered twice. A FILE of requests in the format of
OpenAI's Batch API needs no rows. See docs/batch.md.`,
		Example: `  tandem batch classify.yaml --in tickets.csv --out answers.jsonl
  tandem batch classify.yaml --in tickets.csv --out answers.csv --only local --deadline 07:30
  tandem batch classify.yaml --in tickets.csv --out a.jsonl --where 'lang == "de"' --sample 100 --dry-run
  tandem batch requests.jsonl --out answers.jsonl
  tandem batch classify.yaml --in tickets.csv --out answers.jsonl --only openai --batch-api
  tandem batch classify.yaml --in tickets.csv --out answers.jsonl --nodes
  tandem batch resume`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && in.in == "" && table.Writable(args[1]) == nil {
				return usageError{fmt.Errorf("`tandem batch` takes one file; for the rows of %s add --in %[1]s", args[1])}
			}
			return exactArgs("a chain file")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in.file = args[0]
			return a.batch(cmd.Context(), in, cmd.Flags())
		},
	}
	in.register(cmd.Flags())
	a.answers.register(cmd.Flags())
	a.tools.register(cmd.Flags())
	cmd.AddCommand(a.batchListCommand(), a.batchStatusCommand(), a.batchWatchCommand(), a.batchResumeCommand(),
		a.batchCancelCommand(), a.batchExportCommand(), a.batchScoreCommand(), a.batchRemoveCommand())
	return cmd
}

// check finds flags that do not go together, or cannot be.
func (in *batchInput) check(requests bool) error {
	for _, f := range []struct {
		wrong bool
		text  string
	}{
		{in.file == stdinPath, "a batch needs its chain in a file, to continue it later"},
		{in.in == "" && !requests, "say which rows: add --in FILE"},
		{in.out == "" && !in.dry, "say where the answers go: add --out FILE"},
		{in.json && in.out == stdinPath, "--json prints the summary to standard output, where --out - writes the answers; use only one of them"},
		{in.overwrite && in.resume, "use only one of --overwrite and --resume"},
		{in.resume && in.dry, "use only one of --resume and --dry-run"},
		{in.resume && in.in == stdinPath, "--resume uses the rows that are stored; leave out --in -, and use `tandem batch resume ID`"},
		{in.work.retryFailed && !in.resume, "--retry-failed needs --resume"},
		{in.work.accept && !in.resume, "--accept-changes needs --resume"},
		{in.work.nodes && in.batchAPI, "use only one of --nodes and --batch-api"},
		{in.work.nodes && in.work.concurrency != 0, nodesConcurrency},
		{in.batchAPI && in.work.concurrency != 0, "with --batch-api the provider runs the rows; leave out --concurrency"},
	} {
		if f.wrong {
			return usageError{errors.New(f.text)}
		}
	}
	if err := in.pick.check(); err != nil {
		return err
	}
	if in.out != "" && in.out != stdinPath {
		if err := table.Writable(in.out); err != nil {
			return usageError{fmt.Errorf("--out: %w", err)}
		}
	}
	return in.work.check(time.Now())
}

func (in *pickInput) check() error {
	switch {
	case in.limit < 0:
		return usageError{errors.New("--limit must be at least 0 (0: all rows)")}
	case in.sample < 0:
		return usageError{errors.New("--sample must be at least 0 (0: all rows)")}
	case in.sample > 0 && in.limit > 0:
		return usageError{errors.New("use only one of --limit and --sample")}
	}
	return nil
}

// given is a flag that chooses rows; empty: none does.
func (in *pickInput) given() string {
	switch {
	case in.where != "":
		return "--where"
	case in.limit > 0:
		return "--limit"
	case in.sample > 0:
		return "--sample"
	}
	return ""
}

func (in *workInput) check(now time.Time) error {
	if in.maxErrors < 0 {
		return usageError{errors.New("--max-errors must be at least 0 (0: any number)")}
	}
	if b := in.budget.value; b != nil && !(*b > 0) {
		return usageError{errors.New("--budget must be more than 0 dollars")}
	}
	_, err := in.left(now)
	return err
}

// left is how long rows may be started; 0: as long as there are any.
func (in *workInput) left(now time.Time) (time.Duration, error) {
	if in.deadline == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(in.deadline); err == nil && d > 0 {
		return d, nil
	}
	if t, err := time.ParseInLocation("15:04", in.deadline, now.Location()); err == nil {
		y, m, d := now.Date()
		at := time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, now.Location())
		if !at.After(now) {
			at = time.Date(y, m, d+1, t.Hour(), t.Minute(), 0, 0, now.Location())
		}
		return at.Sub(now), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, in.deadline, now.Location()); err == nil {
			if !t.After(now) {
				return 0, usageError{fmt.Errorf("--deadline %s has passed", in.deadline)}
			}
			return t.Sub(now), nil
		}
	}
	return 0, usageError{fmt.Errorf("--deadline %q: expected a time such as 8h, 07:30 or 2026-11-30T07:30", in.deadline)}
}
