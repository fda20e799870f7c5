package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// maxRowsAtOnce bounds --concurrency.
const maxRowsAtOnce = 64

// rowsInput is what `tandem run --each` was told.
type rowsInput struct {
	file             string
	limit            int
	concurrency      int
	limited, bounded bool // the flags were given
}

func (in *rowsInput) register(f *pflag.FlagSet) {
	f.StringVar(&in.file, "each", "", "run once for each row of this `file` (.csv, .tsv, .jsonl, .json), whose columns are the inputs")
	f.IntVar(&in.limit, "limit", 5, "with --each: how many rows (0: all)")
	f.IntVar(&in.concurrency, "concurrency", 1, "with --each: how many rows at a time")
}

// rowJSON is what --each prints for a row: one object on one line.
type rowJSON struct {
	Row    int            `json:"row"` // from 1
	Inputs map[string]any `json:"inputs"`
	Answer string         `json:"answer"`
	Value  any            `json:"value,omitempty"`
	OK     bool           `json:"ok"`
	Error  *errorJSON     `json:"error,omitempty"`
}

// fullRowJSON is the same with --json.
type fullRowJSON struct {
	Row    int            `json:"row"`
	Inputs map[string]any `json:"inputs"`
	envelope
}

// rowDone is what came of a row.
type rowDone struct {
	out *outcome
	err error
	ran bool
}

// errRows is some rows that failed: each has told why.
type errRows struct{ failed, of int }

func (e errRows) Error() string {
	return fmt.Sprintf("%d of %s failed; their lines say why", e.failed, count(e.of, "row"))
}

func (errRows) ExitCode() int { return exitRows }

// runRows runs the chain once for each row, and prints a line for each, in
// order. A row that fails stops no other.
func (a *app) runRows(ctx context.Context, r *running, t *table, in runInput) error {
	rows := t.rows
	if n := in.rows.limit; n > 0 && n < len(rows) {
		rows = rows[:n]
	}
	if len(t.unused) > 0 {
		a.tell("· not inputs of the chain, and left out: %s", strings.Join(t.unused, ", "))
	}
	began := time.Now()
	done := make([]rowDone, len(rows))
	ready := make([]chan struct{}, len(rows))
	for i := range ready {
		ready[i] = make(chan struct{})
	}
	var next, ended atomic.Int64
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range min(in.rows.concurrency, len(rows)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(rows); i = int(next.Add(1)) - 1 {
				if ctx.Err() == nil {
					done[i].out, done[i].err = r.run(ctx, rows[i].inputs, silentSteps{})
					done[i].ran = true
				}
				if !a.flags.quiet {
					a.term.SetStatus(a.term.Dim(fmt.Sprintf("· row %d/%d", ended.Add(1), len(rows))))
				}
				close(ready[i])
			}
		})
	}
	failed, total := 0, &outcome{}
	for i := range rows {
		<-ready[i]
		d := &done[i]
		if !d.ran {
			break // interrupted
		}
		if d.err != nil {
			failed++
		}
		total.usage, total.untold = total.usage.Add(d.out.usage), total.untold || d.out.untold
		a.term.SetStatus("")
		if err := terminal.WriteJSON(a.term.Out, a.rowLine(i, rows[i].inputs, d, in.json)); err != nil {
			return fmt.Errorf("writing the answers: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a.sayRows(len(rows), failed, len(t.rows), total, time.Since(began))
	if failed > 0 {
		return errRows{failed, len(rows)}
	}
	return nil
}

func (a *app) rowLine(i int, inputs map[string]any, d *rowDone, full bool) any {
	env := runEnvelope(d.out, d.err)
	if d.err != nil {
		env.Error = a.errorOf(d.err)
	}
	if full {
		return fullRowJSON{i + 1, inputs, env}
	}
	return rowJSON{i + 1, inputs, env.Answer, env.Value, env.OK, env.Error}
}

func (a *app) sayRows(ran, failed, all int, total *outcome, took time.Duration) {
	line := fmt.Sprintf("· %s: %d answered", count(ran, "row"), ran-failed)
	if failed > 0 {
		line += fmt.Sprintf(", %d failed", failed)
	}
	if u := total.usage; !total.untold && u != (provider.Usage{}) {
		line += fmt.Sprintf(" · %d+%d tokens", u.InputTokens, u.OutputTokens)
	}
	a.tell("%s · %s", line, short(took))
	if left := all - ran; left > 0 {
		a.tell("· %s left out; --limit 0 runs all", count(left, "row"))
	}
}

// tell writes a dim line, unless quiet.
func (a *app) tell(format string, args ...any) {
	if !a.flags.quiet {
		text := terminal.StripControls(fmt.Sprintf(format, args...))
		a.term.Noticef("%s", a.term.Dim(text))
	}
}
