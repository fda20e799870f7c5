package jinja

import (
	"slices"
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
		fail(p.token().at, "too many operators in a row", "simplify it")
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
			fail(t.at, "self is not supported: a template has no blocks", "write a macro instead of a block")
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
	fail(t.at, "expected an expression, found "+t.String(), "name a variable, or write a value")
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
