package compare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/check"
)

// ScoreRow is [Data.Score] of one row.
func (d *Data) ScoreRow(ctx context.Context, row *Row, s Scoring) error {
	return d.scoreRows(ctx, []*Row{row}, s)
}

// Store keeps what checks said that would take a call to say again.
type Store interface {
	All(ctx context.Context, name string) (map[batch.ItemID]json.RawMessage, float64, error)
	Put(ctx context.Context, name string, id batch.ItemID, score json.RawMessage, usd float64) error
	// Spend keeps what calls cost that brought no score.
	Spend(ctx context.Context, name string, id batch.ItemID, usd float64) error
}

// Scoring is how answers are scored.
type Scoring struct {
	Tools       *check.Tools
	Store       Store              // nil: nothing is kept
	Concurrency int                // of calls; less than 1: one
	Done        func(done, of int) // if not nil, is told how many calls' scores are there
	// Meter is asked for what a check's calls cost.
	Meter func(ctx context.Context) (context.Context, func() (usd float64, unpriced int))
}

// task is a score that takes calls.
type task struct {
	check   int // of Single or Pairs
	pair    bool
	row     *Row
	variant int
	repeat  int
	at      int // of the cell's outcomes
}

// Score scores all answers that have none yet. Checks that make calls are asked for
// those that the store does not have, and stored one by one: what was interrupted
// goes on where it was. An error stops it, and what was scored stays.
func (d *Data) Score(ctx context.Context, s Scoring) error {
	return d.scoreRows(ctx, d.Rows, s)
}

func (d *Data) scoreRows(ctx context.Context, rows []*Row, s Scoring) error {
	single, pairs := d.Checks.Single(), d.Checks.Pairs()
	var tasks []task
	for _, row := range rows {
		for v := range row.Cells {
			for r := range row.Cells[v] {
				t, err := d.scoreCell(ctx, row, v, r, single)
				if err != nil {
					return err
				}
				tasks = append(tasks, t...)
			}
			for p, c := range pairs {
				if v > 0 && row.Preferences[p][v] == nil && c.AppliesTo(row.Number) && !d.Plan.Variants[v].Noise && row.Cells[0][0].OK && row.Cells[v][0].OK {
					tasks = append(tasks, task{check: p, pair: true, row: row, variant: v})
				}
			}
		}
	}
	tasks, err := d.recall(ctx, tasks, single, pairs, s)
	if err == nil {
		err = d.call(ctx, tasks, single, pairs, s)
	}
	for _, row := range rows {
		for v := range row.Cells {
			for r := range row.Cells[v] {
				d.settle(&row.Cells[v][r])
			}
		}
	}
	return err
}

// scoreCell scores an answer as far as that takes no call, and returns what does.
func (d *Data) scoreCell(ctx context.Context, row *Row, v, r int, single []*check.Check) (tasks []task, err error) {
	c := &row.Cells[v][r]
	if !c.OK || c.Outcomes != nil {
		return nil, nil
	}
	for i, k := range single {
		if !k.AppliesTo(row.Number) {
			continue
		}
		c.Outcomes = append(c.Outcomes, check.Outcome{})
		at := len(c.Outcomes) - 1
		if k.Calls() {
			c.Outcomes[at].Error = "it was not scored"
			tasks = append(tasks, task{check: i, row: row, variant: v, repeat: r, at: at})
			continue
		}
		if c.Outcomes[at], err = k.Score(ctx, caseOf(row, c), nil); err != nil {
			return nil, fmt.Errorf("row %d: check %s: %w", row.Number, k.Name, err)
		}
	}
	return tasks, nil
}

func caseOf(row *Row, c *Cell) *check.Case {
	return &check.Case{Row: row.Number, Columns: row.Columns, Answer: c.Answer, Value: c.Value, Private: c.Private}
}

// settle makes an answer's score of its outcomes.
func (d *Data) settle(c *Cell) {
	c.Scored, c.Unscored = false, ""
	switch {
	case !c.Ended:
		c.Unscored = "it was not asked"
	case !c.OK && c.Error != nil && notTheModels(c.Error):
		c.Unscored = c.Error.Message
	case !c.OK:
		c.Score, c.Pass, c.Scored = 0, false, true
	default:
		c.Score, c.Pass, c.Scored = d.Checks.Row(c.Outcomes)
		if c.Scored {
			return
		}
		c.Unscored = "no check is about it"
		for _, o := range c.Outcomes {
			if !o.Scored() {
				c.Unscored = o.Error
			}
		}
	}
}

