package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

func constants(word string) bool {
	return slices.Contains([]string{"true", "false", "none", "True", "False", "None"}, word)
}

// tuple takes one expression, or several with commas between them, which are a
// tuple.
func (p *parser) tuple(conditions bool) expr {
	if conditions {
		return p.tupleOf(p.expression)
	}
	return p.tupleOf(p.or)
}

// tupleUntil is tuple without conditions, which would take the if of a loop.
func (p *parser) tupleUntil(...string) expr { return p.tupleOf(p.or) }

func (p *parser) tupleOf(one func() expr) expr {
	at := p.token().at
	var items []expr
	comma := false
	for len(items) == 0 || comma {
		if len(items) > 0 && p.tupleEnds() {
			break
		}
		items = append(items, one())
		if len(items) > 1 || p.is(",") {
			comma = p.skip(",")
			if !comma {
				break
			}
			continue
		}
		return items[0]
	}
	return &listOf{pos(at), items, true}
}

func (p *parser) tupleEnds() bool {
	t := p.token()
	return t.kind == tokenVarEnd || t.kind == tokenBlockEnd || p.is(")") || p.is("in")
}

// expression takes an expression with conditions: a if b else c.
func (p *parser) expression() expr {
	defer p.deeper()()
	x := p.or()
	for n := 0; p.is("if"); n++ {
		p.bound(n)
		at := p.next().at
		c := &conditional{pos: pos(at), yes: x, test: p.or()}
		if p.skip("else") {
			c.no = p.expression()
		}
		x = c
	}
	return x
}

// bound ends a chain of operators that is too long to be computed: the left ones
// lie in the right ones.
func (p *parser) bound(n int) {
	if n > 10_000 {
		fail(p.token().at, "these are too many operators in a row", "make it simpler")
	}
}

