package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/provider/ledger"
)

type pageRow struct {
	Number      int
	Brief       string
	Differs     bool
	Unscored    bool
	Fails       string
	Inputs      []fact
	Cells       []pageCell
	Preferences []string
}

type pageCell struct {
	Name, Label, Base string
	Repeat            int
	Class, Chip, Word string
	Answer, Error     string
	Diff              []Span
	Outcomes          []classed
	Meta              string
}

func (d *Data) pageRow(row *Row) pageRow {
	out := pageRow{Number: row.Number}
	for _, name := range slices.Sorted(maps.Keys(row.Columns)) {
		text := textOf(row.Columns[name])
		out.Inputs = append(out.Inputs, fact{name, cut(text, maxPageText)})
		if len([]rune(out.Brief)) < 200 {
			out.Brief = strings.TrimPrefix(out.Brief+" · "+cut(strings.Join(strings.Fields(text), " "), 120), " · ")
		}
	}
	var fails []string
	var seen []float64
	for v := range row.Cells {
		failed := false
		for i := range row.Cells[v] {
			c := &row.Cells[v][i]
			out.Cells = append(out.Cells, d.pageCell(row, v, i, c))
			failed = failed || c.Scored && !c.Pass
			out.Unscored = out.Unscored || !c.Scored
		}
		if failed {
			fails = append(fails, fmt.Sprint(v))
		}
		if s, ok := row.mean(v); ok {
			seen = append(seen, s)
		}
	}
	out.Fails = strings.Join(fails, " ")
	out.Differs = len(seen) > 1 && slices.Min(seen) != slices.Max(seen)
	for k, c := range d.Checks.Pairs() {
		for v, p := range row.Preferences[k] {
			if p == nil {
				continue
			}
			out.Preferences = append(out.Preferences, d.preferenceText(c.Name, v, p.First(), p.Error, p.Why))
		}
	}
	return out
}

func (d *Data) preferenceText(name string, v int, first float64, failed, why string) string {
	a, b := d.Plan.Variants[0].Name, d.Plan.Variants[v].Name
	switch {
	case failed != "":
		return fmt.Sprintf("%s: no verdict on %s and %s: %s", name, a, b, failed)
	case first > 0.5:
		return fmt.Sprintf("%s: %s rather than %s. %s", name, a, b, why)
	case first < 0.5:
		return fmt.Sprintf("%s: %s rather than %s. %s", name, b, a, why)
	}
	return fmt.Sprintf("%s: a tie of %s and %s. %s", name, a, b, why)
}

func (d *Data) pageCell(row *Row, v, repeat int, c *Cell) pageCell {
	out := pageCell{Name: d.Plan.Variants[v].Name, Label: d.Plan.Variants[v].Name, Base: d.Plan.Variants[0].Name, Repeat: repeat, Answer: cut(c.Answer, maxPageText)}
	if len(row.Cells[v]) > 1 {
		out.Label += fmt.Sprintf(", run %d", repeat+1)
	}
	switch {
	case !c.Ended:
		out.Class, out.Word = "", "not asked"
	case !c.Scored && len(d.Checks.Single()) == 0 && c.OK:
		out.Class, out.Word = "", "answered"
	case !c.Scored:
		out.Class, out.Word = "undecided", "no score"
	case c.Pass:
		out.Class, out.Word = "good", "pass"
	default:
		out.Class, out.Word = "bad", "fail"
	}
	if c.Scored && d.Checks.Mode == "mean" {
		out.Word = decimals(100 * c.Score)
	}
	out.Chip = cut(out.Name, 16) + ": " + out.Word
	if c.Error != nil {
		out.Error = c.Error.Message
	} else if !c.Scored && c.Ended && len(d.Checks.Single()) > 0 {
		out.Outcomes = append(out.Outcomes, classed{"undecided", "no score", c.Unscored})
	}
	if base := &row.Cells[0][min(repeat, len(row.Cells[0])-1)]; v > 0 && c.OK && base.OK && base.Answer != c.Answer {
		out.Diff, _ = diffWords(base.Answer, c.Answer)
	}
	for _, o := range d.outcomes(row, c) {
		k := classed{"bad", o.check.Name, o.outcome.Why}
		switch {
		case !o.outcome.Scored():
			k.Class, k.Text = "undecided", o.outcome.Error
		case o.outcome.Pass:
			k.Class = "good"
		}
		out.Outcomes = append(out.Outcomes, k)
	}
	out.Meta = c.metaText()
	return out
}

func (c *Cell) metaText() string {
	var parts []string
	if c.Provider != "" {
		parts = append(parts, strings.TrimSpace(c.Provider+" "+c.Model))
	}
	if c.Fallback {
		parts = append(parts, "fallback")
	}
	if c.Took > 0 {
		parts = append(parts, timeText(c.Took))
	}
	if c.Input+c.Output > 0 {
		parts = append(parts, fmt.Sprintf("%d+%d tokens", c.Input, c.Output))
	}
	if c.USD != nil {
		parts = append(parts, ledger.Dollars(*c.USD))
	}
	return strings.Join(parts, " · ")
}
