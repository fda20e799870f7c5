// Package jinja has jinja2 templates, as far as prompts use them, in a sandbox
// that is one by construction: there are no objects but texts, numbers, lists
// and mappings, nothing reaches outside, and each rendering has a bound on its
// work and memory. gonja, the library for Go, has no such bound: it computes
// 'a' * 10**9, and nothing in it can be asked to stop.
//
// There are: for, if, set, with, macro, call, filter, raw, most filters, tests
// and methods. There are not: include, import, extends and block, recursive
// loops, methods that change a list or mapping, and random.
package jinja

import (
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// maxDepth bounds how deep expressions and blocks lie in each other, and how
// deep macros call each other.
const maxDepth = 100

// Template is a compiled text. It is immutable and safe for concurrent use.
type Template struct {
	body []statement
	vars []Var
	// place maps an offset in the text with \n for every line break to one in
	// the text as it was; nil: they are the same.
	place []int
}

// Parse compiles a text. The error is a *textx.Mistake.
func Parse(source string) (t *Template, err error) {
	t = &Template{}
	source, t.place = newlines(source)
	defer func() { t.restore(err) }()
	defer catch(&err)
	p := &parser{tokens: lex(source)}
	t.body = p.statements(0)
	if p.token().kind == tokenBlock {
		word := p.tokens[p.at+1]
		fail(word.at, "{% "+textx.Shorten(word.text)+" %} closes nothing", "open its block first, or remove it")
	}
	t.vars = analyse(t.body)
	for i := range t.vars {
		t.vars[i].Offset = t.original(t.vars[i].Offset)
	}
	return t, nil
}

// Vars returns the variables in order of first use.
func (t *Template) Vars() []Var { return t.vars }

// newlines makes every line break a \n and takes the last one away, as jinja2
// does.
func newlines(s string) (string, []int) {
	if !strings.Contains(s, "\r") {
		return strings.TrimSuffix(s, "\n"), nil
	}
	var b strings.Builder
	var place []int
	for i := 0; i < len(s); i++ {
		place = append(place, i)
		if s[i] != '\r' {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('\n')
		if i+1 < len(s) && s[i+1] == '\n' {
			i++
		}
	}
	return strings.TrimSuffix(b.String(), "\n"), append(place, len(s))
}

func (t *Template) original(offset int) int {
	if t.place == nil {
		return offset
	}
	return t.place[offset]
}

// restore gives a mistake its place in the text as it was.
func (t *Template) restore(err error) {
	if m, ok := err.(*textx.Mistake); ok { //nolint:errorlint // what catch gave, and nothing around it
		m.Offset = t.original(m.Offset)
	}
}

type parser struct {
	tokens []token
	at     int
	depth  int
}

func (p *parser) token() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// is reports whether the token is this operator or name.
func (p *parser) is(text string) bool {
	t := p.token()
	return (t.kind == tokenOperator || t.kind == tokenName) && t.text == text
}

func (p *parser) skip(text string) bool {
	if p.is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) token {
	if !p.is(text) {
		p.unexpected(text)
	}
	return p.next()
}

func (p *parser) unexpected(want string) {
	fail(p.token().at, "expected "+want+", found "+p.token().String(), "write "+want)
}

func (p *parser) expectName() token {
	if p.token().kind != tokenName {
		p.unexpected("a name")
	}
	return p.next()
}

func (p *parser) expectEnd(kind tokenKind, shown string) {
	if p.token().kind != kind {
		p.unexpected(shown)
	}
	p.next()
}

// deeper counts a level; the caller defers what it returns.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxDepth {
		fail(p.token().at, "this is nested too deep", "simplify it")
	}
	return func() { p.depth-- }
}

// statements takes statements up to the end or to a block that begins with one
// of the words, at whose name it stops. begin is the block's place.
func (p *parser) statements(begin int, until ...string) []statement {
	defer p.deeper()()
	var out []statement
	for {
		switch t := p.token(); t.kind {
		case tokenEnd:
			if len(until) > 0 {
				last := until[len(until)-1]
				fail(begin, "this block is never closed", "write {% "+last+" %} at its end")
			}
			return out
		case tokenData:
			out = append(out, text(p.next().text))
		case tokenVar:
			p.next()
			out = append(out, &output{p.tuple(true)})
			p.expectEnd(tokenVarEnd, "}}")
		case tokenBlock:
			word := p.tokens[p.at+1]
			if word.kind == tokenName && slices.Contains(until, word.text) {
				p.at++
				return out
			}
			if strings.HasPrefix(word.text, "end") || word.text == "else" || word.text == "elif" {
				if len(until) == 0 {
					return out
				}
				fail(word.at, "{% "+textx.Shorten(word.text)+" %} is inside another block", "close that first: {% "+until[len(until)-1]+" %}")
			}
			p.at++
			if s := p.statement(); s != nil {
				out = append(out, s)
			}
		default:
			p.unexpected("text")
		}
	}
}

// endBlock takes the rest of a closing tag.
func (p *parser) endBlock() {
	p.next()
	p.expectEnd(tokenBlockEnd, "%}")
}

// statement takes a block whose word is next.
func (p *parser) statement() statement {
	word := p.expectName()
	switch word.text {
	case "for":
		return p.forLoop(word.at)
	case "if":
		return p.ifElse(word.at)
	case "set":
		return p.assign(word.at)
	case "with":
		return p.with(word.at)
	case "macro":
		return p.macro(word.at)
	case "call":
		return p.callBlock(word.at)
	case "filter":
		f := p.filters(p.filter(nil))
		p.expectEnd(tokenBlockEnd, "%}")
		body := p.statements(word.at, "endfilter")
		p.endBlock()
		return &filterBlock{f, body}
	case "include", "import", "from", "extends", "block":
		fail(word.at, "{% "+word.text+" %} is not allowed: a template cannot load another", "write its content here instead")
	}
	known := []string{"for", "if", "set", "with", "macro", "call", "filter", "raw"}
	fail(word.at, "unknown tag {% "+textx.Shorten(word.text)+" %}", diag.Suggest(word.text, known))
	return nil
}