func (p *parser) or() expr {
	x := p.and()
	for n := 0; p.is("or"); n++ {
		p.bound(n)
		x = &binary{pos(p.next().at), "or", x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for n := 0; p.is("and"); n++ {
		p.bound(n)
		x = &binary{pos(p.next().at), "and", x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	if p.is("not") {
		defer p.deeper()()
		return &unary{pos(p.next().at), "not", p.not()}
	}
	return p.compare()
}

func (p *parser) compare() expr {
	first := p.sum()
	c := &compare{pos: pos(p.token().at), first: first}
	for {
		op := p.token()
		switch {
		case p.is("not") && p.tokens[p.at+1].kind == tokenName && p.tokens[p.at+1].text == "in":
			p.at += 2
			op.text = "not in"
		case p.is("in") || op.kind == tokenOperator && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op.text):
			p.next()
		default:
			if c.ops == nil {
				return first
			}
			return c
		}
		c.ops, c.rest = append(c.ops, op.text), append(c.rest, p.sum())
	}
}

// left takes operators of one rank, the left ones first.
func (p *parser) left(one func() expr, ops ...string) expr {
	x := one()
	for n := 0; p.token().kind == tokenOperator && slices.Contains(ops, p.token().text); n++ {
		p.bound(n)
		t := p.next()
		x = &binary{pos(t.at), t.text, x, one()}
	}
	return x
}

func (p *parser) sum() expr     { return p.left(p.concat, "+", "-") }
func (p *parser) concat() expr  { return p.left(p.product, "~") }
func (p *parser) product() expr { return p.left(p.power, "*", "/", "//", "%") }
func (p *parser) power() expr   { return p.left(func() expr { return p.unary(true) }, "**") }

func (p *parser) unary(filters bool) expr {
	defer p.deeper()()
	var x expr
	if p.is("-") || p.is("+") {
		t := p.next()
		x = &unary{pos(t.at), t.text, p.unary(false)}
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	if filters {
		x = p.filters(x)
	}
	return x
}

func (p *parser) primary() expr {
	t := p.next()
	at := pos(t.at)
	switch t.kind {
	case tokenName:
		switch t.text {
		case "true", "True":
			return &constant{at, true}
		case "false", "False":
			return &constant{at, false}
		case "none", "None":
			return &constant{at, nil}
		case "self":
			fail(t.at, "there is no self: a template has no blocks", "write a macro instead of a block")
		}
		return &name{at, t.text}
	case tokenString:
		s := t.value.(string)
		for p.token().kind == tokenString {
			s += p.next().value.(string)
		}
		return &constant{at, s}
	case tokenNumber:
		return &constant{at, t.value}
	case tokenOperator:
		switch t.text {
		case "(":
			if p.skip(")") {
				return &listOf{at, nil, true}
			}
			x := p.tuple(true)
			p.expect(")")
			return x
		case "[":
			return &listOf{at, p.items("]"), false}
		case "{":
			return p.dict(at)
		}
	}
	p.at--
	if t.kind == tokenEnd {
		p.at++
	}
	fail(t.at, "here is "+t.String()+", where an expression belongs", "name a variable, or write a value")
	return nil
}

func (p *parser) items(closing string) []expr {
	var out []expr
	for !p.skip(closing) {
		if len(out) > 0 {
			p.expect(",")
			if p.skip(closing) {
				break
			}
		}
		out = append(out, p.expression())
	}
	return out
}

func (p *parser) dict(at pos) expr {
	d := &dictOf{pos: at}
	for !p.skip("}") {
		if len(d.keys) > 0 {
			p.expect(",")
			if p.skip("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.expect(":")
		d.values = append(d.values, p.expression())
	}
	return d
}

// postfix takes what follows a value: .name, [index], (arguments).
func (p *parser) postfix(x expr) expr {
	for n := 0; ; n++ {
		if n > maxDepth {
			fail(p.token().at, "this goes too deep into a value", "make it simpler")
		}
		t := p.token()
		switch {
		case p.is("."):
			p.next()
			x = p.attribute(x, pos(t.at))
		case p.is("["):
			p.next()
			x = p.subscript(x, pos(t.at))
		case p.is("("):
			p.next()
			x = &call{pos(t.at), x, p.arguments()}
		default:
			return x
		}
	}
}

func (p *parser) attribute(x expr, at pos) expr {
	t := p.next()
	switch {
	case t.kind == tokenNumber:
		return &item{at, x, &constant{pos(t.at), t.value}}
	case t.kind != tokenName:
		p.at--
		p.unexpected("a name")
	case strings.HasPrefix(t.text, "__"):
		fail(t.at, "access to "+textx.Shorten(t.text)+" is not allowed", "leave it out: values have no inside but their fields")
	}
	return &attribute{at, x, t.text}
}

func (p *parser) subscript(x expr, at pos) expr {
	var from expr
	if !p.is(":") {
		from = p.expression()
		if p.skip("]") {
			return &item{at, x, from}
		}
	}
	s := &slice{pos: at, x: x, from: from}
	p.expect(":")
	if !p.is(":") && !p.is("]") {
		s.to = p.expression()
	}
	if p.skip(":") && !p.is("]") {
		s.step = p.expression()
	}
	p.expect("]")
	return s
}

// arguments takes the rest of a call, behind its parenthesis.
func (p *parser) arguments() arguments {
	var a arguments
	for n := 0; !p.skip(")"); n++ {
		if n > 0 {
			p.expect(",")
			if p.skip(")") {
				break
			}
		}
		t := p.token()
		switch {
		case p.skip("**"):
			a.dict = p.expression()
		case a.dict != nil:
			p.unexpected(")")
		case p.skip("*"):
			a.list = p.expression()
		case t.kind == tokenName && p.tokens[p.at+1].kind == tokenOperator && p.tokens[p.at+1].text == "=":
			p.at += 2
			a.names = append(a.names, t.text)
			a.values = append(a.values, p.expression())
		case len(a.names) > 0:
			fail(t.at, "an argument without a name comes after one with a name", "turn them round")
		default:
			a.values = append(a.values, p.expression())
		}
	}
	return a
}

// filters takes filters, tests and calls behind a value.
func (p *parser) filters(x expr) expr {
	for n := 0; ; n++ {
		if n > maxDepth {
			fail(p.token().at, "these are too many filters", "make it simpler")
		}
		switch {
		case p.is("|"):
			p.next()
			x = p.filter(x)
		case x != nil && p.is("is"):
			p.next()
			x = p.test(x)
		case x != nil && p.is("("):
			t := p.next()
			x = &call{pos(t.at), x, p.arguments()}
		default:
			return x
		}
	}
}

// filter takes a filter, whose name is next.
func (p *parser) filter(x expr) expr {
	t := p.expectName()
	f := &filtered{pos: pos(t.at), x: x, name: t.text, filter: filterOf(t.text)}
	if f.filter == nil {
		fail(t.at, "there is no filter "+textx.Shorten(t.text), suggest(t.text, filterNames()))
	}
	if p.skip("(") {
		f.a = p.arguments()
	}
	return f
}

func suggest(word string, known []string) string {
	if near, ok := yamlx.Nearest(word, known); ok {
		return "did you mean " + near + "?"
	}
	return "take one of those that docs/langchain.md lists"
}

func (p *parser) test(x expr) expr {
	negated := p.is("not")
	at := p.token().at
	if negated {
		p.next()
	}
	t := p.expectName()
	n := &tested{pos: pos(t.at), x: x, name: t.text, test: testOf(t.text)}
	if n.test == nil {
		fail(t.at, "there is no test "+textx.Shorten(t.text), suggest(t.text, testNames()))
	}
	next := p.token()
	switch {
	case p.skip("("):
		n.a = p.arguments()
	case p.is("is"):
		fail(next.at, "tests cannot follow each other", "put and between them")
	case next.kind == tokenName && !p.is("else") && !p.is("or") && !p.is("and") && !p.is("if") && !p.is("in") && !p.is("not") && !p.is("recursive"),
		next.kind == tokenString, next.kind == tokenNumber, p.is("["), p.is("{"):
		n.a.values = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &unary{pos(at), "not", n}
	}
	return n
}
