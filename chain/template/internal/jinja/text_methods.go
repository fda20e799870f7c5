package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// method makes a function of one; it is a value only where it is not nil.
func method(f function) any {
	if f == nil {
		return nil
	}
	return f
}

func textMethod(s, name string) any { return method(textFunction(s, name)) }

func textFunction(s, name string) function {
	plain := func(f func(string) any) function {
		return func(r *renderer, at int, a args) any {
			r.bind(at, name, a)
			r.spend(len(s))
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
		return all(textx.IsSpace)
	case "isupper":
		return plain(func(s string) any { return cased(s, unicode.IsUpper, unicode.IsLower) })
	case "islower":
		return plain(func(s string) any { return cased(s, unicode.IsLower, unicode.IsUpper) })
	case "splitlines":
		return func(r *renderer, _ int, _ args) any { return texts(r.lines(s)) }
	case "strip", "lstrip", "rstrip":
		return func(r *renderer, at int, a args) any {
			r.spend(len(s))
			return trim(s, r.bind(at, name, a, "chars?"), name != "rstrip", name != "lstrip")
		}
	case "center", "ljust", "rjust", "zfill":
		return padFunction(s, name)
	case "split", "rsplit":
		return splitFunction(s, name)
	case "replace":
		return func(r *renderer, at int, a args) any {
			b := r.bind(at, name, a, "old", "new", "count?")
			return r.replace(s, b.textArg("old", ""), b.textArg("new", ""), b.int("count", -1))
		}
	case "join":
		return func(r *renderer, at int, a args) any {
			items := r.iterate(at, r.bind(at, name, a, "iterable").values["iterable"])
			parts := make([]string, len(items))
			for i, x := range items {
				var ok bool
				if parts[i], ok = x.(string); !ok {
					refuse(at, "join takes strings, but got a value of type %s", typeName(x))
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
		fill, width := b.textArg("fillchar", " "), b.int("width", 0)
		if utf8.RuneCountInString(fill) != 1 {
			refuse(at, "%s needs a single fill character", name)
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
		r.spend(2 * costItem * (1 + len(s)))
		most := b.int("maxsplit", -1)
		if b.any("sep", nil) == nil {
			return texts(splitSpace(s, most, name == "rsplit"))
		}
		sep := b.textArg("sep", "")
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
	words := strings.FieldsFunc(s, textx.IsSpace)
	if most < 0 || len(words) <= most+1 {
		return words
	}
	if right {
		var out []string
		for range most {
			s = strings.TrimRightFunc(s, textx.IsSpace)
			i := strings.LastIndexFunc(s, textx.IsSpace)
			_, n := utf8.DecodeRuneInString(s[i:])
			out = append(out, s[i+n:])
			s = s[:i]
		}
		out = append(out, strings.TrimRightFunc(s, textx.IsSpace))
		slices.Reverse(out)
		return out
	}
	var out []string
	for range most {
		s = strings.TrimLeftFunc(s, textx.IsSpace)
		i := strings.IndexFunc(s, textx.IsSpace)
		out = append(out, s[:i])
		s = s[i:]
	}
	return append(out, strings.TrimLeftFunc(s, textx.IsSpace))
}

func searchFunction(s, name string) function {
	with := func(f func(other string) any) function {
		return func(r *renderer, at int, a args) any {
			r.spend(len(s))
			return f(r.bind(at, name, a, "other").textArg("other", ""))
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
				r.spend(len(o))
				if !ok {
					refuse(at, "%s takes a string, but got a value of type %s", name, typeName(x))
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
			r.spend(len(s))
			i := strings.Index(s, r.bind(at, name, a, "other").textArg("other", ""))
			if i < 0 {
				refuse(at, "the string does not contain what index looks for")
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
