package chain

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// Planned is a request that a run may make, as far as it is known before the
// run.
type Planned struct {
	Step    string // its path, as in [Event]
	Request provider.Request
	Answers bool // the prompt holds values that are not known yet, and has "…" in their place

	// Times is how often the request is made, as far as that is known: for each element
	// of a list in the inputs, and in each of a fixed number of rounds. 0: that list is
	// empty. The prompt is that of an element of average length.
	Times int

	// Per says for what else the request is made each time, of which the number is not
	// known: "element", "round", or both in their order, as in "element and round"; "":
	// Times is all.
	Per string

	// Optional says that some runs leave it out: it is of a branch of a route, of a
	// fallback, or of a step with a condition.
	Optional bool

	// Stays says why the step is under privacy local although neither it nor a
	// step around it is; "": it is not, or one of them is. See [Step.Share].
	Stays string

	// Lookup is what the step looks up; nil: it asks a model. A lookup has no
	// Request.
	Lookup *Lookup
}

// Plan returns the requests and lookups that a run with vars may make, in order: those of
// every branch of a route, of every fallback, and of what a condition may skip,
// and each request once that is made for the elements of a list or in rounds, with
// how often that is.
// It makes no call. Errors are those of [Chain.Run] before its first call.
func (c *Chain) Plan(ctx context.Context, vars map[string]any, opts ...Option) ([]Planned, error) {
	vars, err := c.checkInputs(vars)
	if err != nil {
		return nil, err
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.checkDefaults(); err != nil {
		return nil, err
	}
	p := &planner{ctx: ctx, stay: o.passagesStay, stays: &stays{}, many: many{times: 1}}
	p.planSteps(c.steps, o.defaults, vars, "", c.pipe)
	if err := ctx.Err(); err != nil {
		return p.planned, err
	}
	return p.planned, p.err
}

// maxPlanned is the most bytes that the requests of a plan may have: each holds
// the inputs, however often a chain names them.
const maxPlanned = 256 << 20

// unknown stands for a value that a run has yet to make.
const unknown = "…"

type planner struct {
	ctx     context.Context
	planned []Planned
	err     error
	stay    func(ctx context.Context, collection string) bool
	stays   *stays
	held    int // bytes in planned
	many
}

// many is how often what is planned next is done; see [Planned].
type many struct {
	times    int
	per      string
	optional bool
	chosen   []string // variables of which one element stands for all
}

// add notes a request or lookup, unless there would be too much of it.
func (p *planner) add(q Planned) {
	q.Times, q.Per, q.Optional = p.times, p.per, p.optional
	for _, m := range q.Request.Messages {
		p.held += len(m.Text)
		for _, im := range m.Images {
			p.held += len(im.Data) + len(im.URL)
		}
	}
	if q.Lookup != nil {
		p.held += len(q.Lookup.Query)
	}
	if p.held > maxPlanned {
		p.fail(q.Step, provider.Errorf(provider.Invalid, "", "", "the prompts up to this step exceed %d MiB; use smaller inputs, or plan a part of the chain", maxPlanned>>20))
		return
	}
	p.planned = append(p.planned, q)
}

// fail ends the planning.
func (p *planner) fail(step string, err error) {
	if p.err == nil {
		p.err = stepError(stepPath{path: step}, err)
	}
}

func (p *planner) planSteps(steps []step, d provider.Request, known map[string]any, at string, pipe bool) {
	for i := range steps {
		if pipe && i > 0 {
			known = nil
		}
		p.step(&steps[i], d, known, at+steps[i].name)
	}
}

func (p *planner) step(s *step, d provider.Request, known map[string]any, at string) {
	if p.held > maxPlanned || p.ctx.Err() != nil {
		return
	}
	outer, before := p.stays, p.many
	if s.share {
		p.apart()
	}
	p.optional = p.optional || s.when != nil
	known = p.elements(s, known)
	p.rounds(s)
	p.does(s, d, known, at)
	p.many = before
	outer.after(s, at, p.stays, true)
	p.stays = outer
}

// elements notes how often a step runs for the elements of a list, and returns what is
// known to it.
func (p *planner) elements(s *step, known map[string]any) map[string]any {
	if s.each == nil {
		return known
	}
	inner := maps.Clone(known)
	delete(inner, s.each.as) // one of the same name is hidden
	list, err := s.each.over.evalList(&variables{base: known})
	if err != nil || slices.ContainsFunc(s.each.over.names, func(n string) bool { return slices.Contains(p.chosen, n) }) {
		p.each("element") // it is not known yet, or of every element another
		return inner
	}
	p.times = product(p.times, len(list))
	if len(list) > 0 {
		if inner == nil {
			inner = map[string]any{}
		}
		inner[s.each.as] = average(list)
	}
	p.chosen = append(slices.Clip(p.chosen), s.each.as)
	return inner
}

// rounds notes how often a step runs again.
func (p *planner) rounds(s *step) {
	switch {
	case s.repeat == nil:
	case s.repeat.until != nil:
		p.each("round")
	default:
		p.times = product(p.times, s.repeat.max)
	}
}

// each notes that what is planned next is done for each of so many.
func (p *planner) each(what string) {
	if p.per != "" {
		what = p.per + " and " + what
	}
	p.per = what
}

// product is a product, or the largest number where it would exceed that.
func product(a, b int) int {
	if b != 0 && a > math.MaxInt32/b {
		return math.MaxInt32
	}
	return a * b
}

// average is the element whose length is nearest to the average of all.
func average(list []any) any {
	lengths, sum := make([]int, len(list)), 0
	for i, e := range list {
		lengths[i] = len(fmt.Sprint(e))
		sum += lengths[i]
	}
	best := 0
	for i, n := range lengths {
		if far := func(n int) int { return max(n*len(list)-sum, sum-n*len(list)) }; far(n) < far(lengths[best]) {
			best = i
		}
	}
	return list[best]
}

// apart gives what is planned next reasons of its own to stay.
func (p *planner) apart() {
	own := *p.stays
	p.stays = &own
}

// branches are steps that see nothing of each other.
func (p *planner) branches(steps []step, d provider.Request, known map[string]any, at string) {
	outer, joined := p.stays, *p.stays
	for i := range steps {
		p.stays = outer
		p.apart()
		p.step(&steps[i], d, known, at+steps[i].name)
		joined.join(p.stays)
	}
	*outer = joined
	p.stays = outer
}

// tightened is the privacy of a prompt, and why it is tighter than its step's.
func (p *planner) tightened(own provider.Privacy) (provider.Privacy, string) {
	if own == provider.PrivacyLocal {
		return own, ""
	}
	return p.stays.tightened(own), p.stays.why()
}

func (p *planner) does(s *step, d provider.Request, known map[string]any, at string) {
	inner := overlay(d, &s.settings)
	switch b := s.body.(type) {
	case *ask:
		p.planPrompt(b, inner, known, at)
	case *group:
		p.planSteps(b.steps, inner, known, at+".", false)
	case *parallel:
		p.branches(b.branches, inner, known, at+".")
	case *route:
		if b.ask != nil {
			p.planPrompt(b.ask, inner, known, at+".choice")
		}
		p.optional = true
		p.branches(b.branches, inner, known, at+".")
	case *lookup:
		p.lookup(b, inner, known, at)
	case *sub:
		p.planSteps(b.chain.steps, inner, b.known(known), at+".", b.chain.pipe)
	}
	if s.fallback != nil {
		if len(s.fallback.settings.Use) > 0 {
			inner.Use = nil
		}
		p.optional = true
		p.step(s.fallback, inner, known, at+"."+s.fallback.name)
	}
}

// known are the inputs of the chain that have their values before a run.
func (b *sub) known(outer map[string]any) map[string]any {
	inputs := map[string]any{}
	for _, in := range b.chain.inputs {
		value, ok := outer[in.Name]
		if _, with := b.with[in.Name]; ok && !with {
			inputs[in.Name] = value
		}
	}
	return inputs
}

func (p *planner) lookup(b *lookup, d provider.Request, known map[string]any, at string) {
	q := Planned{Step: at, Lookup: &Lookup{Collection: b.collection, K: b.k, MMR: b.mmr}}
	q.Lookup.Privacy, q.Stays = p.tightened(d.Privacy)
	if p.stay != nil && p.stay(p.ctx, b.collection) {
		defer p.stays.join(&stays{passage: at})
	}
	v := (&variables{base: known}).with(b.query.partial)
	holes := &variables{parent: v}
	for _, use := range b.query.template.Vars() {
		if _, ok := holes.Lookup(use.Name); !ok {
			q.Answers = true
			holes.set(use.Name, unknown)
		}
	}
	query, err := b.query.template.Render(holes)
	switch {
	case err != nil && q.Answers:
		query = unknown
	case err != nil:
		p.fail(at, err)
		return
	}
	q.Lookup.Query = query
	p.add(q)
}

func (p *planner) planPrompt(b *ask, d provider.Request, known map[string]any, at string) {
	q := Planned{Step: at, Request: d}
	q.Request.Privacy, q.Stays = p.tightened(d.Privacy)
	v := &variables{base: known}
	if b.parse != nil {
		v = v.instructed(b.parse)
	}
	holes := &variables{parent: v}
	for _, use := range b.prompt.Vars() {
		if _, ok := holes.Lookup(use.Name); ok || use.Optional {
			continue
		}
		q.Answers = true
		if use.Messages {
			holes.set(use.Name, []provider.Message{})
		} else {
			holes.set(use.Name, unknown)
		}
	}
	q.Answers = q.Answers || b.embeds // its examples are chosen by an embedder
	messages, err := b.prompt.Messages(p.ctx, holes)
	switch {
	case err != nil && q.Answers: // it needs more than a text there
		messages = []provider.Message{provider.User(unknown)}
	case err != nil:
		p.fail(at, err)
		return
	}
	q.Request.Messages, q.Request.Schema = messages, b.schema
	p.add(q)
}
