package jinja

import (
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/chain/template/internal/pyval"
)

func (x *slice) eval(r *renderer) any {
	v := r.eval(x.x)
	bound := func(e expr) (int, bool) {
		if e == nil {
			return 0, false
		}
		y := r.eval(e)
		if y == nil {
			return 0, false
		}
		b, ok := pyval.Big(y)
		if !ok {
			refuse(e.place(), "an index must be an integer")
		}
		if !b.IsInt64() {
			return b.Sign() * (1 << 60), true
		}
		return int(max(min(b.Int64(), 1<<60), -1<<60)), true
	}
	from, hasFrom := bound(x.from)
	to, hasTo := bound(x.to)
	step, hasStep := bound(x.step)
	if !hasStep {
		step = 1
	}
	if step == 0 {
		refuse(x.place(), "a slice cannot have a step of 0")
	}
	indexes := func(n int) []int {
		low, high := 0, n
		if step < 0 {
			low, high = -1, n-1
		}
		clip := func(i int, has bool, usual int) int {
			if !has {
				return usual
			}
			if i < 0 {
				i += n
			}
			return max(low, min(i, high))
		}
		first, last := clip(from, hasFrom, low), clip(to, hasTo, high)
		if step < 0 {
			first, last = clip(from, hasFrom, high), clip(to, hasTo, low)
		}
		var out []int
		for i := first; step > 0 && i < last || step < 0 && i > last; i += step {
			out = append(out, i)
		}
		r.spend(costItem * len(out))
		return out
	}
	pick := func(items []any) []any {
		out := []any{}
		for _, i := range indexes(len(items)) {
			out = append(out, items[i])
		}
		return out
	}
	switch v := v.(type) {
	case []any:
		return pick(v)
	case pyval.Tuple:
		return pyval.Tuple(pick(v))
	case string:
		r.spend(len(v) / costItem)
		if from >= 0 && to >= 0 && step == 1 && utf8.RuneCountInString(v) == len(v) { // ASCII
			end := len(v)
			if hasTo {
				end = min(to, end)
			}
			return v[min(from, end):end]
		}
		runes := r.runes(v)
		var b strings.Builder
		for _, i := range indexes(len(runes)) {
			b.WriteRune(runes[i])
		}
		return b.String()
	case undefined:
		refuse(x.place(), "there is nothing in it: %s", v.what)
	}
	return undefined{"a value of type " + typeName(v) + " has no slices"}
}