// recall takes scores from the store, and returns the tasks that it has none for.
func (d *Data) recall(ctx context.Context, tasks []task, single, pairs []*check.Check, s Scoring) ([]task, error) {
	if s.Store == nil || len(tasks) == 0 {
		return tasks, nil
	}
	if d.stored == nil {
		d.stored = map[string]map[batch.ItemID]json.RawMessage{}
	}
	var left []task
	for _, t := range tasks {
		key := t.of(single, pairs).Key()
		if _, is := d.stored[key]; !is {
			scores, usd, err := s.Store.All(ctx, key)
			if err != nil {
				return nil, err
			}
			d.stored[key] = scores
			d.JudgeUSD += usd
		}
		data, ok := d.stored[key][t.id()]
		if !ok {
			left = append(left, t)
			continue
		}
		if err := t.take(data); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (t *task) of(single, pairs []*check.Check) *check.Check {
	if t.pair {
		return pairs[t.check]
	}
	return single[t.check]
}

func (t *task) id() batch.ItemID {
	return batch.ItemID{Row: t.row.Order, Variant: t.variant, Repeat: t.repeat}
}

// take puts a stored score where it belongs.
func (t *task) take(data json.RawMessage) error {
	if t.pair {
		return json.Unmarshal(data, &t.row.Preferences[t.check][t.variant])
	}
	return json.Unmarshal(data, resetOutcome(&t.row.Cells[t.variant][t.repeat].Outcomes[t.at]))
}

func resetOutcome(o *check.Outcome) *check.Outcome {
	*o = check.Outcome{}
	return o
}

// call makes the calls that are left.
func (d *Data) call(ctx context.Context, tasks []task, single, pairs []*check.Check, s Scoring) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan task)
	var mu sync.Mutex
	done := 0
	var wg sync.WaitGroup
	for range max(1, s.Concurrency) {
		wg.Go(func() {
			for t := range next {
				if err := d.perform(ctx, &t, t.of(single, pairs), s, &mu); err != nil {
					cancel(err)
					continue
				}
				mu.Lock()
				done++
				if s.Done != nil {
					s.Done(done, len(tasks))
				}
				mu.Unlock()
			}
		})
	}
	for _, t := range tasks {
		if ctx.Err() != nil {
			break
		}
		next <- t
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// perform scores one answer by a check that makes calls.
func (d *Data) perform(ctx context.Context, t *task, c *check.Check, s Scoring, mu *sync.Mutex) error {
	metered, cost := ctx, func() (float64, int) { return 0, 0 }
	if s.Meter != nil {
		metered, cost = s.Meter(ctx)
	}
	cell := &t.row.Cells[t.variant][t.repeat]
	var made any
	var failed bool
	var err error
	if t.pair {
		var p check.Preference
		p, err = c.Prefer(metered, caseOf(t.row, &t.row.Cells[0][0]), caseOf(t.row, cell), s.Tools)
		made, failed = p, p.Error != ""
	} else {
		var o check.Outcome
		o, err = c.Score(metered, caseOf(t.row, cell), s.Tools)
		made, failed = o, o.Error != ""
	}
	usd, unpriced := cost()
	mu.Lock()
	d.JudgeUSD += usd
	d.JudgeUnpriced += unpriced
	mu.Unlock()
	if usd > 0 && s.Store != nil && (err != nil || failed) {
		if late := s.Store.Spend(context.WithoutCancel(ctx), c.Key(), t.id(), usd); late != nil {
			return errors.Join(err, late)
		}
	}
	if err != nil {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("check %s, row %d, %s: %w", c.Name, t.row.Number, d.Plan.Variants[t.variant].Name, err)
	}
	data, err := json.Marshal(made)
	if err != nil {
		return err
	}
	if err := t.take(data); err != nil {
		return err
	}
	// What has no score is asked again the next time.
	if s.Store == nil || failed {
		return nil
	}
	return s.Store.Put(context.WithoutCancel(ctx), c.Key(), t.id(), data, usd)
}
