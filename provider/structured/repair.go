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
	errMend = errors.New("to be mended")
	errCut  = errors.New("it was cut at its token limit before it was whole; raise max_tokens")
)

// conversation is one request, and what has come of it.
type conversation struct {
	p       *Provider
	schema  *schema.Schema
	req     provider.Request // as it came
	repair  []provider.Message
	began   time.Time
	last    string // the last answer, and what is wrong with it
	wrong   []string
	failure Error
	asked   time.Time // of the call under way
	usage   provider.Usage
	untold  bool // of an answer, the usage was not told
	load    time.Duration
	cost    *provider.Cost // of the answers before; nil: of none
	costs   bool
	model   string // as the engine named it
	id      string // of the last request
}

// once asks once. The error is errMend where the answer may be mended.
func (c *conversation) once(ctx context.Context) (provider.Chunk, error) {
	req := c.req
	if c.repair != nil {
		req.Messages = slices.Concat(req.Messages, c.repair)
	}
	c.asked = time.Now()
	r, err := collect(c.p.Provider.Chat(ctx, req))
	switch {
	case errors.Is(err, errTooMuch):
		return provider.Chunk{}, c.error(err)
	case err != nil:
		return provider.Chunk{}, c.refused(err)
	}
	c.failure.Attempts++
	c.add(&r)
	out := provider.Chunk{Text: r.Text, Thinking: r.Thinking, ToolCalls: r.ToolCalls, Finish: r.Finish}
	if len(r.ToolCalls) > 0 {
		return c.whole(out, &r), nil
	}
	thinking, answer := schema.Answer(r.Text)
	if thinking != "" {
		out.Thinking = strings.TrimSpace(out.Thinking + "\n" + thinking)
	}
	problems := c.check(&answer)
	cut := r.Finish == provider.FinishLength
	if len(problems) == 0 && (!cut || schema.Whole(answer)) {
		if out.Text = answer; cut { // what is whole was not cut
			out.Finish = provider.FinishStop
		}
		return c.whole(out, &r), nil
	}
	c.note(answer, problems)
	if cut { // it would be cut there again
		return out, c.fails(errCut)
	}
	return out, errMend
}

// check is what is wrong with an answer. Nulls that only strict mode made the
// model write are taken out of it.
func (c *conversation) check(answer *string) []string {
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

// note keeps the answer, if it is the best so far.
func (c *conversation) note(answer string, problems []string) {
	c.last, c.wrong = answer, problems
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

// mend prepares the next question: the conversation, the answer, and what is
// wrong with it.
func (c *conversation) mend() {
	c.repair = nil
	if shown := textx.Brief(c.last, maxShown); strings.TrimSpace(shown) != "" {
		c.repair = append(c.repair, provider.Assistant(shown))
	}
	c.repair = append(c.repair, provider.User("Your answer is not the JSON that was asked for:\n- "+strings.Join(c.wrong, "\n- ")+
		"\nAnswer again with the corrected JSON only."))
}

// add counts an answer.
func (c *conversation) add(r *provider.Response) {
	if r.Usage == nil {
		c.untold = true
	} else {
		c.usage = c.usage.Add(*r.Usage)
	}
	if r.Route == nil {
		return
	}
	c.model, c.id = r.Route.Model, r.Route.Request
	c.load += r.Route.Load
	c.cost = sum(c.cost, r.Route.Cost, !c.costs)
	c.costs = true
}

// sum is what two answers cost; what is not known of one is not known of both.
func sum(a, b *provider.Cost, first bool) *provider.Cost {
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

// whole completes the one chunk of a whole answer.
func (c *conversation) whole(out provider.Chunk, r *provider.Response) provider.Chunk {
	out.Usage, out.Route = r.Usage, r.Route
	repairs := c.failure.Attempts - 1
	if repairs == 0 {
		return out
	}
	if out.Usage = &c.usage; c.untold {
		out.Usage = nil
	}
	rt := provider.Route{Provider: c.p.Name(), Model: c.req.Model}
	if r.Route != nil {
		rt = *r.Route
	}
	before := c.asked.Sub(c.began)
	rt.FirstToken += before
	rt.Total += before
	rt.Load, rt.Cost = c.load, c.cost
	rt.Repairs += repairs
	out.Route = &rt
	return out
}

// fails is the error of the best answer.
func (c *conversation) fails(why error) error {
	f := c.failure
	f.Err = why
	return c.error(&f)
}

func (c *conversation) error(cause error) *provider.Error {
	e := &provider.Error{
		Kind: provider.Truncated, Provider: c.p.Name(), Model: c.model, RequestID: c.id,
		Sent: true, Final: true, Err: cause,
	}
	if e.Model == "" {
		e.Model = c.req.Model
	}
	return e
}

// refused is the error of a call that gave no answer. Where it is only the
// repair that is too long or too dear, it says what there was before, too.
func (c *conversation) refused(err error) error {
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
