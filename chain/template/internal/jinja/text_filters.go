package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
	"github.com/tandem-llm/tandem/internal/textx"
)

// textFilterOf returns a filter of texts by its name, or nil.
func textFilterOf(name string) filter {
	simple := func(f func(string) string) filter {
		return func(r *renderer, _ int, v any, _ args) any {
			s := r.str(v)
			r.spend(len(s))
			return f(s)
		}
	}
	switch name {
	case "capitalize":
		return simple(capitalize)
	case "center":
		return func(r *renderer, at int, v any, a args) any {
			return r.pad(r.str(v), r.bind(at, "center", a, "width?").int("width", 80), " ", padBoth)
		}
	case "e", "escape":
		return simple(escape)
	case "format":
		return filterFormat
	case "indent":
		return filterIndent
	case "lower":
		return simple(strings.ToLower)
	case "replace":
		return filterReplace
	case "string":
		return simple(func(s string) string { return s })
	case "title":
		return simple(titleWords)
	case "tojson":
		return filterToJSON
	case "trim":
		return func(r *renderer, at int, v any, a args) any {
			s := r.str(v)
			r.spend(len(s))
			return trim(s, r.bind(at, "trim", a, "chars?"), true, true)
		}
	case "truncate":
		return filterTruncate
	case "upper":
		return simple(upper)
	case "urlencode":
		return filterURLEncode
	case "wordcount":
		return func(r *renderer, _ int, v any, _ args) any {
			s := r.str(v)
			r.spend(2 * len(s))
			return int64(len(strings.FieldsFunc(s, func(c rune) bool {
				return c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c)
			})))
		}
	}
	return nil
}

func upper(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "ß", "SS") }

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return title(s[:n]) + strings.ToLower(s[n:])
}

// title makes a character a capital one, as a word begins with.
func title(s string) string {
	if s == "ß" {
		return "Ss"
	}
	return strings.Map(unicode.ToTitle, s)
}

// titleWords begins every word with a capital letter. Words end at spaces and
// opening brackets.
func titleWords(s string) string {
	var b strings.Builder
	begins := true
	for _, c := range s {
		if begins {
			b.WriteString(upper(string(c)))
		} else {
			b.WriteString(strings.ToLower(string(c)))
		}
		begins = c == '-' || strings.ContainsRune("({[<", c) || textx.IsSpace(c)
	}
	return b.String()
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;").Replace(s)
}

func trim(s string, b bound, left, right bool) string {
	cut := textx.IsSpace
	if b.any("chars", nil) != nil {
		chars := b.textArg("chars", "")
		cut = func(c rune) bool { return strings.ContainsRune(chars, c) }
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s
}

type padding int

const (
	padLeft padding = iota
	padRight
	padBoth
)

// pad fills a text up to a width, as Python's rjust, ljust and center do.
func (r *renderer) pad(s string, width int, fill string, p padding) string {
	r.spend(len(s))
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	r.spend(n * len(fill))
	left := 0
	switch p {
	case padLeft:
		left = n
	case padBoth:
		left = n/2 + n&width&1
	}
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)
}

func filterFormat(r *renderer, at int, v any, a args) any {
	if len(a.list) > 0 && len(a.named) > 0 {
		refuse(at, "format takes values with names or without, not both")
	}
	if len(a.named) == 0 {
		return r.percent(at, r.str(v), pyval.Tuple(a.list))
	}
	d := pyval.NewDict(0)
	for _, n := range a.named {
		d.Set(n.name, n.value)
	}
	return r.percent(at, r.str(v), d)
}

// lines splits at what Python's splitlines counts as line breaks.
func (r *renderer) lines(s string) []string {
	r.spend(len(s) + 2*costItem*(1+strings.Count(s, "\n")))
	var out []string
	for s != "" {
		i := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		s = s[i+n:]
	}
	return out
}

func filterIndent(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "indent", a, "width?", "first?", "blank?")
	indent, ok := b.any("width", nil).(string)
	if !ok {
		indent = r.pad("", b.int("width", 4), " ", padLeft)
	}
	s, ok := v.(string)
	if !ok {
		refuse(at, "indent takes a string, but got a value of type %s%s", typeName(v), why(v))
	}
	lines := r.lines(s + "\n")
	for i, l := range lines {
		if i > 0 && (l != "" || b.bool("blank")) || i == 0 && b.bool("first") {
			r.spend(len(indent) + len(l))
			lines[i] = indent + l
		}
	}
	return r.joined(lines, "\n")
}

func filterReplace(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "replace", a, "old", "new", "count?")
	count := -1
	if b.any("count", nil) != nil {
		count = b.int("count", -1)
	}
	return r.replace(r.str(v), r.str(b.values["old"]), r.str(b.values["new"]), count)
}

func (r *renderer) replace(s, old, with string, count int) string {
	n := strings.Count(s, old)
	if count >= 0 {
		n = min(n, count)
	}
	if n > 0 && len(with) > maxWork/n {
		r.spend(maxWork + 1)
	}
	r.spend(len(s) + n*len(with))
	return strings.Replace(s, old, with, count)
}

func filterTruncate(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "truncate", a, "length?", "killwords?", "end?", "leeway?")
	length, end := b.int("length", 255), b.textArg("end", "...")
	leeway := 5
	if b.any("leeway", nil) != nil {
		leeway = b.int("leeway", 5)
	}
	keep := length - utf8.RuneCountInString(end)
	if keep < 0 || leeway < 0 {
		refuse(at, "truncate needs a length of at least that of its end, %q", end)
	}
	text, ok := v.(string)
	if !ok {
		if _, number := pyval.Float(v); !number && v != nil && len(r.iterate(at, v)) <= length+leeway {
			return v
		}
		refuse(at, "truncate takes a string, but got a value of type %s", typeName(v))
	}
	runes := r.runes(text)
	if len(runes) <= length+leeway {
		return string(runes)
	}
	s := string(runes[:keep])
	if i := strings.LastIndexByte(s, ' '); i >= 0 && !b.bool("killwords") {
		s = s[:i]
	}
	return s + end
}

func filterURLEncode(r *renderer, at int, v any, _ args) any {
	quote := func(v any, safe string) string {
		s := r.str(v)
		r.spend(3 * len(s))
		var b strings.Builder
		for i := range len(s) {
			c := s[i]
			if c < utf8.RuneSelf && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c))) || strings.IndexByte("_.-~"+safe, c) >= 0 {
				b.WriteByte(c)
				continue
			}
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)+0x100, 16)[1:]))
		}
		return b.String()
	}
	if s, ok := v.(string); ok {
		return quote(s, "/")
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return quote(v, "/")
	}
	var parts []string
	for i := range d.Len() {
		k, x := d.At(i)
		parts = append(parts, strings.ReplaceAll(quote(k, "")+"="+quote(x, ""), "%20", "+"))
	}
	return r.joined(parts, "&")
}
