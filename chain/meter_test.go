package chain

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// hostile expressions would take all memory or time. text has 1 MiB, list 2,000
// texts, wide 100,000 numbers.
var hostile = []string{
	`reduce(1..100, #acc + #acc, "x")`,
	`reduce(1..100, #acc + "y" + #acc, text)`,
	`reduce(1..1000000, #acc + text, "")`,
	`len(reduce(1..60, #acc + #acc, text))`,
	`map(1..1000, text + string(#))`,
	`map(1..1000, upper(text))`,
	`map(1..1000, toBase64(text))`,
	`map(1..2000, repeat("x", 1000000))`,
	`repeat("x", 1000000000)`,
	`repeat(text, 999999)`,
	`repeat(repeat(repeat("x", 1000), 1000), 1000)`,
	`replace(text, "x", text)`,
	`replace(text, "", text)`,
	`replace(replace(text, "x", "xxxxxxxxxxxxxxxx"), "x", "xxxxxxxxxxxxxxxx")`,
	`join(split(text, ""), text)`,
	`join(map(1..100000, text))`,
	`join(map(1..100000, text), ",")`,
	`split(repeat("x", 100000000), "")`,
	`map(1..1000, split(text, ""))`,
	`map(1..1000, splitAfter(text, "x"))`,
	`toJSON(map(1..1000, list))`,
	`toJSON(map(1..100000, text))`,
	`toJSON(reduce(1..40, [#acc, #acc], 1))`,
	`string(reduce(1..40, [#acc, #acc], 1))`,
	`string(map(1..10000, wide))`,
	`flatten(reduce(1..40, [#acc, #acc], 1))`,
	`flatten(map(1..100000, wide))`,
	`len(concat(wide, wide, wide)) > 0 ? map(1..100000, concat(wide, wide)) : []`,
	`reduce(1..60, concat(#acc, #acc), [1])`,
	`map(1..100000, reverse(wide))`,
	`map(1..100000, sort(wide))`,
	`map(1..100000, take(wide, 99999))`,
	`uniq(wide)`,
	`uniq(1..1000000)`,
	`let d = reduce(1..50, [#acc, #acc], 1); let e = reduce(1..50, [#acc, #acc], 1); d == e`,
	`let d = reduce(1..50, [#acc, #acc], 1); let e = reduce(1..50, [#acc, #acc], 1); d != e`,
	`reduce(1..50, [#acc, #acc], 1) in [reduce(1..50, [#acc, #acc], 1)]`,
	`let d = reduce(1..50, ({"a": #acc, "b": #acc}), 1); toJSON(d)`,
	`toJSON(reduce(1..100000, [#acc], 1))`,
	`string(reduce(1..100000, ({"a": #acc}), 1))`,
	`reduce(1..100000, [#acc], 1)`,
	`sum(reduce(1..40, [#acc, #acc], 1))`,
	`max(reduce(1..40, [#acc, #acc], 1))`,
	`mean(reduce(1..40, [#acc, #acc], 1))`,
	`median(reduce(1..40, [#acc, #acc], 1))`,
	`1..1000000000`,
	`map(1..999, 1..999999)`,
	`let x = 1..1000; sum(x, sum(x, sum(x, #)))`,
	`all(wide, all(wide, # >= 0))`,
	`any(wide, all(wide, # != -1) == false)`,
	`filter(wide, # in wide)`,
	`filter(wide, text contains string(#) + "zzz")`,
	`filter(wide, text matches "(x+x+)+y")`,
	`groupBy(wide, string(#) + text)`,
	`sortBy(wide, string(#) + text)`,
	`map(1..900000, ({"a": #, "b": {"c": #}}))`,
	`map(wide, fromJSON(deep))`,
	`map(wide, keys(many))`,
	`map(wide, toPairs(many))`,
	`map(wide, fromPairs(toPairs(many)))`,
	`map(wide, trim(text) + "x")`,
	`map(1..1000, lower(text))`,
}

