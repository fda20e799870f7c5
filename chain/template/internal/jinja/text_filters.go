package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// textFilterOf returns a filter of texts by its name, or nil.
func textFilterOf(name string) filter {
	simple := func(f func(string) string) filter {
		return func(r *renderer, _ int, v any, _ args) any {
			s := r.str(v)
			r.take(len(s))
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
			r.take(len(s))
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
			r.take(2 * len(s))
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
		begins = c == '-' || strings.ContainsRune("({[<", c) || pyval.IsSpace(c)
	}
	return b.String()
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;").Replace(s)
}

func trim(s string, b bound, left, right bool) string {
	cut := pyval.IsSpace
	if b.any("chars", nil) != nil {
		chars := b.text("chars", "")
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
	r.take(len(s))
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	r.take(n * len(fill))
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
	d := pyval.NewDict()
	for _, n := range a.named {
		d.Set(n.name, n.value)
	}
	return r.percent(at, r.str(v), d)
}

// lines splits at what Python's splitlines counts as line breaks.
func (r *renderer) lines(s string) []string {
	r.take(len(s) + 2*costItem*(1+strings.Count(s, "\n")))
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
		refuse(at, "indent takes a text, and got a value of type %s%s", typeName(v), why(v))
	}
	lines := r.lines(s + "\n")
	for i, l := range lines {
		if i > 0 && (l != "" || b.bool("blank")) || i == 0 && b.bool("first") {
			r.take(len(indent) + len(l))
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
		r.take(maxWork + 1)
	}
	r.take(len(s) + n*len(with))
	return strings.Replace(s, old, with, count)
}

func filterTruncate(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "truncate", a, "length?", "killwords?", "end?", "leeway?")
	length, end := b.int("length", 255), b.text("end", "...")
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
		refuse(at, "truncate takes a text, and got a value of type %s", typeName(v))
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
		r.take(3 * len(s))
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

// toInt reads a text as Python's int does; nil: it is none.
func toInt(s string, base int) any {
	s = strings.TrimFunc(s, pyval.IsSpace)
	if len(s) > 1000 || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return nil
	}
	b, ok := new(big.Int).SetString(strings.ReplaceAll(s, "_", ""), base)
	if !ok {
		return nil
	}
	return pyval.Int(b)
}

// toFloat reads a text or a number as Python's float does.
func toFloat(v any) (float64, bool) {
	s, ok := v.(string)
	if !ok {
		return pyval.Float(v)
	}
	s = strings.ToLower(strings.TrimFunc(s, pyval.IsSpace))
	if strings.HasPrefix(strings.TrimLeft(s, "+-"), "0x") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func filterInt(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "int", a, "default?", "base?")
	switch x := v.(type) {
	case string:
		r.take(len(x))
		if i := toInt(x, min(max(b.int("base", 10), 2), 36)); i != nil {
			return i
		}
	case undefined:
		return b.any("default", int64(0))
	default:
		if i, ok := pyval.Big(v); ok {
			return pyval.Int(i)
		}
	}
	f, ok := toFloat(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return b.any("default", int64(0))
	}
	i, _ := big.NewFloat(math.Trunc(f)).Int(nil)
	return pyval.Int(i)
}

func filterFloat(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "float", a, "default?")
	if s, ok := v.(string); ok {
		r.take(len(s))
	}
	if f, ok := toFloat(v); ok {
		return f
	}
	return b.any("default", 0.0)
}

func filterRound(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "round", a, "precision?", "method?")
	precision, method := b.int("precision", 0), b.text("method", "common")
	f, ok := pyval.Float(v)
	if !ok {
		refuse(at, "round takes a number, and got a value of type %s%s", typeName(v), why(v))
	}
	if precision > 300 || precision < -300 {
		refuse(at, "round takes a precision between -300 and 300")
	}
	_, isFloat := v.(float64)
	switch method {
	case "common":
		if !isFloat && precision >= 0 {
			i, _ := pyval.Big(v)
			return pyval.Int(i)
		}
		if precision >= 0 {
			f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		} else {
			scale := math.Pow10(-precision)
			f = math.RoundToEven(f/scale) * scale
		}
	case "ceil":
		f = math.Ceil(f*math.Pow10(precision)) / math.Pow10(precision)
	case "floor":
		f = math.Floor(f*math.Pow10(precision)) / math.Pow10(precision)
	default:
		refuse(at, "round has the methods common, ceil and floor")
	}
	if !isFloat && method == "common" {
		return int64(f)
	}
	return f
}
