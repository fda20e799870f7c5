package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/router"
)

// plannedRows is how many rows are planned one by one; of more, so many spread over
// them, and the others are taken to be like those.
const plannedRows = 1000

// batchPlanJSON is what `tandem batch --dry-run --json` prints.
type batchPlanJSON struct {
	Rows    int             `json:"rows"`
	Planned int             `json:"planned_rows"` // were planned one by one
	Steps   []batchStepJSON `json:"steps"`
}

// batchStepJSON is a step over all rows. Amounts are of all rows.
type batchStepJSON struct {
	Name      string   `json:"name"`
	Provider  string   `json:"provider"` // who would be asked first
	Model     string   `json:"model"`
	Rows      int      `json:"rows"`
	Tokens    int      `json:"prompt_tokens"`
	Estimated bool     `json:"estimated"`               // the tokens are not all counted by the engine's own tokenizer
	Answers   bool     `json:"holds_answers,omitempty"` // the prompt may hold earlier answers, which are not in the sum
	Per       string   `json:"per,omitempty"`           // the amounts are of one call of several
	USD       *float64 `json:"prompt_usd"`              // null: not known
}

// batchPlan says who would answer the rows, and what their prompts would cost,
// without asking a model.
func (a *app) batchPlan(ctx context.Context, b *batchRun, rows iter.Seq2[table.Row, error], given map[string]any) error {
	planner, err := plannerOf(b.stack)
	if err != nil {
		return err
	}
	n := 0
	for _, err := range rows {
		if err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return usageError{errors.New("no row is left to run")}
	}
	plan := batchPlanJSON{Rows: n, Steps: []batchStepJSON{}}
	i := 0
	for row, err := range rows {
		if err != nil {
			return err
		}
		// Every row of a few, and else those at equal distances.
		if i++; n > plannedRows && i*plannedRows/n == (i-1)*plannedRows/n {
			continue
		}
		plan.Planned++
		vars := maps.Clone(row.Inputs)
		maps.Copy(vars, given)
		if err := a.planRow(ctx, b, planner, &plan, vars); err != nil {
			return fmt.Errorf("row %d: %w", row.Number, err)
		}
	}
	scale := float64(n) / float64(plan.Planned)
	for i := range plan.Steps {
		s := &plan.Steps[i]
		s.Rows, s.Tokens = int(float64(s.Rows)*scale+0.5), int(float64(s.Tokens)*scale+0.5)
		if s.USD != nil {
			*s.USD *= scale
			if b.batchAPI != nil && b.batchAPI.Half {
				*s.USD /= 2
			}
		}
	}
	if b.json {
		return terminal.WriteJSON(a.term.Out, plan)
	}
	return a.printBatchPlan(plan)
}

// planned are the calls that a row makes.
func (b *batchRun) planned(ctx context.Context, vars map[string]any) ([]chain.Planned, error) {
	if b.requests != nil {
		return b.requests.planned(vars)
	}
	return b.chain.Plan(ctx, vars, chain.Defaults(b.job.Defaults), chain.PassagesStay(b.stack.Collections.PassagesStay))
}

// planRow adds one row's calls.
func (a *app) planRow(ctx context.Context, b *batchRun, planner router.Planner, plan *batchPlanJSON, vars map[string]any) error {
	asked, err := b.planned(ctx, vars)
	if err != nil {
		return err
	}
	for _, q := range asked {
		if q.Lookup != nil {
			continue
		}
		p, err := b.planCall(ctx, planner, &q)
		if err != nil {
			return err
		}
		for _, c := range p.Candidates {
			if c.Keep {
				c.PromptTokens *= q.Times
				if c.PromptUSD != nil {
					usd := *c.PromptUSD * float64(q.Times)
					c.PromptUSD = &usd
				}
				plan.add(batchStepJSON{Name: q.Step, Provider: c.Provider, Model: c.Model, Rows: 1, Tokens: c.PromptTokens, Estimated: c.Estimated, Answers: q.Answers, Per: q.Per, USD: c.PromptUSD})
				break
			}
		}
	}
	return nil
}

// add adds a call to those of the same step and model.
func (p *batchPlanJSON) add(call batchStepJSON) {
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Name != call.Name || s.Provider != call.Provider || s.Model != call.Model {
			continue
		}
		s.Rows++
		s.Tokens += call.Tokens
		s.Estimated, s.Answers = s.Estimated || call.Estimated, s.Answers || call.Answers
		if s.USD == nil || call.USD == nil {
			s.USD = nil
		} else {
			*s.USD += *call.USD
		}
		return
	}
	if call.USD != nil {
		usd := *call.USD
		call.USD = &usd
	}
	p.Steps = append(p.Steps, call)
}

func (a *app) printBatchPlan(p batchPlanJSON) error {
	t := a.term.Table("STEP", "PROVIDER", "MODEL", "ROWS", "PROMPTS", "COST")
	estimated, answers, several := false, false, false
	for _, s := range p.Steps {
		tokens := fmt.Sprintf("%d tokens", s.Tokens)
		if s.Estimated || p.Planned < p.Rows {
			tokens = "~" + tokens
		}
		if s.Answers {
			tokens += " + answers"
		}
		cost := "unknown"
		if s.USD != nil && *s.USD == 0 {
			cost = "free"
		} else if s.USD != nil {
			cost = ledger.Dollars(*s.USD) + " + answers"
		}
		if s.Per != "" {
			cost += ", per " + s.Per
		}
		t.Row(s.Name, s.Provider, s.Model, s.Rows, tokens, cost)
		estimated, answers, several = estimated || s.Estimated, answers || s.Answers, several || s.Per != ""
	}
	if t.Len() == 0 {
		a.infof("no step calls a model")
		return nil
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.Planned < p.Rows {
		a.dimf("· from %d of the %d rows, evenly spread; the others are taken to be like them", p.Planned, p.Rows)
	}
	if estimated {
		a.dimf("· ~ is an estimate: the provider counts its tokens only when it is asked")
	}
	a.dimf("· answers are not in the sums: how long they get is not known; --max-tokens bounds each")
	return nil
}