func hostileValues() map[string]any {
	wide, list := make([]any, 100_000), make([]any, 2000)
	for i := range wide {
		wide[i] = i
	}
	for i := range list {
		list[i] = strings.Repeat("t", 100)
	}
	many := map[string]any{}
	for range 1000 {
		many[strings.Repeat("k", len(many)+1)] = 1
	}
	return map[string]any{
		"text": strings.Repeat("x", 1<<20), "list": list, "wide": wide, "many": many,
		"deep": "[" + strings.Repeat("{},", 100_000) + "{}]",
	}
}

// An expression comes with a chain, from anywhere. Whatever it computes, it ends
// and takes little.
func TestHostileExpressionsAreBounded(t *testing.T) {
	vars := hostileValues()
	for _, text := range hostile {
		t.Run(text, func(t *testing.T) {
			c := mustNew(t, Step{Name: "a", Transform: text})
			own := map[string]any{}
			for _, name := range c.Inputs() {
				own[name] = vars[name]
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Output(t.Context(), answers(nil), own)
			runtime.ReadMemStats(&after)
			if provider.KindOf(err) != provider.Invalid {
				t.Errorf("%v", err)
			}
			if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 640 { // 400, and the race detector's own
				t.Errorf("%d MiB were made", made)
			}
		})
	}
}

// What people write costs far less than the bound, and gives what it gave.
func TestMeteredExpressionsCompute(t *testing.T) {
	vars := hostileValues()
	vars["n"], vars["s"], vars["l"] = 3, "a,b", []any{"b", "a", "b"}
	vars["m"] = map[string]any{"k": "v"}
	for text, want := range map[string]any{
		`n + 1`: 4, `n + 1.5`: 4.5, `s + "!"`: "a,b!", `n == 3`: true, `n != 3`: false, `"a" in l`: true, `"k" in m`: true, `3 in [1, 2, 3]`: true,
		`not ("z" in l)`: true, `s contains ","`: true, `s matches "^a"`: true, `s startsWith "a"`: true, `len(s)`: 3, `m.k`: "v", `m?.none ?? "x"`: "x",
		`split(s, ",")[0]`: "a", `join(sort(uniq(l)), "-")`: "a-b", `upper(trim(" a "))`: "A", `repeat("ab", 2)`: "abab", `replace(s, "a", "c")`: "c,b",
		`sum(map(1..3, # * 2))`: 12, `len(filter(wide, # % 2 == 0))`: 50_000, `reduce(list, #acc + len(#), 0)`: 200_000,
		`len(join(list, "\n"))`: 201_999, `len(reduce(list, #acc + # + "\n", ""))`: 202_000, `int("4") + 1`: 5, `max([1, 5, 2])`: 5, `first(l)`: "b", `fromJSON("[1]")[0] + 1`: 2,
		`toJSON({"a": 1})`: "{\n  \"a\": 1\n}", `l | map(upper(#)) | join("")`: "BAB", `let x = n + 1; x + x`: 8, `n > 2 ? "big" : "small"`: "big", `s[0:1]`: "a",
		`keys(m)[0]`: "k", `len(groupBy(l, #))`: 2, `find(l, # == "a")`: "a", `string(n) + "x"`: "3x", `type(s)`: "string", `-n + 1`: -2, `get(m, "k")`: "v", `date("2020-01-02").Year()`: 2020,
		`len(split(text, ""))`: 1 << 20, `len(uniq(list))`: 1, `duration("1h") + duration("1h") == duration("2h")`: true,
	} {
		c := mustNew(t, Step{Name: "a", Transform: text})
		own := map[string]any{}
		for _, name := range c.Inputs() {
			own[name] = vars[name]
		}
		out, err := c.Output(t.Context(), answers(nil), own)
		if err != nil || !reflect.DeepEqual(out.Value, want) {
			t.Errorf("%s: %#v (%v), want %#v", text, out.Value, err, want)
		}
	}
}
