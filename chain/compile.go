package chain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// maxDepth bounds how deep steps may lie in each other, chains in files
// included.
const maxDepth = 32

// compiler makes a Chain of Steps, and notes every mistake in them.
type compiler struct {
	chain    *Chain
	mistakes []*problem
	warnings []*problem
	scope    *scope
	declared bool     // the inputs are known beforehand
	index    int      // of the current step in its list
	current  location // of what is being compiled
	depth    int
	jinja2   bool    // templates in jinja2 are taken
	file     *source // the chain itself in its file; nil: it was made in Go
}

// newCompiler takes templates in jinja2 only from an author who is trusted.
func newCompiler(jinja2 bool) *compiler { return &compiler{chain: &Chain{}, jinja2: jinja2} }

// step is a Step with everything in it compiled.
type step struct {
	name     string
	body     body
	typ      Type             // of the value
	settings provider.Request // without messages
	when     *expression
	skipped  *string // the value when it is skipped
	each     *each
	repeat   *repeat
	retries  int
	timeout  time.Duration
	fallback *step
	pipeVar  string // in a pipe: what the value before is called
	final    bool   // its answer, as it comes, is the chain's
	share    bool   // the value may leave this machine, whatever was local in it
	bodyOnly bool   // nothing but a body: none of the fields above that change how it runs
}

// top compiles the steps of the chain itself.
func (c *compiler) top(steps []Step) []step {
	if len(steps) == 0 {
		c.current = location{whole: true, src: c.file}
		c.fail("", "there are no steps", "give it at least one")
		return nil
	}
	if !c.bounded(steps) {
		return nil
	}
	list := c.compileSteps(steps, c.chain.pipe, "")
	last := len(list) - 1
	final(&list[last])
	c.current = placeOf(&steps[last], list[last].name, last, "")
	c.answers(&steps[last], "the last step can be skipped, which would leave the chain without an answer", "give it an else, or put a step after it")
	for _, in := range c.chain.inputs {
		if c.declared && in.where == "" {
			c.current = in.first
			c.fail("", fmt.Sprintf("no step uses the input %q", in.Name), "remove it, or use {"+in.Name+"}")
		}
	}
	return list
}

// final marks the step whose answer, as it comes, is the chain's.
func final(s *step) {
	if s.each == nil && s.repeat == nil && s.fallback == nil && s.retries == 0 {
		s.final = s.body.final()
	}
}

// compileSteps compiles steps that run one after the other.
func (c *compiler) compileSteps(steps []Step, pipe bool, prefix string) []step {
	compiled := make([]step, len(steps))
	sc := &scope{}
	for i := range steps {
		compiled[i].name = c.name(i, steps, pipe, prefix)
		if !pipe {
			c.declare(sc, &steps[i], steps[i].Name, i)
		}
	}
	c.inside(sc, func() {
		for i := range steps {
			if !pipe || i == 0 {
				c.step(&steps[i], &compiled[i], i, prefix)
				c.know(sc, &compiled[i], i)
				continue
			}
			before := &piped{typ: compiled[i-1].typ}
			c.inside(&scope{pipe: before}, func() { c.step(&steps[i], &compiled[i], i, prefix) })
			c.piped(&compiled[i], &steps[i], before, prefix, i)
		}
	})
	if !pipe {
		c.unused(sc, steps, prefix)
	}
	return compiled
}

// unused warns of steps before the last whose values are not used. An undeclared input
// that is almost such a step's name is a mistake: the step was meant.
func (c *compiler) unused(sc *scope, steps []Step, prefix string) {
	for i := range steps[:len(steps)-1] {
		if !slices.ContainsFunc(sc.bindings, func(b binding) bool { return b.step == i && b.used }) {
			if c.misspelt(steps[i].Name) {
				continue
			}
			p := placeOf(&steps[i], steps[i].Name, i, prefix)
			p.field = "name"
			c.warnings = append(c.warnings, &problem{location: p, message: fmt.Sprintf("the value of the step %q is not used", steps[i].Name), remedy: "use {" + steps[i].Name + "} in a later step, or remove the step"})
		}
	}
}

