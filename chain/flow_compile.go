package chain

import (
	"fmt"

	"github.com/tandem-llm/tandem/internal/textx"
)

// each is a step that runs for the elements of a list.
type each struct {
	over        *expression
	as          string
	concurrency int
}

// repeat is a step that runs again and again.
type repeat struct {
	until *expression // nil: max rounds
	max   int
	start *expression // nil: none
	as    string      // what the value of the round before is called
	keep  bool
}

// Bounds of what steps may ask for.
const (
	defaultConcurrency = 4
	maxConcurrency     = 1000
	maxRounds          = 1000
	maxRetries         = 10
)

// flow compiles when and how often a step runs. The names that this gives are
// known to what is compiled next.
func (c *compiler) flow(src *Step, s *step) {
	s.skipped, s.retries, s.timeout = src.Else, src.Retries, src.Timeout
	if src.When != "" {
		s.when = c.expression("when", src.When, TypeBool)
	} else if src.Else != nil {
		c.fail("else", "else needs a when", "add when, or remove else")
	}
	if src.Retries < 0 || src.Retries > maxRetries {
		c.fail("retries", fmt.Sprintf("retries is %d; it must be between 0 and %d", src.Retries, maxRetries), "")
	}
	if src.Timeout < 0 {
		c.fail("timeout", fmt.Sprintf("the timeout %s is negative", src.Timeout), "")
	}
	if src.Concurrency < 0 || src.Concurrency > maxConcurrency {
		c.fail("concurrency", fmt.Sprintf("concurrency is %d; it must be between 1 and %d", src.Concurrency, maxConcurrency), "")
	}
	if src.Concurrency > 0 && src.Each == "" && len(src.Parallel) == 0 {
		c.fail("concurrency", "nothing runs in parallel here", "write each or parallel, or remove it")
	}
	c.each(src, s)
	c.repeat(src, s)
}

func (c *compiler) each(src *Step, s *step) {
	if src.Each == "" {
		if src.As != "" {
			c.fail("as", "as needs an each", "add each, or remove as")
		}
		return
	}
	s.each = &each{as: src.As, concurrency: src.Concurrency}
	if s.each.as == "" {
		s.each.as = "item"
	}
	if s.each.concurrency == 0 {
		s.each.concurrency = defaultConcurrency
	}
	s.each.over = c.expression("each", src.Each, TypeAny)
	if e := s.each.over; e != nil && e.typ != TypeAny && e.typ != TypeList {
		c.fail("each", fmt.Sprintf("%s is a %s, but a list is needed", textx.Shorten(src.Each), e.typ), "add `parse: list` to the step that it comes from, or split it")
	}
	if !textx.IsName(s.each.as) {
		c.fail("as", fmt.Sprintf("%q cannot be a variable's name", textx.Shorten(s.each.as)), "use only letters, digits and _")
	}
	if c.scope.taken(s.each.as) {
		c.fail("as", fmt.Sprintf("{%s} is already a step's answer", s.each.as), "choose another name for the element")
	}
	c.scope = &scope{parent: c.scope, bindings: []binding{{name: s.each.as, typ: TypeAny, step: -1, known: true}}}
}

func (c *compiler) repeat(src *Step, s *step) {
	r := src.Repeat
	if r == nil {
		return
	}
	s.repeat = &repeat{max: r.Max, keep: r.Keep, as: s.name}
	if r.Max < 1 || r.Max > maxRounds {
		c.fail("max", fmt.Sprintf("max is %d; it must be between 1 and %d", r.Max, maxRounds), "set max to the most rounds to run")
	}
	if r.Until == "" && r.Keep {
		c.fail("keep", "keep needs an until", "remove it")
	}
	if r.Start == "" {
		return
	}
	s.repeat.start = c.expression("start", r.Start, TypeAny)
	typ := TypeAny
	if s.repeat.start != nil {
		typ = s.repeat.start.typ
	}
	c.scope = &scope{parent: c.scope, bindings: []binding{{name: s.name, typ: typ, step: -1, known: true}}}
}

// until compiles the end of a loop, in which the step's own value is known.
func (c *compiler) until(src *Step, s *step) {
	if src.Repeat.Until == "" {
		return
	}
	outer := c.scope
	c.scope = &scope{parent: outer, bindings: []binding{{name: s.name, typ: s.typ, step: -1, known: true}}}
	s.repeat.until = c.expression("until", src.Repeat.Until, TypeBool)
	c.scope = outer
}
