package structured

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// maxShown is how much of its answer a model is shown again, in bytes.
const maxShown = 8 << 10

var (
	errRepair = errors.New("repairable")
	errCut    = errors.New("it was cut at its token limit: raise max_tokens")
)

// conversation is one request, and what has come of it.
type conversation struct {
	p            *Provider
	schema       *schema.Schema
	req          provider.Request // as it came
	repair       []provider.Message
	began        time.Time
	last         string // the last answer, and what is wrong with it
	problems     []string
	failure      Error
	asked        time.Time // of the call under way
	usage        provider.Usage
	usageUnknown bool // of an answer, the usage was not told
	load         time.Duration
	working      time.Duration
	cost         *provider.Cost // of the answers before; nil: of none
	hasCost      bool
	model        string // as the engine named it
	id           string // of the last request
}

// askOnce asks once. The error is errRepair where the answer may be repaired.
func (c *conversation) askOnce(ctx context.Context) (provider.Chunk, error) {
	req := c.req
	if c.repair != nil {
		req.Messages = slices.Concat(req.Messages, c.repair)
	}
	checked := *req.Schema
	checked.Checked = true
	req.Schema = &checked
	c.asked = time.Now()
	r, err := collect(c.p.Provider.Chat(ctx, req))
	switch {
	case errors.Is(err, errTooMuch):
		return provider.Chunk{}, c.error(provider.Truncated, err)
	case err != nil:
		return provider.Chunk{}, c.repairError(err)
	}
	c.failure.Attempts++
	c.addUsage(&r)
	out := provider.Chunk{Text: r.Text, Thinking: r.Thinking, ToolCalls: r.ToolCalls, Finish: r.Finish}
	if len(r.ToolCalls) > 0 {
		return c.completeAnswer(out, &r), nil
	}
	thought, answer := takeApart(r.Text)
	if thought != "" {
		out.Thinking = strings.TrimSpace(out.Thinking + "\n" + thought)
	}
	problems := c.checkAnswer(&answer)
	cut := r.Finish == provider.FinishLength
	if len(problems) == 0 && (!cut || schema.Whole(answer)) {
		if out.Text = answer; cut { // what is whole was not cut
			out.Finish = provider.FinishStop
		}
		return c.completeAnswer(out, &r), nil
	}
	c.keepBest(answer, problems)
	if cut { // it would be cut there again
		return out, c.failWithBest(provider.Truncated, errCut)
	}
	return out, errRepair
}

// checkAnswer is what is wrong with an answer. Nulls that only strict mode made the
// model write are taken out of it.
func (c *conversation) checkAnswer(answer *string) []string {
	if *answer == "" {
		return []string{"it is empty"}
	}
	problems := c.schema.Check([]byte(*answer))
	if len(problems) > 0 && c.req.Schema.Strict {
		if without, ok := c.schema.WithoutNulls([]byte(*answer)); ok {
			*answer = string(without)
			return nil
		}
	}
	return problems
}

// keepBest keeps the answer, if it is the best so far.
func (c *conversation) keepBest(answer string, problems []string) {
	c.last, c.problems = answer, problems
	if f := &c.failure; f.Attempts == 1 || badness(answer, problems) < badness(f.Text, f.Problems) {
		f.Text, f.Problems = answer, problems
	}
}

// badness orders answers: JSON with few problems, with more, no JSON, nothing.
func badness(answer string, problems []string) int {
	switch {
	case answer == "":
		return math.MaxInt
	case !json.Valid([]byte(answer)):
		return math.MaxInt - 1
	}
	return len(problems)
}

// prepareRepair prepares the next question: the conversation, the answer, and what is
// wrong with it.
func (c *conversation) prepareRepair() {
	c.repair = nil
	if shown := textx.Brief(c.last, maxShown); strings.TrimSpace(shown) != "" {
		c.repair = append(c.repair, provider.Assistant(shown))
	}
	c.repair = append(c.repair, provider.User("Your answer is not the JSON that was asked for:\n- "+strings.Join(c.problems, "\n- ")+
		"\nAnswer again with the corrected JSON only."))
}

// addUsage counts an answer.
func (c *conversation) addUsage(r *provider.Response) {
	if r.Usage == nil {
		c.usageUnknown = true
	} else {
		c.usage = c.usage.Add(*r.Usage)
	}
	if r.Route == nil {
		return
	}
	c.model, c.id = r.Route.Model, r.Route.Request
	c.load += r.Route.Load
	c.working += r.Route.Working
	c.cost = sumCosts(c.cost, r.Route.Cost, !c.hasCost)
	c.hasCost = true
}

// sumCosts is what two answers cost; what is not known of one is not known of both.
func sumCosts(a, b *provider.Cost, first bool) *provider.Cost {
	if first {
		return b
	}
	if a == nil || b == nil {
		return nil
	}
	plus := func(x, y *float64) *float64 {
		if x == nil || y == nil {
			return nil
		}
		return provider.Ptr(*x + *y)
	}
	return &provider.Cost{USD: plus(a.USD, b.USD), Saved: plus(a.Saved, b.Saved), Basis: b.Basis}
}

// completeAnswer completes the one chunk of a whole answer.
func (c *conversation) completeAnswer(out provider.Chunk, r *provider.Response) provider.Chunk {
	out.Usage, out.Route = r.Usage, r.Route
	repairs := c.failure.Attempts - 1
	if repairs == 0 {
		return out
	}
	if out.Usage = &c.usage; c.usageUnknown {
		out.Usage = nil
	}
	rt := provider.Route{Provider: c.p.Name(), Model: c.req.Model}
	if r.Route != nil {
		rt = *r.Route
	}
	before := c.asked.Sub(c.began)
	rt.FirstToken += before
	rt.Total += before
	rt.Load, rt.Working, rt.Cost = c.load, c.working, c.cost
	rt.Repairs += repairs
	out.Route = &rt
	return out
}

// failWithBest is the error of the best answer.
func (c *conversation) failWithBest(kind provider.Kind, why error) error {
	f := c.failure
	f.Err = why
	return c.error(kind, &f)
}

func (c *conversation) error(kind provider.Kind, cause error) *provider.Error {
	e := &provider.Error{
		Kind: kind, Provider: c.p.Name(), Model: c.model, RequestID: c.id,
		Sent: true, Final: true, Err: cause,
	}
	if e.Model == "" {
		e.Model = c.req.Model
	}
	return e
}

// repairError is the error of a call that gave no answer. Where it is only the
// repair that is too long or too dear, it says what there was before, too.
func (c *conversation) repairError(err error) error {
	var e *provider.Error
	if c.failure.Attempts == 0 || !errors.As(err, &e) || (e.Kind != provider.ContextOverflow && e.Kind != provider.OverBudget) {
		return err
	}
	f := c.failure
	f.Err = e.Err
	out := *e
	out.Final, out.Err = true, &f
	return &out
}