// misspelt reports whether an input that nothing declares is almost the name of an unused
// step, and adds the mistake.
func (c *compiler) misspelt(step string) bool {
	if c.declared || step == "" {
		return false
	}
	for _, in := range c.chain.inputs {
		if _, near := diag.Nearest(in.Name, []string{step}); near {
			c.mistakes = append(c.mistakes, &problem{
				location: in.first, message: fmt.Sprintf("{%s} is not a step, and the step %q is not used", in.Name, step),
				remedy: fmt.Sprintf("did you mean {%s}? if {%s} is an input, list it in inputs", step, in.Name),
			})
			return true
		}
	}
	return false
}

// piped checks that a step of a pipe has one variable.
func (c *compiler) piped(s *step, src *Step, before *piped, prefix string, i int) {
	if len(before.names) == 1 {
		s.pipeVar = before.names[0]
		return
	}
	c.current = placeOf(src, s.name, i, prefix)
	if s.body != nil {
		c.fail("", pipeMistake(before.names), "in a pipe, a step has one variable: the answer of the step before")
	}
}

// declare puts the names that a step provides into the scope of its list.
func (c *compiler) declare(sc *scope, src *Step, name string, i int) {
	names := []string{name}
	for _, branch := range src.Parallel {
		names = append(names, branch.Name)
	}
	for j, n := range names {
		if n == "" {
			continue
		}
		if k := slices.IndexFunc(sc.bindings, func(b binding) bool { return b.name == n }); k >= 0 {
			what := ""
			if j > 0 {
				what = fmt.Sprintf("the branch %q: ", n)
			}
			c.fail("name", fmt.Sprintf("%sstep %d already has the name %q", what, sc.bindings[k].step+1, n), "give each step a name of its own")
			continue
		}
		b := binding{name: n, typ: TypeAny, step: i, skippable: src.mayHaveNoValue()}
		if j > 0 {
			b.unavailable = src.loses(name, i)
		}
		sc.bindings = append(sc.bindings, b)
	}
}

// know makes the values of step i known to the steps after it.
func (c *compiler) know(sc *scope, s *step, i int) {
	for j := range sc.bindings {
		b := &sc.bindings[j]
		if b.step != i {
			continue
		}
		b.known = true
		if b.name == s.name {
			b.typ = s.typ
		} else if p, ok := s.body.(*parallel); ok {
			b.typ = p.typeOf(b.name)
			if s.fallback != nil && s.fallback.typ != TypeMap {
				b.unavailable = &unavailable{fmt.Sprintf("has no value when step %d falls back", i+1), "use {" + s.name + "}, or have the fallback give a map with that branch in it"}
			} else if s.fallback != nil {
				b.typ = TypeAny
			}
		}
	}
}

func (c *compiler) fail(field, message, remedy string) { c.failWith(nil, field, message, remedy) }

// failWith is fail with a cause for errors.Is.
func (c *compiler) failWith(cause error, field, message, remedy string) {
	p := c.current
	p.field = field
	c.mistakes = append(c.mistakes, &problem{location: p, message: message, remedy: remedy, cause: cause})
}

// warn adds a warning about a field that is ignored.
func (c *compiler) warn(field string, notes []string) {
	p := c.current
	p.field = field
	for _, note := range notes {
		c.warnings = append(c.warnings, &problem{location: p, message: note})
	}
}

// name gives step i its name.
func (c *compiler) name(i int, steps []Step, pipe bool, prefix string) string {
	name := steps[i].Name
	c.current = placeOf(&steps[i], name, i, prefix)
	switch {
	case name == "" && len(steps) == 1:
		name = "answer"
	case name == "" && pipe:
		name = fmt.Sprintf("step%d", i+1)
	case name == "":
		c.fail("", "the step has no name", "name it, so that later steps can use its answer")
	case !textx.IsName(name):
		c.fail("name", fmt.Sprintf("%q cannot be a step's name", textx.Shorten(name)), "write letters, digits and _ only, so that {"+suggestName(name)+"} can stand for its answer")
	}
	return name
}

