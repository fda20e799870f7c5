package jinja

import (
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/textx"
)

type tokenKind byte

const (
	tokenEnd tokenKind = iota
	tokenData
	tokenVar      // {{
	tokenVarEnd   // }}
	tokenBlock    // {%
	tokenBlockEnd // %}
	tokenName
	tokenString
	tokenNumber
	tokenOperator
)

type token struct {
	kind  tokenKind
	text  string
	value any // of a string or number
	at    int
}

// String is how an error shows the token.
func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the template"
	case tokenData:
		return "text"
	case tokenVar, tokenVarEnd, tokenBlock, tokenBlockEnd:
		return t.text
	}
	return strconv.Quote(textx.Shorten(t.text))
}

// failure ends parsing or rendering: it is thrown and caught in this package.
type failure struct{ *textx.Mistake }

func fail(at int, message, remedy string) {
	panic(failure{&textx.Mistake{Offset: at, Message: message, Remedy: remedy}})
}

// catch turns a thrown failure into the error it has.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case failure:
		*err = r.Mistake
	default:
		panic(r)
	}
}

type lexer struct {
	text   string
	at     int
	tokens []token
}

// lex cuts the text into tokens. Only here white space is controlled.
func lex(text string) []token {
	l := &lexer{text: text}
	for l.at < len(text) {
		l.data()
	}
	return append(l.tokens, token{kind: tokenEnd, at: len(text)})
}

// data takes text up to the next tag, and the tag.
func (l *lexer) data() {
	rest := l.text[l.at:]
	i := 0
	for {
		j := strings.IndexByte(rest[i:], '{')
		if j < 0 || i+j+1 >= len(rest) {
			l.emit(token{kind: tokenData, text: rest, at: l.at})
			l.at = len(l.text)
			return
		}
		if i += j; strings.IndexByte("{%#", rest[i+1]) >= 0 {
			break
		}
		i++
	}
	data, begin := rest[:i], l.at+i
	inside := begin + 2
	if inside < len(l.text) && (l.text[inside] == '-' || l.text[inside] == '+') {
		if l.text[inside] == '-' {
			data = strings.TrimRightFunc(data, textx.IsSpace)
		}
		inside++
	}
	if data != "" {
		l.emit(token{kind: tokenData, text: data, at: l.at})
	}
	l.at = inside
	switch l.text[begin+1] {
	case '#':
		end := strings.Index(l.text[inside:], "#}")
		if end < 0 {
			fail(begin, "this comment is never closed", "write #} at its end")
		}
		l.at = inside + end + 2
		if end > 0 && l.text[inside+end-1] == '-' {
			l.skipSpace()
		}
	case '%':
		if !l.raw(begin) {
			l.emit(token{kind: tokenBlock, text: "{%", at: begin})
			l.inside(begin, tokenBlockEnd, "%}")
		}
	default:
		l.emit(token{kind: tokenVar, text: "{{", at: begin})
		l.inside(begin, tokenVarEnd, "}}")
	}
}

func (l *lexer) emit(t token) { l.tokens = append(l.tokens, t) }

func (l *lexer) skipSpace() {
	l.at = len(l.text) - len(strings.TrimLeftFunc(l.text[l.at:], textx.IsSpace))
}

// raw takes {% raw %}…{% endraw %}, if the block whose inside begins here is one.
func (l *lexer) raw(begin int) bool {
	end, ok := l.wordTag(l.at, "raw")
	if !ok {
		return false
	}
	for i := end; ; i += 2 {
		j := strings.Index(l.text[i:], "{%")
		if j < 0 {
			fail(begin, "this raw block is never closed", "write {% endraw %} at its end")
		}
		i += j
		inside := i + 2
		trim := strings.HasPrefix(l.text[inside:], "-")
		if trim || strings.HasPrefix(l.text[inside:], "+") {
			inside++
		}
		after, ok := l.wordTag(inside, "endraw")
		if !ok {
			continue
		}
		data := l.text[end:i]
		if trim {
			data = strings.TrimRightFunc(data, textx.IsSpace)
		}
		if data != "" {
			l.emit(token{kind: tokenData, text: data, at: end})
		}
		l.at = after
		return true
	}
}

// wordTag returns where the block goes on that has one word inside, which
// begins at an offset.
func (l *lexer) wordTag(at int, word string) (after int, ok bool) {
	rest := strings.TrimLeftFunc(l.text[at:], textx.IsSpace)
	rest, ok = strings.CutPrefix(rest, word)
	if !ok {
		return 0, false
	}
	rest = strings.TrimLeftFunc(rest, textx.IsSpace)
	switch {
	case strings.HasPrefix(rest, "%}"):
		rest = rest[2:]
	case strings.HasPrefix(rest, "+%}"):
		rest = rest[3:]
	case strings.HasPrefix(rest, "-%}"):
		rest = strings.TrimLeftFunc(rest[3:], textx.IsSpace)
	default:
		return 0, false
	}
	return len(l.text) - len(rest), true
}

// inside takes the tokens of a tag, up to its end.
func (l *lexer) inside(begin int, end tokenKind, closing string) {
	var open []byte
	for {
		l.skipSpace()
		rest := l.text[l.at:]
		if rest == "" {
			fail(begin, "this "+l.text[begin:begin+2]+" is never closed", "write "+closing+" at its end")
		}
		if len(open) == 0 {
			trim := strings.HasPrefix(rest, "-"+closing)
			plus := end == tokenBlockEnd && strings.HasPrefix(rest, "+"+closing)
			if trim || plus || strings.HasPrefix(rest, closing) {
				l.emit(token{kind: end, text: closing, at: l.at})
				l.at += len(closing)
				if trim || plus {
					l.at++
				}
				if trim {
					l.skipSpace()
				}
				return
			}
		}
		t := l.next(rest)
		if t.kind == tokenOperator {
			switch c := t.text[0]; c {
			case '(', '[', '{':
				open = append(open, c)
			case ')', ']', '}':
				if len(open) == 0 || open[len(open)-1] != map[byte]byte{')': '(', ']': '[', '}': '{'}[c] {
					fail(l.at, "this "+t.text+" closes nothing", "open it before")
				}
				open = open[:len(open)-1]
			}
		}
		t.at = l.at
		l.at += len(t.text)
		l.emit(t)
	}
}
