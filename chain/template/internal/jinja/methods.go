package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// maxRange bounds range, as jinja2's sandbox does.
const maxRange = 100_000

// global returns a function that every template has, or nil.
func global(name string) any {
	switch name {
	case "range":
		return function(globalRange)
	case "dict":
		return function(func(r *renderer, at int, a args) any { return r.mapping(at, "dict", a) })
	case "namespace":
		return function(func(r *renderer, at int, a args) any {
			n := &namespace{map[string]any{}}
			d := r.mapping(at, "namespace", a)
			for i := range d.Len() {
				k, v := d.At(i)
				n.vars[r.str(k)] = v
			}
			return n
		})
	case "joiner":
		return function(globalJoiner)
	case "cycler":
		return function(func(_ *renderer, at int, a args) any {
			if len(a.list) == 0 {
				refuse(at, "there is nothing to cycle through")
			}
			return &cycler{items: a.list}
		})
	}
	return nil
}

func globals() []string { return []string{"range", "dict", "namespace", "joiner", "cycler", "lipsum"} }

func globalRange(r *renderer, at int, a args) any {
	var n []int
	for i := range a.list {
		b := bound{r, at, "range", map[string]any{"its argument": a.list[i]}}
		n = append(n, b.int("its argument", 0))
	}
	from, step := 0, 1
	switch {
	case len(n) == 0 || len(n) > 3 || len(a.named) > 0:
		refuse(at, "range takes one to three integers")
	case len(n) > 1:
		from, n = n[0], n[1:]
	}
	if len(n) > 1 {
		step = n[1]
	}
	if step == 0 {
		refuse(at, "range cannot have a step of 0")
	}
	out := []any{}
	for i := from; step > 0 && i < n[0] || step < 0 && i > n[0]; i += step {
		if len(out) == maxRange {
			refuse(at, "range is longer than %d", maxRange)
		}
		r.take(costItem)
		out = append(out, int64(i))
	}
	return out
}

func (r *renderer) mapping(at int, what string, a args) *pyval.Dict {
	out := pyval.NewDict()
	for _, v := range a.list {
		if d, ok := v.(*pyval.Dict); ok {
			for i := range d.Len() {
				r.take(4 * costItem)
				out.Set(d.At(i))
			}
			continue
		}
		for _, pair := range r.iterate(at, v) {
			p := r.iterate(at, pair)
			if len(p) != 2 || !out.Set(p[0], p[1]) {
				refuse(at, "%s takes a mapping, or pairs of keys and values", what)
			}
			r.take(4 * costItem)
		}
	}
	for _, n := range a.named {
		r.take(4 * costItem)
		out.Set(n.name, n.value)
	}
	return out
}

func globalJoiner(r *renderer, at int, a args) any {
	sep, used := r.bind(at, "joiner", a, "sep?").text("sep", ", "), false
	return function(func(*renderer, int, args) any {
		if !used {
			used = true
			return ""
		}
		return sep
	})
}

type cycler struct {
	items []any
	next  int
}

func (*cycler) String() string { return "<Cycler>" }

func (c *cycler) attr(name string) (any, bool) {
	switch name {
	case "current":
		return c.items[c.next], true
	case "next":
		return function(func(*renderer, int, args) any {
			v := c.items[c.next]
			c.next = (c.next + 1) % len(c.items)
			return v
		}), true
	case "reset":
		return function(func(*renderer, int, args) any { c.next = 0; return nil }), true
	}
	return nil, false
}

// method makes a function of one; it is a value only where it is not nil.
func method(f function) any {
	if f == nil {
		return nil
	}
	return f
}

func dictMethod(d *pyval.Dict, name string) any {
	switch name {
	case "items":
		return function(func(r *renderer, _ int, _ args) any { return r.dictItems(d) })
	case "keys":
		return function(func(*renderer, int, args) any { return d.Keys() })
	case "values":
		return function(func(r *renderer, _ int, _ args) any {
			out := []any{}
			for i := range d.Len() {
				r.take(costItem)
				_, v := d.At(i)
				out = append(out, v)
			}
			return out
		})
	case "get":
		return function(func(r *renderer, at int, a args) any {
			b := r.bind(at, "get", a, "key", "default?")
			r.take(r.keyCost(b.values["key"]))
			if v, ok := d.Get(b.values["key"]); ok {
				return v
			}
			return b.any("default", nil)
		})
	}
	return nil
}

