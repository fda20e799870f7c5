package template

import (
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// field is how a part shows its value.
type field struct {
	conversion byte // r, s, a or 0
	spec       pyval.Spec
	offset     int // of its brace
	length     int // with both braces
}

// parseFString compiles an f-string template: what Python's str.format takes,
// without what LangChain refuses. The first mistake in it is the error, a
// *[Error]: a brace without its partner, {} without a name, attribute or index
// access ({a.b}, {a[0]}), a format within a format ({a:{b}}), a conversion or
// format that is none, a name that is no identifier.
func parseFString(text string) (*Template, error) {
	t := &Template{text: text}
	vars := newIndexer(t)
	var literal strings.Builder
	for rest := 0; rest < len(text); {
		i := strings.IndexAny(text[rest:], "{}")
		if i < 0 {
			literal.WriteString(text[rest:])
			break
		}
		literal.WriteString(text[rest : rest+i])
		brace := rest + i
		rest = brace + 1
		switch {
		case rest < len(text) && text[rest] == text[brace]: // {{ or }}
			literal.WriteByte(text[brace])
			rest++
		case text[brace] == '}':
			return nil, errorAt(text, brace, "unexpected }", "write }} for a literal brace")
		default:
			name, f, length, err := fieldAt(text, brace)
			if err != nil {
				return nil, err
			}
			t.parts = append(t.parts, part{literal.String(), vars.index(name, brace, Text), f})
			t.formatted = t.formatted || f != nil
			literal.Reset()
			rest = brace + length
		}
	}
	t.tail = literal.String()
	return t, nil
}

// indexer puts variables into a template while it is parsed, in time that does
// not grow with their number. Offsets that only grow are cheap.
type indexer struct {
	t      *Template
	known  map[string]int
	offset int
	at     textx.Position // of offset
}

func newIndexer(t *Template) *indexer {
	return &indexer{t: t, known: map[string]int{}, at: textx.Position{Line: 1, Column: 1}}
}

// index returns name's index in t.vars, where it puts it on first use.
func (x *indexer) index(name string, offset int, k Kind) int {
	if i, ok := x.known[name]; ok {
		x.t.vars[i].Kind = max(x.t.vars[i].Kind, k)
		return i
	}
	at := x.place(offset)
	x.known[name] = len(x.t.vars)
	x.t.vars = append(x.t.vars, Var{Name: name, Line: at.Line, Column: at.Column, Kind: k})
	return len(x.t.vars) - 1
}

func (x *indexer) place(offset int) textx.Position {
	if offset < x.offset {
		return textx.PositionOf(x.t.text, offset)
	}
	from := textx.PositionOf(x.t.text[x.offset:], offset-x.offset)
	if from.Line == 1 {
		from.Column += x.at.Column - 1
	}
	from.Line += x.at.Line - 1
	x.offset, x.at = offset, from
	return from
}

// fieldAt returns the variable's name in the field that opens at offset brace,
// how it is shown (nil: as its text), and the field's length.
func fieldAt(text string, brace int) (name string, f *field, length int, err error) {
	end := strings.IndexAny(text[brace+1:], "{}")
	nested := end >= 0 && text[brace+1+end] == '{'
	inside := ""
	if end >= 0 {
		inside = text[brace+1 : brace+1+end]
	}
	name = inside[:textx.NameLen(inside)]
	how := inside[len(name):]
	switch {
	case nested && name != "" && strings.HasPrefix(how, ":"):
		return "", nil, 0, errorAt(text, brace, "the format of {"+name+"} has a field in it, and nested replacement fields are not allowed", "write {{ for a literal brace")
	case end < 0 || nested:
		return "", nil, 0, errorAt(text, brace, "this { is never closed", "write {{ for a literal brace")
	case name == "" || how != "" && how[0] != ':' && how[0] != '!':
		message, remedy := judge(inside)
		return "", nil, 0, errorAt(text, brace, message, remedy)
	}
	length = end + 2
	if how == "" {
		return name, nil, length, nil
	}
	f = &field{offset: brace, length: length}
	if message, remedy := f.parse(name, how); message != "" {
		return "", nil, 0, errorAt(text, brace, "{"+textx.Shorten(inside)+"} "+message, remedy)
	}
	return name, f, length, nil
}

// parse reads what follows a name: !r, :>8 or both.
func (f *field) parse(name, how string) (message, remedy string) {
	if how[0] == '!' {
		how = how[1:]
		if how == "" || strings.IndexByte("rsa", how[0]) < 0 || len(how) > 1 && how[1] != ':' {
			return "has an unknown conversion", "the conversions are !r, !s and !a; write {" + name + "} or {" + name + "!r}"
		}
		f.conversion, how = how[0], how[1:]
	}
	spec, err := pyval.ParseSpec(strings.TrimPrefix(how, ":"))
	if err != nil {
		return "has an invalid format: " + err.Error(), "write {" + name + "}, or a format such as {" + name + ":.2f} or {" + name + ":>8}"
	}
	if f.conversion != 0 && spec.NeedsNumber() {
		return "formats a number, but the conversion before it makes text", "leave one of them out"
	}
	f.spec = spec
	return "", ""
}

// judge says what is wrong with a field that has no name.
func judge(inside string) (message, remedy string) {
	shown := "{" + textx.Shorten(inside) + "}"
	name := inside[:textx.NameLen(inside)]
	trimmed := strings.TrimSpace(inside)
	switch {
	case trimmed == "":
		return shown + " has no name", "name the variable, such as {country}, or write {{}} for the braces themselves"
	case textx.IsName(trimmed):
		return shown + " has spaces around the name", "write {" + textx.Shorten(trimmed) + "}"
	case name != "" && strings.ContainsRune(".[", rune(inside[len(name)])):
		return shown + " reaches into a value, and variable names cannot contain attribute access (.) or indexing ([])", "write {" + name + "}, or reach into it in a mustache template"
	case strings.IndexAny(trimmed, ":!") == 0:
		return shown + " has no name", "name the variable, such as {country" + textx.Shorten(trimmed) + "}"
	case strings.Trim(trimmed, "0123456789") == "":
		return shown + " is a number, not a variable's name", "name the variable, such as {country}"
	}
	return shown + " is not a variable's name", "write {{ and }} for literal braces; a name has letters, digits and _"
}

// renderFormatted is Render where some field has a format.
func (t *Template) renderFormatted(v Values) (string, error) {
	values := make([]any, len(t.vars))
	missing := false
	for i, x := range t.vars {
		value, ok := v.Lookup(x.Name)
		missing = missing || !ok
		plain, err := pyval.Plain(value)
		if err != nil {
			return "", x.refuse(err)
		}
		values[i] = plain
	}
	if missing {
		return "", t.missing(v)
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.literal)
		text, err := p.field.format(values[p.name])
		if err != nil {
			shown := textx.Shorten(t.text[p.field.offset : p.field.offset+p.field.length])
			return "", errorAt(t.text, p.field.offset, shown+" cannot format a value of type "+pyval.TypeName(values[p.name])+": "+err.Error(),
				"give "+t.vars[p.name].Name+" another value, or change the format")
		}
		if b.Len()+len(text)+len(t.tail) > maxText {
			return "", t.tooLong()
		}
		b.WriteString(text)
	}
	b.WriteString(t.tail)
	return b.String(), nil
}

func (f *field) format(value any) (string, error) {
	if f == nil {
		return pyval.Str(value, nil)
	}
	var err error
	switch f.conversion {
	case 'r':
		value, err = pyval.Repr(value, nil)
	case 's':
		value, err = pyval.Str(value, nil)
	case 'a':
		value, err = pyval.ASCII(value, nil)
	}
	if err != nil {
		return "", err
	}
	return pyval.Format(value, f.spec)
}
