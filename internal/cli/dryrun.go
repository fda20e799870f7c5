package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// planJSON is what --dry-run --json prints: one object on one line.
type planJSON struct {
	OK         bool               `json:"ok"` // somebody may answer
	Candidates []router.Candidate `json:"candidates,omitempty"`
	Steps      []planStep         `json:"steps,omitempty"`
	Total      *planTotal         `json:"total,omitempty"` // of a chain that may be answered
	Error      *runner.Error      `json:"error,omitempty"`
}

// planStep is one step of a chain. Answers says that its prompt may hold
// earlier answers, whose size is not known yet; Times is how often the request is made, and Per,
// that it is made so for each element of a list or in each round whose number is not known;
// Optional, that some runs leave it out; a candidate's tokens and cost are for one request. Stays, why it may not leave this
// machine although the step does not ask for that. Of a step that looks passages up,
// Collection is where, and the candidate makes the question's vector.
type planStep struct {
	Name       string             `json:"name"`
	Collection string             `json:"collection,omitempty"`
	Answers    bool               `json:"holds_answers,omitempty"`
	Stays      string             `json:"stays_local,omitempty"`
	Candidates []router.Candidate `json:"candidates"`
	Times      int                `json:"times"`
	Per        string             `json:"per,omitempty"`
	Optional   bool               `json:"optional,omitempty"`
}

// plannerOf is who knows whom a stack would ask.
func plannerOf(stack *stack.Stack) (router.Planner, error) {
	p, ok := provider.As[router.Planner](stack.Provider)
	if !ok {
		return nil, usageError{errors.New("--dry-run needs a router")}
	}
	return p, nil
}

// dryAsk says who would be asked, and calls no model.
func (a *app) dryAsk(ctx context.Context, stack *stack.Stack, req provider.Request, asJSON bool) error {
	planner, err := plannerOf(stack)
	if err != nil {
		return err
	}
	plan, err := planner.Plan(ctx, req)
	if err == nil {
		err = plan.Err()
	}
	if asJSON {
		return a.printPlan(planJSON{Candidates: plan.Candidates}, err)
	}
	if len(plan.Candidates) > 0 {
		if werr := a.planTable([]planStep{{Candidates: plan.Candidates, Times: 1}}); werr != nil {
			return werr
		}
	}
	return err
}

// dryRun says who would be asked in each step, and calls no model. The error is
// that of the first step that no provider could answer.
func (a *app) dryRun(ctx context.Context, r *running, asJSON bool) error {
	planner, err := plannerOf(r.stack)
	if err != nil {
		return err
	}
	asked, err := r.job.Chain.Plan(ctx, r.job.Vars, chain.Defaults(r.job.Defaults), chain.PassagesStay(r.stack.Collections.PassagesStay))
	var steps []planStep
	for _, q := range asked {
		step := planStep{Name: q.Step, Answers: q.Answers, Times: q.Times, Per: q.Per, Optional: q.Optional, Stays: q.Stays, Candidates: []router.Candidate{}}
		var perr error
		if l := q.Lookup; l != nil {
			var who router.Candidate
			who, perr = r.stack.Collections.PlanLookup(ctx, l.Collection, l.Query, l.Privacy)
			if step.Collection = l.Collection; who.Provider != "" {
				step.Candidates = []router.Candidate{who}
			}
		} else {
			var plan router.Plan
			if perr = r.stack.Resolve(&q.Request); perr == nil {
				plan, perr = planner.Plan(ctx, q.Request)
			}
			if perr == nil {
				perr = plan.Err()
			}
			step.Candidates = append(step.Candidates, plan.Candidates...)
		}
		if perr != nil && q.Stays != "" && errors.Is(perr, provider.Private) {
			perr = fmt.Errorf("step %s: %w; %s", q.Step, perr, q.Stays)
		}
		if err == nil {
			err = perr
		}
		steps = append(steps, step)
	}
	if asJSON {
		p := planJSON{Steps: steps}
		if err == nil {
			p.Total = totalOf(steps)
		}
		return a.printPlan(p, err)
	}
	if len(steps) > 0 {
		if werr := a.planTable(steps); werr != nil {
			return werr
		}
		if err == nil && (len(steps) > 1 || steps[0].Times != 1) {
			a.dimf("· %s", totalOf(steps))
		}
		for _, s := range steps {
			if s.Stays != "" {
				a.dimf("· %s stays on this machine: %s", s.Name, s.Stays)
			}
		}
	} else if err == nil {
		a.dimf("· no step calls a model")
	}
	return err
}

func (a *app) printPlan(p planJSON, err error) error {
	p.OK = err == nil
	if err != nil {
		p.Error = a.errorOf(err)
	}
	return a.printJSON("the plan", p, err)
}

// planTable prints a line for each candidate.
func (a *app) planTable(steps []planStep) error {
	head := []string{"PROVIDER", "MODEL", "PLAN", "PROMPT", "COST", "REASON"}
	named := steps[0].Name != ""
	if named {
		head = slices.Insert(head, 0, "STEP")
	}
	w := a.term.Table(head...)
	if !anyKept(steps) { // the error below the table has the reasons whole
		w.MayCut("REASON")
	}
	for _, s := range steps {
		first := true
		for _, c := range s.Candidates {
			row := []any{c.Provider, terminal.StripControls(c.Model), planWord(s, c, &first), promptText(c, &s), promptCost(c, &s), planReason(c)}
			if named {
				row = slices.Insert(row, 0, any(s.Name))
			}
			w.Row(row...)
		}
	}
	return w.Flush()
}

// anyKept reports whether some provider may answer some step.
func anyKept(steps []planStep) bool {
	return slices.ContainsFunc(steps, func(s planStep) bool {
		return slices.ContainsFunc(s.Candidates, func(c router.Candidate) bool { return c.Keep })
	})
}

// planWord is what becomes of a candidate: the first that is kept is asked.
func planWord(s planStep, c router.Candidate, first *bool) string {
	switch {
	case !c.Keep:
		return "skip"
	case s.Collection != "":
		return "look up"
	case *first:
		*first = false
		return "ask"
	}
	return "fallback"
}

// promptText is how many tokens the prompt has, and how many such prompts there are.
func promptText(c router.Candidate, s *planStep) string {
	text := fmt.Sprintf("%d tokens", c.PromptTokens)
	if c.Estimated {
		text = "~" + text
	}
	if s.Times != 1 {
		text = fmt.Sprintf("%d × %s", s.Times, text)
	}
	if s.Answers {
		text += " + answers"
	}
	if c.Window > 0 {
		text += fmt.Sprintf(" of %d", c.Window)
	}
	return text
}

// promptCost is what the prompts of a step cost: all of them, or those for one of what
// is not counted.
func promptCost(c router.Candidate, s *planStep) string {
	if c.PromptUSD == nil {
		return "-"
	}
	if *c.PromptUSD == 0 {
		return "free"
	}
	answers := "answer"
	if s.Times != 1 {
		answers = fmt.Sprintf("%d answers", s.Times)
	}
	text := fmt.Sprintf("$%.6f + %s", *c.PromptUSD*float64(s.Times), answers)
	if s.Per != "" {
		text += ", per " + s.Per
	}
	return text
}

func planReason(c router.Candidate) string {
	if c.Keep {
		return c.Endpoint
	}
	return terminal.OneLine(c.Reason)
}