func listMethod(items []any, name string) any {
	switch name {
	case "count":
		return function(func(r *renderer, at int, a args) any {
			x, n := r.bind(at, "count", a, "value").values["value"], int64(0)
			for _, y := range items {
				if r.equal(x, y) {
					n++
				}
			}
			return n
		})
	case "index":
		return function(func(r *renderer, at int, a args) any {
			x := r.bind(at, "index", a, "value").values["value"]
			i := slices.IndexFunc(items, func(y any) bool { return r.equal(x, y) })
			if i < 0 {
				refuse(at, "the list has no such item")
			}
			return int64(i)
		})
	case "append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort":
		return function(func(_ *renderer, at int, _ args) any {
			fail(at, name+" would change a list, and lists do not change", "make another one: list + [item]")
			return nil
		})
	}
	return nil
}

func textMethod(s, name string) any { return method(textFunction(s, name)) }

func textFunction(s, name string) function {
	plain := func(f func(string) any) function {
		return func(r *renderer, at int, a args) any {
			r.bind(at, name, a)
			r.take(len(s))
			return f(s)
		}
	}
	all := func(f func(rune) bool) function {
		return plain(func(s string) any {
			return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !f(c) })
		})
	}
	switch name {
	case "upper":
		return plain(func(s string) any { return upper(s) })
	case "lower", "casefold":
		return plain(func(s string) any { return strings.ToLower(s) })
	case "title":
		return plain(func(s string) any { return titleLetters(s) })
	case "capitalize":
		return plain(func(s string) any { return capitalize(s) })
	case "swapcase":
		return plain(func(s string) any { return strings.Map(swapCase, s) })
	case "isdigit", "isdecimal", "isnumeric":
		return all(unicode.IsDigit)
	case "isalpha":
		return all(unicode.IsLetter)
	case "isalnum":
		return all(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
	case "isspace":
		return all(pyval.IsSpace)
	case "isupper":
		return plain(func(s string) any { return cased(s, unicode.IsUpper, unicode.IsLower) })
	case "islower":
		return plain(func(s string) any { return cased(s, unicode.IsLower, unicode.IsUpper) })
	case "splitlines":
		return func(r *renderer, _ int, _ args) any { return texts(r.lines(s)) }
	case "strip", "lstrip", "rstrip":
		return func(r *renderer, at int, a args) any {
			r.take(len(s))
			return trim(s, r.bind(at, name, a, "chars?"), name != "rstrip", name != "lstrip")
		}
	case "center", "ljust", "rjust", "zfill":
		return padFunction(s, name)
	case "split", "rsplit":
		return splitFunction(s, name)
	case "replace":
		return func(r *renderer, at int, a args) any {
			b := r.bind(at, name, a, "old", "new", "count?")
			return r.replace(s, b.text("old", ""), b.text("new", ""), b.int("count", -1))
		}
	case "join":
		return func(r *renderer, at int, a args) any {
			items := r.iterate(at, r.bind(at, name, a, "iterable").values["iterable"])
			parts := make([]string, len(items))
			for i, x := range items {
				var ok bool
				if parts[i], ok = x.(string); !ok {
					refuse(at, "join takes texts, and got a value of type %s", typeName(x))
				}
			}
			return r.joined(parts, s)
		}
	}
	return searchFunction(s, name)
}

func padFunction(s, name string) function {
	return func(r *renderer, at int, a args) any {
		b := r.bind(at, name, a, "width", "fillchar?")
		fill, width := b.text("fillchar", " "), b.int("width", 0)
		if utf8.RuneCountInString(fill) != 1 {
			refuse(at, "%s fills with one character", name)
		}
		switch name {
		case "ljust":
			return r.pad(s, width, fill, padRight)
		case "rjust":
			return r.pad(s, width, fill, padLeft)
		case "zfill":
			digits := strings.TrimLeft(s, "+-")
			if len(s)-len(digits) > 1 {
				digits = s[1:]
			}
			sign := s[:len(s)-len(digits)]
			return sign + r.pad(digits, width-len(sign), "0", padLeft)
		}
		return r.pad(s, width, fill, padBoth)
	}
}

func texts(parts []string) []any {
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out
}

