package mustache

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// What one rendering may take: tokens and bytes together, and partials or
// sections in each other.
const (
	maxWork  = 32 << 20
	maxDepth = 100
)

// root is the scope of all values.
type root struct{ values map[string]any }

// Render returns the text with values, which are plain ones (pyval). The error
// is a *textx.Mistake: {{.}} where it stands for no single value, or more work
// than a template may make.
func (t *Template) Render(values map[string]any) (string, error) {
	r := renderer{t: t, meter: pyval.Meter{Left: maxWork}}
	scopes := []any{root{values}}
	var b strings.Builder
	err := r.run(&b, t.tokens, &scopes, "")
	return b.String(), err
}

type renderer struct {
	t     *Template
	meter pyval.Meter
	depth int
	at    int // the tag outside of partials
	from  int // where the innermost item began: a partial looks at what is left of it, and no further
}

// run renders tokens. The last of scopes is the innermost.
func (r *renderer) run(b *strings.Builder, tokens []token, scopes *[]any, padding string) error {
	for i := 0; i < len(tokens); i++ {
		x := &tokens[i]
		if r.depth == 0 {
			r.at = x.offset
		}
		if err := r.meter.Take(1 + len(x.text)); err != nil {
			return r.mistake(err)
		}
		n := len(*scopes)
		if n == 0 {
			return r.mistake(errors.New("nested sections have the same name, so their ends are ambiguous"))
		}
		var err error
		switch {
		case x.kind == end:
			*scopes = (*scopes)[:n-1]
		case n > 1 && !pyval.Truth((*scopes)[n-1]):
			if x.kind == section || x.kind == inverted {
				*scopes = append(*scopes, false)
			}
		case x.kind == literal:
			err = r.write(b, x.text, padding)
		case x.kind == variable || x.kind == raw:
			err = r.variable(b, x, *scopes)
		case x.kind == inverted:
			*scopes = append(*scopes, !pyval.Truth(get(x, *scopes)))
		case x.kind == section:
			scope := get(x, *scopes)
			items, ok := list(scope)
			if !ok {
				*scopes = append(*scopes, scope)
				break
			}
			inside := body(tokens[i+1:], x.text)
			from := r.from
			for _, item := range items {
				if err := r.meter.Take(32); err != nil {
					return r.mistake(err)
				}
				own := append((*scopes)[:n:n], item)
				r.from = b.Len()
				if err := r.run(b, inside, &own, padding); err != nil {
					return err
				}
			}
			r.from = from
			i += len(inside) + 1
		case x.kind == partial:
			err = r.partial(b, x, scopes, padding)
		}
		if err != nil {
			return r.mistake(err)
		}
	}
	return nil
}

// body returns the tokens before the section's end. As LangChain does, it
// counts sections of the same name, but no inverted ones.
func body(tokens []token, name string) []token {
	same := 0
	for i, x := range tokens {
		switch {
		case x.text != name:
		case x.kind == section:
			same++
		case x.kind == end:
			if same--; same < 0 {
				return tokens[:i]
			}
		}
	}
	return tokens
}

func list(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case pyval.Tuple:
		return v, true
	}
	return nil, false
}

func (r *renderer) write(b *strings.Builder, s, padding string) error {
	if padding != "" {
		if err := r.meter.Take(len(padding) * strings.Count(s, "\n")); err != nil {
			return err
		}
		s = strings.ReplaceAll(s, "\n", "\n"+padding)
	}
	b.WriteString(s)
	return nil
}

// escape is HTML's for text, and quotes.
func escape(s string) string {
	if !strings.ContainsAny(s, `&"<>`) {
		return s
	}
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func (r *renderer) variable(b *strings.Builder, x *token, scopes []any) error {
	value := get(x, scopes)
	if value == true && x.text == "." && x.kind == variable {
		// {{#flag}}{{.}}{{/flag}}: what is outside of the flag.
		value = scopes[len(scopes)-2]
	}
	if _, ok := value.(root); ok {
		return errors.New("{{.}} stands for all values here")
	}
	s, err := pyval.Str(value, &r.meter)
	if err != nil {
		return err
	}
	if err := r.meter.Take(len(s)); err != nil {
		return err
	}
	if x.kind == variable {
		s = escape(s)
	}
	b.WriteString(s)
	return nil
}

func (r *renderer) partial(b *strings.Builder, x *token, scopes *[]any, padding string) error {
	if r.depth++; r.depth > maxDepth {
		return errors.New("partials include each other endlessly")
	}
	defer func() { r.depth-- }()
	written := b.String()[r.from:]
	left := written[strings.LastIndexByte(written, '\n')+1:]
	indented := left != "" && blank(left)
	if indented {
		padding += left
	}
	var own strings.Builder
	from := r.from
	r.from = 0
	if err := r.run(&own, r.t.partials[x.text], scopes, padding); err != nil {
		return err
	}
	r.from = from
	out := own.String()
	if indented {
		out = strings.TrimRight(out, " \t")
	}
	b.WriteString(out)
	return nil
}

// get returns the value of a key in the innermost scope that has it, and what
// is neither true nor 0 nor False as the empty text.
func get(x *token, scopes []any) any {
	if x.text == "." {
		return scopes[len(scopes)-1]
	}
	for i := len(scopes) - 1; i >= 0; i-- {
		if zero(scopes[i]) {
			return scopes[i]
		}
		value, ok := step(scopes[i], x.path)
		switch {
		case !ok:
			continue
		case zero(value) || pyval.Truth(value):
			return value
		}
		return ""
	}
	return ""
}

// zero reports whether v equals 0, as False does.
func zero(v any) bool {
	switch v := v.(type) {
	case bool:
		return !v
	case int64:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}

// step goes down a path of keys and indexes. Only mappings and lists have an
// inside.
func step(v any, path []string) (any, bool) {
	for _, key := range path {
		if zero(v) {
			return v, true
		}
		var ok bool
		switch scope := v.(type) {
		case root:
			v, ok = scope.values[key]
		case *pyval.Dict:
			v, ok = scope.Get(key)
		case []any:
			v, ok = at(scope, key)
		case pyval.Tuple:
			v, ok = at(scope, key)
		}
		if !ok {
			return nil, false
		}
	}
	return v, true
}

// at returns the item that a text names as Python's int reads it; negative
// ones count from the end.
func at(items []any, key string) (any, bool) {
	key = strings.TrimFunc(key, textx.IsSpace)
	i, err := strconv.Atoi(key)
	if err != nil {
		return nil, false
	}
	if i < 0 {
		i += len(items)
	}
	if i < 0 || i >= len(items) {
		return nil, false
	}
	return items[i], true
}

func (r *renderer) mistake(err error) error {
	var m *textx.Mistake
	if errors.As(err, &m) {
		return err
	}
	return &textx.Mistake{Offset: r.at, Message: err.Error(), Remedy: "change the template or the values"}
}
