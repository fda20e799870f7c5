package jinja

import (
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// postfix takes what follows a value: .name, [index], (arguments).
func (p *parser) postfix(x expr) expr {
	for n := 0; ; n++ {
		if n > maxDepth {
			fail(p.token().at, "this reads too deep into a value", "simplify it")
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
		fail(t.at, "access to "+textx.Shorten(t.text)+" is not allowed", "remove it: only a value's fields can be read")
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
			fail(t.at, "a positional argument follows a named one", "turn them round")
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
			fail(p.token().at, "too many filters in a row", "simplify it")
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
		fail(t.at, "unknown filter "+textx.Shorten(t.text), suggest(t.text, filterNames()))
	}
	if p.skip("(") {
		f.a = p.arguments()
	}
	return f
}

func suggest(word string, known []string) string {
	if near, ok := diag.Nearest(word, known); ok {
		return "did you mean " + near + "?"
	}
	return "use one that docs/langchain.md lists"
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
		fail(t.at, "unknown test "+textx.Shorten(t.text), suggest(t.text, testNames()))
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
