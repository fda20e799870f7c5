package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// batchRowJSON is a row of a batch's answers, as JSON has it. In a table, each
// input is a column, and so are the tokens.
type batchRowJSON struct {
	Row      int             `json:"row"` // of the input, from 1
	Inputs   map[string]any  `json:"inputs"`
	Answer   string          `json:"answer"`
	Value    any             `json:"value,omitempty"`
	Finish   provider.Finish `json:"finish,omitempty"` // length: it stopped at max_tokens
	OK       bool            `json:"ok"`
	Error    *runner.Error   `json:"error,omitempty"`
	Provider string          `json:"provider,omitempty"`
	Host     string          `json:"host,omitempty"` // of a provider with several
	Model    string          `json:"model,omitempty"`
	Node     string          `json:"node,omitempty"` // that ran the row
	Fallback bool            `json:"fallback"`
	Reason   string          `json:"reason,omitempty"` // of the fallback
	Usage    *provider.Usage `json:"usage,omitempty"`
	USD      *float64        `json:"cost_usd"` // null: not known
	MS       int64           `json:"ms"`
	Attempts int             `json:"attempts"`
}

// writeOut writes the answers to where the batch says: whole, or not at all.
func (a *app) writeOut(ctx context.Context, spec batch.Spec) error {
	if spec.Kind == requests.Kind {
		return a.writeReplies(ctx, spec)
	}
	if spec.Out == stdinPath {
		return a.exportRows(ctx, spec, "stdout.jsonl", a.term.Out)
	}
	return a.exportFile(ctx, spec, spec.Out)
}

// exportFile writes the answers to a file, which takes the place of another one
// when it is complete.
func (a *app) exportFile(ctx context.Context, spec batch.Spec, path string) error {
	err := writeWhole(path, true, func(w io.Writer) error { return a.exportRows(ctx, spec, path, w) })
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("writing %s: %w; the answers are stored: write them with `tandem batch export %s --out FILE`", path, cause(err), spec.ID)
	}
	return nil
}

// exportRows writes the rows that have ended, in the format of a name.
func (a *app) exportRows(ctx context.Context, spec batch.Spec, name string, to io.Writer) error {
	v, err := batch.Look(a.stateDir(), spec.ID)
	if err != nil {
		return err
	}
	defer v.Close()
	layout := jsonLayout()
	if table.Flat(name) {
		layout = flatLayout(spec)
	}
	w, err := table.NewWriter(name, to, layout.columns, table.WriteOptions{EscapeFormulas: spec.EscapeFormulas})
	if err != nil {
		return err
	}
	stopped := 0
	for r, err := range v.Results(ctx) {
		if err != nil {
			return err
		}
		if r.Result.OK && r.Result.Finish == provider.FinishLength {
			stopped++
		}
		if err := w.Write(layout.values(batchRow(&r))); err != nil {
			return err
		}
	}
	if stopped > 0 {
		a.dimf("· %s stopped at max_tokens", count(stopped, "answer"))
	}
	return w.Close()
}

func batchRow(r *batch.Result) *batchRowJSON {
	row := &batchRowJSON{
		Row: r.Number, Inputs: r.Inputs, Answer: r.Result.Answer, Value: r.Result.Value, Finish: r.Result.Finish, OK: r.Result.OK, Error: r.Result.Error,
		Provider: r.Provider, Model: r.Model, Node: r.Result.Node, Fallback: r.Fallback, USD: r.USD, MS: r.Took.Milliseconds(), Attempts: r.Attempts,
		Usage: &provider.Usage{InputTokens: r.Input, OutputTokens: r.Output},
	}
	if r.Result.Usage != nil && r.Attempts == 1 {
		row.Usage = r.Result.Usage
	}
	if r.Result.Route != nil {
		row.Host = r.Result.Route.Host
	}
	if r.Fallback {
		row.Reason = r.Reason
	}
	return row
}

// layout is which columns a file has.
type layout struct {
	columns []table.Column
	values  func(*batchRowJSON) []any
}

func jsonLayout() layout {
	return layout{
		columnsNamed("row", "inputs", "answer", "value", "finish", "ok", "error", "provider", "host", "model", "node", "fallback", "reason", "usage", "cost_usd", "ms", "attempts"),
		func(r *batchRowJSON) []any {
			return []any{r.Row, r.Inputs, r.Answer, r.Value, textOrNil(string(r.Finish)), r.OK, orNil(r.Error), textOrNil(r.Provider), textOrNil(r.Host), textOrNil(r.Model), textOrNil(r.Node), r.Fallback, textOrNil(r.Reason), r.Usage, json.RawMessage(jsonText(r.USD)), r.MS, r.Attempts}
		},
	}
}

func orNil(e *runner.Error) any {
	if e == nil {
		return nil
	}
	return e
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// flatLayout has a column for each input; one whose name is taken begins with
// input_.
func flatLayout(spec batch.Spec) layout {
	own := columnsNamed("answer", "value", "finish", "ok", "error_kind", "error", "provider", "host", "model", "node", "fallback", "reason", "input_tokens", "output_tokens", "cost_usd", "ms", "attempts")
	columns := columnsNamed("row")
	inputs := slices.Concat(spec.Columns, slices.Sorted(maps.Keys(spec.Given)))
	taken := map[string]bool{"row": true}
	for _, c := range own {
		taken[c.Name] = true
	}
	given := maps.Clone(taken)
	for _, name := range inputs {
		taken[name] = true
	}
	for _, name := range inputs {
		if given[name] {
			for taken[name] {
				name = "input_" + name
			}
			taken[name] = true
		}
		columns = append(columns, table.Column{Name: name})
	}
	return layout{append(columns, own...), func(r *batchRowJSON) []any {
		out := []any{r.Row}
		for _, name := range inputs {
			out = append(out, r.Inputs[name])
		}
		var kind, message any
		if r.Error != nil {
			kind, message = r.Error.Kind, r.Error.Message
		}
		var usd any
		if r.USD != nil {
			usd = *r.USD
		}
		return append(out, r.Answer, r.Value, string(r.Finish), r.OK, kind, message, r.Provider, r.Host, r.Model, r.Node, r.Fallback, r.Reason, r.Usage.InputTokens, r.Usage.OutputTokens, usd, r.MS, r.Attempts)
	}}
}

// columnsNamed are columns of a batch's answers, by their names.
func columnsNamed(names ...string) []table.Column {
	types := map[string]table.ColumnType{
		"row": table.Integer, "ok": table.Bool, "fallback": table.Bool, "input_tokens": table.Integer, "output_tokens": table.Integer,
		"cost_usd": table.Number, "ms": table.Integer, "attempts": table.Integer,
	}
	out := make([]table.Column, len(names))
	for i, name := range names {
		out[i] = table.Column{Name: name, Type: types[name]}
	}
	return out
}

// failuresText counts failures by their kinds.
func failuresText(s batch.Status) string { return kindsText(s.Failures) }

// kindsText are kinds of errors with how many there were.
func kindsText(kinds map[string]int) string { return strings.ReplaceAll(countsText(kinds), "_", " ") }

// countsText are names with how many there were of each, such as "gpu1:11434 60, gpu2:11434
// 40".
func countsText(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", terminal.OneLine(name), counts[name]))
	}
	return strings.Join(parts, ", ")
}
