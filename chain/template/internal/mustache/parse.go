// Package mustache has mustache templates as LangChain renders them: its fork
// of chevron, token by token, with what that does where the specification says
// nothing or something else.
package mustache

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Template is a compiled text. It is immutable and safe for concurrent use.
type Template struct {
	tokens   []token
	partials map[string][]token
	vars     []Var
	known    map[string]int // index into vars
}

// Var is a variable.
type Var struct {
	Name      string
	Offset    int  // of its tag, in bytes; for one in a partial, of the partial's
	Inside    bool // it is a section, or has fields
	InSection bool // only in sections, whose items may have it as well
}

type kind byte

const (
	literal kind = iota
	variable
	raw // {{{name}}} and {{&name}}
	section
	inverted
	end
	partial
	comment
	delimiters
)

type token struct {
	kind   kind
	text   string // the literal, or the key
	path   []string
	offset int
}

// Parse compiles a text and the partials that it may include. The error is a
// *textx.Mistake; one in a partial is placed at the tag that includes it.
func Parse(text string, partials map[string]string) (*Template, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	t := &Template{tokens: tokens, partials: map[string][]token{}, known: map[string]int{}}
	return t, t.include(tokens, partials, -1, 0, map[string]bool{})
}

// Vars returns the variables in order of first use.
func (t *Template) Vars() []Var { return t.vars }