func splitFunction(s, name string) function {
	return func(r *renderer, at int, a args) any {
		b := r.bind(at, name, a, "sep?", "maxsplit?")
		r.take(2 * costItem * (1 + len(s)))
		most := b.int("maxsplit", -1)
		if b.any("sep", nil) == nil {
			return texts(splitSpace(s, most, name == "rsplit"))
		}
		sep := b.text("sep", "")
		if sep == "" {
			refuse(at, "%s needs a separator that is not empty", name)
		}
		if most < 0 {
			return texts(strings.Split(s, sep))
		}
		if name == "split" {
			return texts(strings.SplitN(s, sep, most+1))
		}
		var out []string
		for range most {
			i := strings.LastIndex(s, sep)
			if i < 0 {
				break
			}
			out = append(out, s[i+len(sep):])
			s = s[:i]
		}
		out = append(out, s)
		slices.Reverse(out)
		return texts(out)
	}
}

// splitSpace splits at white space, most times at most.
func splitSpace(s string, most int, right bool) []string {
	words := strings.FieldsFunc(s, pyval.IsSpace)
	if most < 0 || len(words) <= most+1 {
		return words
	}
	if right {
		var out []string
		for range most {
			s = strings.TrimRightFunc(s, pyval.IsSpace)
			i := strings.LastIndexFunc(s, pyval.IsSpace)
			_, n := utf8.DecodeRuneInString(s[i:])
			out = append(out, s[i+n:])
			s = s[:i]
		}
		out = append(out, strings.TrimRightFunc(s, pyval.IsSpace))
		slices.Reverse(out)
		return out
	}
	var out []string
	for range most {
		s = strings.TrimLeftFunc(s, pyval.IsSpace)
		i := strings.IndexFunc(s, pyval.IsSpace)
		out = append(out, s[:i])
		s = s[i:]
	}
	return append(out, strings.TrimLeftFunc(s, pyval.IsSpace))
}

func searchFunction(s, name string) function {
	with := func(f func(other string) any) function {
		return func(r *renderer, at int, a args) any {
			r.take(len(s))
			return f(r.bind(at, name, a, "other").text("other", ""))
		}
	}
	offset := func(i int) any {
		if i < 0 {
			return int64(-1)
		}
		return int64(utf8.RuneCountInString(s[:i]))
	}
	switch name {
	case "startswith", "endswith":
		return func(r *renderer, at int, a args) any {
			others := []any{r.bind(at, name, a, "other").values["other"]}
			if t, ok := others[0].(pyval.Tuple); ok {
				others = t
			}
			return slices.ContainsFunc(others, func(x any) bool {
				o, ok := x.(string)
				r.take(len(o))
				if !ok {
					refuse(at, "%s takes a text, and got a value of type %s", name, typeName(x))
				}
				return name == "startswith" && strings.HasPrefix(s, o) || name == "endswith" && strings.HasSuffix(s, o)
			})
		}
	case "find":
		return with(func(o string) any { return offset(strings.Index(s, o)) })
	case "rfind":
		return with(func(o string) any { return offset(strings.LastIndex(s, o)) })
	case "count":
		return with(func(o string) any { return int64(strings.Count(s, o)) })
	case "removeprefix":
		return with(func(o string) any { return strings.TrimPrefix(s, o) })
	case "removesuffix":
		return with(func(o string) any { return strings.TrimSuffix(s, o) })
	case "index":
		return func(r *renderer, at int, a args) any {
			r.take(len(s))
			i := strings.Index(s, r.bind(at, name, a, "other").text("other", ""))
			if i < 0 {
				refuse(at, "the text does not have what index looks for")
			}
			return offset(i)
		}
	case "partition":
		return with(func(o string) any {
			before, after, ok := strings.Cut(s, o)
			if !ok {
				o = ""
			}
			return pyval.Tuple{before, o, after}
		})
	case "format", "format_map", "encode", "translate", "expandtabs":
		return func(_ *renderer, at int, _ args) any {
			fail(at, "the method "+name+" is not supported", "use the filter format, or ~")
			return nil
		}
	}
	return nil
}

// titleLetters begins every run of letters with a capital one.
func titleLetters(s string) string {
	inside := false
	return strings.Map(func(c rune) rune {
		was := inside
		inside = unicode.IsLetter(c)
		if was {
			return unicode.ToLower(c)
		}
		return unicode.ToTitle(c)
	}, s)
}

func swapCase(c rune) rune {
	if unicode.IsUpper(c) {
		return unicode.ToLower(c)
	}
	return unicode.ToUpper(c)
}
