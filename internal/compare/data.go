package compare

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/provider"
)

// Data is what a comparison has brought so far.
type Data struct {
	Plan   Plan
	Checks *check.Set
	Rows   []*Row // in the order in which they were run
	// JudgeUSD is what the calls of checks cost, as far as it is known, and
	// JudgeUnpriced how many have no known cost.
	JudgeUSD      float64
	JudgeUnpriced int

	// stored are the store's scores by check, as they were when the check's first score
	// was looked for: their costs are in JudgeUSD.
	stored map[string]map[batch.ItemID]json.RawMessage
}

// Row is a row with all of its answers.
type Row struct {
	Order   int // from 1: its place in the run
	Number  int // of the input, from 1
	Columns map[string]any
	Cells   [][]Cell // by variant and repeat
	// Preferences are by pairwise check and variant: the first variant's answer
	// against that one's. Of repeats only the first is compared.
	Preferences [][]*check.Preference
}

// Cell is one answer.
type Cell struct {
	Ended    bool // it was asked, and answered or refused
	OK       bool
	Answer   string
	Value    any
	Error    *runner.Error
	Provider string
	Model    string
	Fallback bool
	Input    int // tokens
	Output   int
	USD      *float64
	Took     time.Duration
	First    time.Duration // to the first token; 0: not known
	Speed    float64       // tokens a second; 0: not known
	Private  bool          // only this machine may be asked about it

	Outcomes []check.Outcome // of the checks that score one answer and are about the row
	Score    float64
	Pass     bool
	Scored   bool   // Score counts
	Unscored string // why it does not
}

// Load reads the answers that there are.
func Load(ctx context.Context, v *batch.View, plan Plan, set *check.Set) (*Data, error) {
	d := &Data{Plan: plan, Checks: set}
	for r, err := range v.Results(ctx) {
		if err != nil {
			return nil, err
		}
		d.Add(r.Row, r.Number, r.Variant, r.Repeat, r.Inputs, &r)
	}
	return d, nil
}

// Add adds an answer; rows come in any order.
func (d *Data) Add(order, number, variant, repeat int, columns map[string]any, r *batch.Result) {
	row := d.row(order, number, columns)
	if variant >= len(row.Cells) || repeat >= len(row.Cells[variant]) {
		return
	}
	row.Cells[variant][repeat] = cellOf(r)
}

// AddOutcome adds an answer that has just come, and returns its row.
func (d *Data) AddOutcome(o *batch.Outcome) *Row {
	r := batch.Result{Result: o.Result, Provider: o.Tally.Provider, Model: o.Tally.Model, Fallback: o.Tally.Fallback, Input: o.Tally.Input, Output: o.Tally.Output, Took: o.Took}
	if o.Tally.Unpriced == 0 {
		r.USD = &o.Tally.USD
	}
	d.Add(o.Row, o.Number, o.Variant, o.Repeat, o.Inputs, &r)
	return d.row(o.Row, o.Number, o.Inputs)
}

// At is the row that was run in this place, from 1; nil: it has no answer yet.
func (d *Data) At(order int) *Row {
	i, found := slices.BinarySearchFunc(d.Rows, order, func(r *Row, order int) int { return r.Order - order })
	if !found {
		return nil
	}
	return d.Rows[i]
}

// Complete reports whether all answers to a row have come.
func (row *Row) Complete() bool {
	for v := range row.Cells {
		for r := range row.Cells[v] {
			if !row.Cells[v][r].Ended {
				return false
			}
		}
	}
	return true
}

// Drop forgets the texts of a row that is looked at no more: what was asked and answered,
// and why its checks decided as they did.
func (row *Row) Drop() {
	row.Columns, row.Preferences = nil, nil
	for v := range row.Cells {
		for r := range row.Cells[v] {
			row.Cells[v][r] = Cell{Ended: true}
		}
	}
}

// Scored reports whether the row has a score in every variant.
func (row *Row) Scored() bool {
	for v := range row.Cells {
		if _, ok := row.mean(v); !ok {
			return false
		}
	}
	return true
}

func (d *Data) row(order, number int, columns map[string]any) *Row {
	i, found := slices.BinarySearchFunc(d.Rows, order, func(r *Row, order int) int { return r.Order - order })
	if found {
		return d.Rows[i]
	}
	row := &Row{Order: order, Number: number, Columns: columns, Cells: make([][]Cell, len(d.Plan.Variants))}
	for v := range row.Cells {
		row.Cells[v] = make([]Cell, max(1, d.Plan.Repeats))
	}
	for range d.Checks.Pairs() {
		row.Preferences = append(row.Preferences, make([]*check.Preference, len(d.Plan.Variants)))
	}
	d.Rows = slices.Insert(d.Rows, i, row)
	return row
}

func cellOf(r *batch.Result) Cell {
	c := Cell{
		Ended: true, OK: r.Result.OK, Answer: r.Result.Answer, Value: r.Result.Value, Error: r.Result.Error,
		Provider: r.Provider, Model: r.Model, Fallback: r.Fallback, Input: r.Input, Output: r.Output, USD: r.USD, Took: r.Took,
		Private: r.Result.StaysLocal,
	}
	c.First, c.Speed = pace(&r.Result)
	return c
}

// fastest is more tokens a second than an engine writes for one caller.
const fastest = 20_000

// pace is the time to the first token of the last step, and the tokens a second of
// all steps. What came from a cache, or in one piece, has neither.
func pace(r *runner.Result) (first time.Duration, speed float64) {
	tokens, writing := 0, time.Duration(0)
	for _, s := range r.Steps {
		if s.Route == nil || s.Usage == nil || s.Void != "" || fromCache(s.Route) {
			continue
		}
		first = s.Route.FirstToken
		wrote, t := s.Usage.OutputTokens-1, s.Route.Total-s.Route.FirstToken // the first token is what FirstToken waited for
		switch {
		case wrote < 1:
		case float64(wrote) > fastest*t.Seconds():
			first = 0 // it came in one piece: this was all of the time
		default:
			tokens += wrote
			writing += t
		}
	}
	if writing > 0 {
		speed = float64(tokens) / writing.Seconds()
	}
	return first, speed
}

func fromCache(r *provider.Route) bool {
	return r.Cost != nil && r.Cost.Basis == "cache" || strings.HasPrefix(r.Reason, "from the cache")
}

// notTheModels are failures that say nothing of how good an answer is: they are left
// out of both sides. All others are answers that did not come, and count as 0.
func notTheModels(e *runner.Error) bool {
	switch provider.Kind(e.Kind) {
	case provider.Truncated, provider.BadAnswer, provider.ContextOverflow, provider.Filtered, "error":
		return false
	}
	return true
}

// byNumber are the rows in the order of the input.
func (d *Data) byNumber() []*Row {
	rows := slices.Clone(d.Rows)
	slices.SortFunc(rows, func(a, b *Row) int { return a.Number - b.Number })
	return rows
}

// named is an outcome with its check.
type named struct {
	check   *check.Check
	outcome check.Outcome
}

func (d *Data) outcomes(row *Row, c *Cell) []named {
	var out []named
	at := 0
	for _, k := range d.Checks.Single() {
		if k.AppliesTo(row.Number) && at < len(c.Outcomes) {
			out = append(out, named{k, c.Outcomes[at]})
			at++
		}
	}
	return out
}
