package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// maxRowsAtOnce bounds --concurrency.
const maxRowsAtOnce = 64

// rowsInput is what `tandem run --each` was told.
type rowsInput struct {
	file, encoding   string
	limit            int
	concurrency      int
	limited, bounded bool // the flags were given
}

func (in *rowsInput) register(f *pflag.FlagSet) {
	f.StringVar(&in.file, "each", "", "run once for each row of this `file` (.csv, .tsv, .jsonl, .json, .parquet), whose columns are the inputs; - is standard input")
	f.StringVar(&in.encoding, "encoding", "", "with --each: the `name` of the file's encoding, such as shift_jis (default: recognised)")
	f.IntVar(&in.limit, "limit", 0, "with --each: run only the first `n` rows (default: all)")
	f.IntVar(&in.concurrency, "concurrency", 1, "with --each: run this many rows at the same time")
}

// rowJSON is what --each prints for a row: one object on one line. With --json it
// is the whole result.
type rowJSON struct {
	Row    int            `json:"row"` // from 1
	Inputs map[string]any `json:"inputs"`
	Answer string         `json:"answer"`
	Value  any            `json:"value,omitempty"`
	Finish string         `json:"finish,omitempty"`
	OK     bool           `json:"ok"`
	Error  *runner.Error  `json:"error,omitempty"`
}

// rowResult is what --each prints for a row with --json.
type rowResult struct {
	Row    int            `json:"row"` // from 1
	Inputs map[string]any `json:"inputs"`
	runner.Result
}

// errRows is some rows that failed: each has told why.
type errRows struct{ failed, of int }

func (e errRows) Error() string {
	return fmt.Sprintf("%d of %s failed; see their lines for the reasons", e.failed, count(e.of, "row"))
}

func (errRows) ExitCode() int { return exitRows }

// openRows opens a file of rows, of which nothing is guessed. A pipe and standard
// input can be read once, and are read whole.
func (a *app) openRows(ctx context.Context, name, encoding string) (*table.File, error) {
	if name == stdinPath {
		data, err := readBytes(ctx, "standard input", a.term.In)
		if err != nil {
			return nil, err
		}
		return strictRows(table.Text("stdin"+rowsExtension(data), string(data)), encoding)
	}
	st, err := os.Stat(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("cannot read %s: %w", name, cause(err))}
	}
	file := table.New(name, func() (io.ReadCloser, error) { return os.Open(name) })
	if !st.Mode().IsRegular() {
		data, err := readFile(ctx, name, maxInput)
		if err != nil {
			return nil, err
		}
		file = table.Text(name, string(data))
	}
	return strictRows(file, encoding)
}

func strictRows(file *table.File, encoding string) (*table.File, error) {
	file = file.Strict()
	if encoding == "" {
		return file, nil
	}
	file, err := file.WithEncoding(encoding)
	if err != nil {
		return nil, usageError{fmt.Errorf("--encoding: %w", err)}
	}
	return file, nil
}

// runRows runs the chain once for each row, and prints a line for each, in
// order. A row that fails stops no other.
func (a *app) runRows(ctx context.Context, r *running, in runInput) error {
	n := r.rows.Len
	if limit := in.rows.limit; limit > 0 {
		n = min(n, limit)
	}
	if how := r.rows.Format.Remarkable(); how != "" {
		a.dimf("· read %s: %s", in.rows.file, how)
	}
	if len(r.rows.Unused) > 0 {
		a.dimf("· ignored columns, which are not inputs of the chain: %s", strings.Join(r.rows.Unused, ", "))
	}
	a.sayEmpty(in.rows.file, r.rows)
	done := func(ended int) {
		if !a.flags.quiet {
			a.term.SetStatus(a.term.Dim(fmt.Sprintf("· %d of %s done", ended, count(n, "row"))))
		}
	}
	done(0)
	began := time.Now()
	o := batch.EachOptions{Concurrency: in.rows.concurrency, RowDone: done}
	var total rowTotals
	for row, err := range batch.Each(ctx, r.job, r.rows.First(n), o) {
		if err != nil {
			return err
		}
		total.add(&row)
		a.term.SetStatus("")
		if err := terminal.WriteJSON(a.term.Out, a.rowLine(row, in.json)); err != nil {
			return fmt.Errorf("writing the answers: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		a.term.SetStatus("")
		a.dimf("· %d of %s done; to be able to resume, use `tandem batch %s --in %s --out answers.jsonl`", total.rows, count(n, "row"), in.file, in.rows.file)
		return err
	}
	a.sayRows(&total, r.rows.Len, time.Since(began))
	if total.failed > 0 {
		return errRows{total.failed, total.rows}
	}
	return nil
}

// sayEmpty warns of cells that are sent as empty inputs.
func (a *app) sayEmpty(name string, rows *table.Bound) {
	e := rows.Empty
	if e.Cells == 0 {
		return
	}
	more := ""
	switch n := e.Cells - 1; {
	case n == 1:
		more = ", and so is 1 more cell"
	case n > 1:
		more = fmt.Sprintf(", and so are %d more cells", n)
	}
	a.infof("%s %s:%d: row %d: the input %q is empty%s", a.term.Yellow("warning:"), terminal.OneLine(name), e.Line, e.Row, e.Input, more)
}

// rowTotals are what the rows came to together.
type rowTotals struct {
	rows, failed int
	stopped      int // of those that did not fail: cut at the limit that was set
	usage        provider.Usage
	unknown      bool // a server did not say what a call used
}

func (t *rowTotals) add(row *batch.Outcome) {
	t.rows++
	if row.Err != nil {
		t.failed++
	}
	if row.Stopped > 0 {
		t.stopped++
	}
	if row.Usage == nil {
		t.unknown = true
		return
	}
	t.usage = t.usage.Add(*row.Usage)
}

func (a *app) rowLine(row batch.Outcome, full bool) any {
	r := a.shownResult(row.Result, row.Err)
	if full {
		return rowResult{row.Row, row.Inputs, r}
	}
	return rowJSON{row.Row, row.Inputs, r.Answer, r.Value, string(r.Finish), r.OK, r.Error}
}

func (a *app) sayRows(total *rowTotals, all int, took time.Duration) {
	line := fmt.Sprintf("· %s: %d answered", count(total.rows, "row"), total.rows-total.failed)
	if total.failed > 0 {
		line += fmt.Sprintf(", %d failed", total.failed)
	}
	if total.stopped > 0 {
		line += fmt.Sprintf(", %d of them stopped at max_tokens", total.stopped)
	}
	if u := total.usage; !total.unknown && u != (provider.Usage{}) {
		line += fmt.Sprintf(" · %d+%d tokens", u.InputTokens, u.OutputTokens)
	}
	a.dimf("%s · %s", line, short(took))
	if left := all - total.rows; left > 0 {
		a.dimf("· %s left out by --limit", count(left, "row"))
	}
}

// dimf writes a dim line, unless quiet.
func (a *app) dimf(format string, args ...any) {
	if !a.flags.quiet {
		text := terminal.StripControls(fmt.Sprintf(format, args...))
		a.term.Noticef("%s", a.term.Dim(text))
	}
}
