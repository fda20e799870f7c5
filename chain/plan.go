package chain

import (
	"context"

	"github.com/tandem-llm/tandem/provider"
)

// Planned is a request that a run may make, as far as it is known before the
// run.
type Planned struct {
	Step    string // its path, as in [Event]
	Request provider.Request
	Answers bool // the prompt holds values that are not known yet, and has "…" in their place

	// Per says for what the request is made each time: "element", "round", or both in
	// their order, as in "element and round"; "": it is made once.
	Per string

	// Stays says why the step is under privacy local although neither it nor a
	// step around it is; "": it is not, or one of them is. See [Step.Share].
	Stays string

	// Lookup is what the step looks up; nil: it asks a model. A lookup has no
	// Request.
	Lookup *Lookup
}

// Plan returns the requests and lookups that a run with vars may make, in order: those of
// every branch of a route, of every fallback, and of what a condition may skip,
// and each request once that is made for the elements of a list or in rounds.
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
	p := &planner{ctx: ctx, stay: o.passagesStay, stays: &stays{}}
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
	held    int    // bytes in planned
	per     string // see [Planned]
}

// add notes a request or lookup, unless there would be too much of it.
func (p *planner) add(q Planned) {
	q.Per = p.per
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
	outer, per := p.stays, p.per
	if s.share {
		p.apart()
	}
	p.repeated(s)
	p.does(s, d, known, at)
	p.per = per
	outer.after(s, at, p.stays, true)
	p.stays = outer
}

// repeated notes for what a step runs more than once.
func (p *planner) repeated(s *step) {
	for _, by := range []struct {
		runs bool
		name string
	}{{s.each != nil, "element"}, {s.repeat != nil, "round"}} {
		switch {
		case by.runs && p.per == "":
			p.per = by.name
		case by.runs:
			p.per += " and " + by.name
		}
	}
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
