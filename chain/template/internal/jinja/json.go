package jinja

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

// filterToJSON writes JSON as Python's json.dumps does with sorted keys, and
// with escapes for what HTML reads.
func filterToJSON(r *renderer, at int, v any, a args) any {
	b := r.bind(at, "tojson", a, "indent?")
	w := jsonWriter{r: r, at: at}
	if i := b.any("indent", nil); i != nil {
		w.indented, w.indent = true, min(max(b.int("indent", 0), 0), maxDepth)
	}
	w.value(v, 0)
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`).Replace(w.b.String())
}

type jsonWriter struct {
	r        *renderer
	at       int
	b        strings.Builder
	indented bool
	indent   int
}

func (w *jsonWriter) value(v any, depth int) {
	if depth > maxDepth {
		w.r.must(pyval.ErrTooDeep)
	}
	w.r.spend(costStep)
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		w.b.WriteString(strconv.FormatBool(v))
	case int64, *big.Int:
		w.b.WriteString(w.r.str(v))
	case float64:
		w.float(v)
	case string:
		w.writeText(v)
	case []any:
		w.writeList(v, depth)
	case pyval.Tuple:
		w.writeList(v, depth)
	case *pyval.Dict:
		w.dict(v, depth)
	default:
		refuse(w.at, "a value of type %s cannot be JSON%s", typeName(v), why(v))
	}
}

func (w *jsonWriter) float(f float64) {
	switch {
	case math.IsNaN(f):
		w.b.WriteString("NaN")
	case math.IsInf(f, 1):
		w.b.WriteString("Infinity")
	case math.IsInf(f, -1):
		w.b.WriteString("-Infinity")
	default:
		w.b.WriteString(pyval.FloatRepr(f))
	}
}

func (w *jsonWriter) newline(depth int) {
	if !w.indented {
		return
	}
	w.r.spend(1 + w.indent*depth)
	w.b.WriteString("\n" + strings.Repeat(" ", w.indent*depth))
}

// between separates items: a line break takes the place of the space.
func (w *jsonWriter) between(i, depth int) {
	if i > 0 {
		w.b.WriteByte(',')
		if !w.indented {
			w.b.WriteByte(' ')
		}
	}
	w.newline(depth)
}

func (w *jsonWriter) writeList(items []any, depth int) {
	w.b.WriteByte('[')
	for i, x := range items {
		w.between(i, depth+1)
		w.value(x, depth+1)
	}
	if len(items) > 0 {
		w.newline(depth)
	}
	w.b.WriteByte(']')
}

func (w *jsonWriter) dict(d *pyval.Dict, depth int) {
	keys := make([]int, d.Len())
	w.r.spend(costItem * len(keys))
	for i := range keys {
		keys[i] = i
	}
	slices.SortStableFunc(keys, func(i, j int) int {
		c, ok, err := pyval.Compare(d.Keys()[i], d.Keys()[j], &w.r.meter)
		w.r.must(err)
		if !ok {
			refuse(w.at, "the keys of a mapping have no order, and JSON has them sorted")
		}
		return c
	})
	w.b.WriteByte('{')
	for i, j := range keys {
		k, v := d.At(j)
		w.between(i, depth+1)
		switch k := k.(type) {
		case string:
			w.writeText(k)
		case nil:
			w.b.WriteString(`"null"`)
		case bool:
			w.b.WriteString(strconv.Quote(strconv.FormatBool(k)))
		default:
			w.b.WriteString(`"` + w.r.str(k) + `"`)
		}
		w.b.WriteString(": ")
		w.value(v, depth+1)
	}
	if len(keys) > 0 {
		w.newline(depth)
	}
	w.b.WriteByte('}')
}

func (w *jsonWriter) writeText(s string) {
	w.r.spend(2 * len(s))
	w.b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			w.b.WriteString(`\` + string(c))
		case c == '\n':
			w.b.WriteString(`\n`)
		case c == '\r':
			w.b.WriteString(`\r`)
		case c == '\t':
			w.b.WriteString(`\t`)
		case c == '\b':
			w.b.WriteString(`\b`)
		case c == '\f':
			w.b.WriteString(`\f`)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, high, low)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&w.b, `\u%04x`, c)
		default:
			w.b.WriteRune(c)
		}
	}
	w.b.WriteByte('"')
}
