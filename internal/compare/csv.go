package compare

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/tandem-llm/tandem/internal/check"
)

// WriteCSV writes every answer with its scores, a line each.
func (r *Report) WriteCSV(w io.Writer) error {
	d := r.Data
	columns := map[string]bool{}
	for _, row := range d.Rows {
		for name := range row.Columns {
			columns[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(columns))
	single := d.Checks.Single()
	head := []string{"row", "target", "repeat", "ok", "answer", "score", "pass", "unscored", "error", "provider", "model", "fallback", "cost_usd", "ms", "first_token_ms", "tokens_per_s"}
	for _, n := range names {
		head = append(head, "input_"+n)
	}
	for _, c := range single {
		head = append(head, "check_"+c.Name, "why_"+c.Name)
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	for _, row := range d.byNumber() {
		for v := range row.Cells {
			for i := range row.Cells[v] {
				c := &row.Cells[v][i]
				if !c.Ended {
					continue
				}
				if err := out.Write(d.csvLine(row, v, i, c, names, single)); err != nil {
					return err
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}

func (d *Data) csvLine(row *Row, v, repeat int, c *Cell, names []string, single []*check.Check) []string {
	score, message, usd, first, speed := "", "", "", "", ""
	if c.Scored {
		score = short(c.Score)
	}
	if c.Error != nil {
		message = c.Error.Message
	}
	if c.USD != nil {
		usd = short(*c.USD)
	}
	if c.First > 0 {
		first = fmt.Sprint(c.First.Milliseconds())
	}
	if c.Speed > 0 {
		speed = strconv.FormatFloat(c.Speed, 'f', 2, 64)
	}
	line := []string{
		fmt.Sprint(row.Number), d.Plan.Variants[v].Name, fmt.Sprint(repeat), fmt.Sprint(c.OK), c.Answer, score, fmt.Sprint(c.Scored && c.Pass), c.Unscored,
		message, c.Provider, c.Model, fmt.Sprint(c.Fallback), usd, fmt.Sprint(c.Took.Milliseconds()), first, speed,
	}
	for _, n := range names {
		line = append(line, textOf(row.Columns[n]))
	}
	by := map[string]check.Outcome{}
	for _, k := range d.outcomes(row, c) {
		by[k.check.Name] = k.outcome
	}
	for _, k := range single {
		o, ok := by[k.Name]
		switch {
		case !ok:
			line = append(line, "", "")
		case !o.Scored():
			line = append(line, "", o.Error)
		default:
			line = append(line, short(o.Score), o.Why)
		}
	}
	return line
}