// include notes the variables of tokens, and compiles the partials that they
// include. at is the place of the partial's tag, -1 for the text itself.
// depth counts the sections around it.
func (t *Template) include(tokens []token, partials map[string]string, at, depth int, seen map[string]bool) error {
	for _, x := range tokens {
		offset := x.offset
		if at >= 0 {
			offset = at
		}
		switch x.kind {
		case variable, raw, section, inverted:
			if x.text == "." && depth == 0 {
				return &textx.Mistake{Offset: offset, Message: "{{.}} is a list's item, but there is no list here", Remedy: "write it inside {{#items}} and {{/items}}"}
			}
			if x.text != "." {
				t.addVar(Var{x.path[0], offset, x.kind == section || x.kind == inverted || len(x.path) > 1, depth > 0})
			}
			if x.kind == section || x.kind == inverted {
				depth++
			}
		case end:
			depth--
		case partial:
			if err := t.partial(x.text, partials, offset, depth, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Template) partial(name string, partials map[string]string, offset, depth int, seen map[string]bool) error {
	text, ok := partials[name]
	if !ok {
		remedy := "no partials are available here; write its text instead"
		if len(partials) > 0 {
			remedy = diag.Suggest(name, slices.Collect(maps.Keys(partials)))
		}
		return &textx.Mistake{Offset: offset, Message: fmt.Sprintf("unknown partial %q", textx.Shorten(name)), Remedy: remedy}
	}
	// The same partial counts once outside of sections, where its variables are
	// needed, and once inside.
	key := fmt.Sprint(depth == 0, name)
	if seen[key] {
		return nil
	}
	seen[key] = true
	tokens, ok := t.partials[name]
	if !ok {
		var err error
		if tokens, err = tokenize(text); err != nil {
			var m *textx.Mistake
			if errors.As(err, &m) {
				p := textx.PositionOf(text, m.Offset)
				err = &textx.Mistake{Offset: offset, Message: fmt.Sprintf("in partial %q, line %d, column %d: %s", textx.Shorten(name), p.Line, p.Column, m.Message), Remedy: m.Remedy}
			}
			return err
		}
		t.partials[name] = tokens
	}
	return t.include(tokens, partials, offset, depth, seen)
}

func (t *Template) addVar(v Var) {
	if i, ok := t.known[v.Name]; ok {
		t.vars[i].Inside = t.vars[i].Inside || v.Inside
		if t.vars[i].InSection && !v.InSection {
			t.vars[i].InSection, t.vars[i].Offset = false, v.Offset
		}
		return
	}
	t.known[v.Name] = len(t.vars)
	t.vars = append(t.vars, v)
}

// tokenizer is what tokenize knows on its way.
type tokenizer struct {
	text        string
	at          int // the rest begins here
	left, right string
	open        []token
}

func tokenize(text string) ([]token, error) {
	z := tokenizer{text: text, left: "{{", right: "}}"}
	var tokens []token
	standalone := true // the tag before was alone on its line, or there was none
	for z.at < len(text) {
		begin := z.at
		i := strings.Index(text[begin:], z.left)
		if i < 0 {
			tokens = append(tokens, token{kind: literal, text: text[begin:], offset: begin})
			break
		}
		before := text[begin : begin+i]
		z.at = begin + i + len(z.left)
		if strings.Contains(before, "\n") || standalone {
			line := before[strings.LastIndexByte(before, '\n')+1:]
			standalone = blank(line)
		}
		tag, err := z.tag(begin + i)
		if err != nil {
			return nil, err
		}
		if standalone = standalone && tag.kind != variable && tag.kind != raw; standalone {
			line, _, more := strings.Cut(text[z.at:], "\n")
			if standalone = blank(line); standalone {
				if more {
					z.at += len(line) + 1
				}
				if tag.kind != partial {
					before = strings.TrimRight(before, " ")
				}
			}
		}
		if before != "" {
			tokens = append(tokens, token{kind: literal, text: before, offset: begin})
		}
		if tag.kind != comment && tag.kind != delimiters {
			tokens = append(tokens, tag)
		}
	}
	if n := len(z.open); n > 0 {
		return nil, &textx.Mistake{Offset: z.open[n-1].offset, Message: fmt.Sprintf("section %q is never closed", textx.Shorten(z.open[n-1].text)), Remedy: "write {{/" + textx.Shorten(z.open[n-1].text) + "}} at its end"}
	}
	return tokens, nil
}

// tag reads the tag whose delimiter begins at offset, and goes behind it.
func (z *tokenizer) tag(offset int) (token, error) {
	inside, _, ok := strings.Cut(z.text[z.at:], z.right)
	if !ok {
		return token{}, &textx.Mistake{Offset: offset, Message: "this " + textx.Shorten(z.left) + " is never closed", Remedy: "write " + textx.Shorten(z.right) + " at its end; for braces in the text change the delimiters: {{=<% %>=}}"}
	}
	z.at += len(inside) + len(z.right)
	if blank(inside) {
		return token{}, &textx.Mistake{Offset: offset, Message: "this tag is empty", Remedy: "name a variable, such as {{country}}"}
	}
	t := token{kind: variable, offset: offset}
	switch first := inside[0]; first {
	case '!':
		t.kind = comment
	case '#':
		t.kind = section
	case '^':
		t.kind = inverted
	case '/':
		t.kind = end
	case '>':
		t.kind = partial
	case '=':
		t.kind = delimiters
	case '&':
		t.kind = raw
	case '{':
		if z.left != "{{" || z.right != "}}" || !strings.HasPrefix(z.text[z.at:], "}") {
			return t, &textx.Mistake{Offset: offset, Message: "this {{{ is closed by }} only", Remedy: "write }}} at its end"}
		}
		t.kind = raw
		z.at++
	}
	if t.kind != variable {
		inside = inside[1:]
	}
	if t.kind == delimiters {
		return t, z.setDelimiters(inside, offset)
	}
	t.text = strings.TrimFunc(inside, textx.IsSpace)
	if t.text == "" && t.kind != comment {
		return t, &textx.Mistake{Offset: offset, Message: "this tag has no name", Remedy: "name a variable, such as {{country}}"}
	}
	t.path = strings.Split(t.text, ".")
	switch t.kind {
	case section, inverted:
		if z.open = append(z.open, t); len(z.open) > maxDepth {
			return t, &textx.Mistake{Offset: offset, Message: fmt.Sprintf("sections are nested more than %d deep here", maxDepth), Remedy: "close some of them"}
		}
	case end:
		return t, z.closeSection(t)
	}
	return t, nil
}

func (z *tokenizer) closeSection(t token) error {
	n := len(z.open)
	if n == 0 {
		return &textx.Mistake{Offset: t.offset, Message: fmt.Sprintf("{{/%s}} closes no section", textx.Shorten(t.text)), Remedy: "open it before: {{#" + textx.Shorten(t.text) + "}}"}
	}
	last := z.open[n-1].text
	z.open = z.open[:n-1]
	if last != t.text {
		return &textx.Mistake{Offset: t.offset, Message: fmt.Sprintf("{{/%s}} closes a section while %q is open", textx.Shorten(t.text), textx.Shorten(last)), Remedy: "write {{/" + textx.Shorten(last) + "}} first"}
	}
	return nil
}

// setDelimiters reads {{=<% %>=}}.
func (z *tokenizer) setDelimiters(inside string, offset int) error {
	words := strings.Split(strings.TrimFunc(strings.TrimSuffix(inside, "="), textx.IsSpace), " ")
	if !strings.HasSuffix(inside, "=") || words[0] == "" || len(words) < 2 {
		return &textx.Mistake{Offset: offset, Message: "this tag sets no delimiters", Remedy: "write it as {{=<% %>=}}"}
	}
	z.left, z.right = words[0], words[len(words)-1]
	return nil
}

// blank reports whether s is empty or white.
func blank(s string) bool { return strings.TrimFunc(s, textx.IsSpace) == "" }