// step compiles one step.
func (c *compiler) step(src *Step, s *step, i int, prefix string) {
	was, at, index := c.scope, c.current, c.index
	defer func() { c.scope, c.current, c.index = was, at, index }()
	c.index, c.current = i, placeOf(src, s.name, i, prefix)
	if c.depth++; c.depth > maxDepth {
		c.fail("", fmt.Sprintf("steps are nested more than %d deep", maxDepth), "put some into chains of their own")
		c.depth--
		s.body = &textBody{}
		return
	}
	defer func() { c.depth-- }()
	c.chain.deep = max(c.chain.deep, c.depth)
	s.settings, s.share = src.settings(), src.Share
	c.settings(s.settings)
	c.chain.needs.addNames(&c.chain.needs.providers, src.Use...)
	c.flow(src, s)
	within := c.scope
	s.body, s.typ = c.body(src, s, c.current.inner())
	c.scope, c.current = was, placeOf(src, s.name, i, prefix)
	if s.repeat != nil {
		c.until(src, s)
	}
	if s.each != nil {
		s.typ = TypeList
	}
	if s.skipped != nil && s.typ != TypeText {
		s.typ = TypeAny
	}
	if src.Fallback != nil {
		c.scope = within // it is used each time
		c.fallback(src, s)
		c.scope = was
	}
	c.sharing(src)
	s.bodyOnly = s.when == nil && s.each == nil && s.repeat == nil && s.timeout == 0 && s.fallback == nil
}

// sharing warns of a share where nothing can be local but by the steps around.
func (c *compiler) sharing(src *Step) {
	if !src.Share || src.Privacy == provider.PrivacyLocal || src.Fallback != nil || src.Steps != nil || src.Parallel != nil || src.Route != nil || src.Chain != nil {
		return
	}
	p := c.current
	p.field = "share"
	c.warnings = append(c.warnings, &problem{location: p, message: "share: true has no effect: the step itself has no privacy: local", remedy: "move it to the step that has, or remove it"})
}

// fallback compiles what runs when s has failed.
func (c *compiler) fallback(src *Step, s *step) {
	inner := c.current.inner()
	s.fallback = &step{name: "fallback"}
	if src.Fallback.Name != "" {
		s.fallback.name = src.Fallback.Name
	}
	c.step(src.Fallback, s.fallback, c.index, inner)
	if s.fallback.typ != s.typ {
		s.typ = TypeAny
	}
}

// settings checks the ranges of what the step sets.
func (c *compiler) settings(r provider.Request) {
	c.valid("model", provider.Request{Model: r.Model})
	r.Model = ""
	c.valid("", r)
}

// valid notes what is wrong with r, apart from its messages.
func (c *compiler) valid(field string, r provider.Request) {
	r.Messages = []provider.Message{provider.User("valid")}
	var invalid *provider.Error
	if errors.As(r.Validate(), &invalid) {
		c.fail(field, invalid.Err.Error(), "")
	}
}

// suggestName makes an identifier of a name.
func suggestName(name string) string {
	id := strings.Map(func(r rune) rune {
		if textx.IsName("_" + string(r)) {
			return r
		}
		return '_'
	}, strings.TrimSpace(name))
	if !textx.IsName(id) {
		id = "_" + id
	}
	return textx.Shorten(id)
}

// suggest names the nearest of names, or all of them.
func suggest(name string, names []string) string {
	if near, ok := diag.Nearest(name, names); ok {
		return fmt.Sprintf("did you mean {%s}?", near)
	}
	if len(names) == 0 {
		return "there are none"
	}
	return "there are " + strings.Join(names, ", ")
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
