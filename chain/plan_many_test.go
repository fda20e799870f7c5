package chain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
)

// How often a request is made is known as far as the inputs tell it, and never guessed.
func TestPlanCountsWhatIsKnown(t *testing.T) {
	words := []any{"a", strings.Repeat("b", 9), "cccc"}
	for name, tc := range map[string]struct {
		file string
		vars map[string]any
		want string // step: times, per, optional, text
	}{
		"once":                     {"prompt: hi", nil, "answer: 1 '' false hi"},
		"a literal list":           {"steps: [{name: s, each: '[1, 2]', prompt: 'n {item}'}]", nil, "s: 2 '' false n 1"},
		"an input":                 {"inputs: {words: list}\nsteps: [{name: s, each: words, prompt: 'w {item}'}]", map[string]any{"words": words}, "s: 3 '' false w cccc"},
		"an empty input":           {"inputs: {words: list}\nsteps: [{name: s, each: words, prompt: 'w {item}'}]", map[string]any{"words": []any{}}, "s: 0 '' false w …"},
		"a part of an input":       {"inputs: {words: list}\nsteps: [{name: s, each: 'words[:2]', as: w, prompt: '{w}'}]", map[string]any{"words": words}, "s: 2 '' false a"},
		"an answer":                {"steps: [{name: a, prompt: hi, parse: list}, {name: s, each: a, prompt: '{item}'}]", nil, "a: 1 '' false hi\ns: 1 'element' false …"},
		"rounds":                   {"steps: [{name: s, prompt: hi, repeat: {max: 5}}]", nil, "s: 5 '' false hi"},
		"rounds until":             {"steps: [{name: s, prompt: hi, repeat: {max: 5, until: len(s) > 1}}]", nil, "s: 1 'round' false hi"},
		"elements and rounds":      {"steps: [{name: s, each: '[1, 2]', prompt: '{item}', repeat: {max: 5}}]", nil, "s: 10 '' false 1"},
		"a list of each element":   {"inputs: {words: list}\nsteps: [{name: g, each: words, steps: [{name: s, each: item, as: l, prompt: '{l}'}]}]", map[string]any{"words": []any{[]any{"x"}, []any{"y", "z"}}}, "g.s: 2 'element' false …"},
		"the same list for each":   {"inputs: {words: list}\nsteps: [{name: g, each: words, steps: [{name: s, each: words, as: l, prompt: '{l}'}]}]", map[string]any{"words": words}, "g.s: 9 '' false cccc"},
		"a group in rounds":        {"steps: [{name: g, repeat: {max: 3}, steps: [{name: s, prompt: hi}]}, {name: e, prompt: bye}]", nil, "g.s: 3 '' false hi\ne: 1 '' false bye"},
		"parallel":                 {"steps: [{name: g, each: '[1, 2]', parallel: {a: {prompt: x}, b: {prompt: y}}}]", nil, "g.a: 2 '' false x\ng.b: 2 '' false y"},
		"a condition":              {"steps: [{name: s, when: 'true', else: no, prompt: hi}, {name: e, prompt: bye}]", nil, "s: 1 '' true hi\ne: 1 '' false bye"},
		"a fallback":               {"steps: [{name: s, prompt: hi, fallback: {name: f, prompt: ho}}]", nil, "s: 1 '' false hi\ns.f: 1 '' true ho"},
		"an element hides a value": {"inputs: {item: text}\nsteps: [{name: a, prompt: '{item}', parse: list}, {name: s, each: a, as: word, prompt: '{word}'}]", map[string]any{"item": "x"}, "a: 1 '' false x\ns: 1 'element' false …"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := chain.Parse("a.yaml", []byte(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			planned, err := c.Plan(t.Context(), tc.vars)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, q := range planned {
				got = append(got, fmt.Sprintf("%s: %d '%s' %t %s", q.Step, q.Times, q.Per, q.Optional, q.Request.Messages[0].Text))
			}
			if text := strings.Join(got, "\n"); text != tc.want {
				t.Errorf("got %s\nwant %s", text, tc.want)
			}
		})
	}
}
