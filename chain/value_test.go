package chain

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// A number goes through a chain as the model wrote it: no digit of an ID is lost.
func TestNumbersKeepTheirDigits(t *testing.T) {
	const answer = `{"id": 12345678901234567890, "big": 1e400, "n": 3, "f": 0.1}`
	p := told(func(context.Context, provider.Request) (string, error) { return answer, nil })
	for _, made := range []string{"parse: json", "schema: {type: object}"} {
		for _, tt := range []struct{ step, want string }{
			{"transform: p.id", "12345678901234567890"},
			{"text: '{p}'", "{'big': inf, 'f': 0.1, 'id': 12345678901234567890, 'n': 3}"},
			{"transform: p", `{"big":1e400,"f":0.1,"id":12345678901234567890,"n":3}`},
			{"transform: p.n + 1", "4"},
			{"transform: p.f * 10", "1"},
			{"transform: string(p.id)", "12345678901234567890"},
		} {
			c, err := Parse("x.yaml", []byte("steps:\n- {name: p, prompt: x, "+made+"}\n- {name: t, "+tt.step+"}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if result, err := c.Output(t.Context(), p, nil); err != nil || result.Text != tt.want {
				t.Errorf("%s, %s: %q, %v; want %q", made, tt.step, result.Text, err, tt.want)
			}
		}
		// What cannot be computed with is not computed with.
		c, err := Parse("x.yaml", []byte("steps:\n- {name: p, prompt: x, "+made+"}\n- {name: t, transform: p.id + 1}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if result, err := c.Output(t.Context(), p, nil); !errors.Is(err, provider.Invalid) {
			t.Errorf("%s: %q, %v", made, result.Text, err)
		}
	}
}

// Usage is that of all calls of a step, of those that came to nothing, too.
func TestUsageOfAnswersThatCameToNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		step Step
		want int
	}{
		{"asked again", Step{Prompt: "x", Parse: yes{}, Retries: 2}, 6},
		{"asked again, with an end", Step{Prompt: "third", Parse: yes{}, Retries: 2}, 6},
		{"fallback", Step{Prompt: "x", Parse: yes{}, Fallback: &Step{Prompt: "y"}}, 4},
		{"asked again, and a fallback", Step{Prompt: "x", Parse: yes{}, Retries: 1, Fallback: &Step{Prompt: "y"}}, 6},
		{"a fallback of no model", Step{Prompt: "x", Parse: yes{}, Fallback: &Step{Text: "y"}}, 2},
		{"within another", Step{Steps: []Step{{Prompt: "x", Parse: yes{}, Retries: 2, Fallback: &Step{Text: "y"}}}}, 6},
		{"for each", Step{Each: "[1, 2]", Prompt: "x", Parse: yes{}, Retries: 2, Fallback: &Step{Text: "y"}}, 12},
	} {
		calls := 0
		p := told(func(_ context.Context, req provider.Request) (string, error) {
			if calls++; calls == 3 && req.Messages[0].Text == "third" {
				return "yes", nil
			}
			return "perhaps", nil
		})
		if tt.step.Each != "" {
			tt.step.Concurrency = 1
		}
		c := mustNew(t, tt.step)
		result, _ := c.Output(t.Context(), p, nil)
		steps := outermost(result.Steps)
		if len(steps) != 1 || steps[0].Usage == nil || steps[0].Usage.OutputTokens != tt.want {
			t.Errorf("%s: %+v, want %d tokens", tt.name, result.Steps, tt.want)
		}
		if steps[0].Route == nil && (len(steps[0].Answered) != 1 || 2*steps[0].Answered[0].Calls != tt.want) {
			t.Errorf("%s: answered by %+v", tt.name, steps[0].Answered)
		}
	}
}

// What an expression makes is a value like any other: JSON can be made of it,
// it is no larger than memory, and no variable changes by it.
func TestValuesOfExpressions(t *testing.T) {
	for _, tt := range []struct{ steps, want string }{
		{"- {name: a, transform: 'groupBy([\"a\", \"bb\", \"c\"], len(#))'}\n- {name: b, transform: a}\n", `{"1":["a","c"],"2":["bb"]}`},
		{"- {name: a, transform: '[groupBy([\"a\"], #)]'}\n- {name: b, transform: '{\"x\": a}'}\n", `{"x":[{"a":["a"]}]}`},
		{"- {name: a, transform: 'fromJSON(\"[1, 1.5, 12345678901234567890]\")'}\n- {name: b, text: '{a}'}\n", "[1, 1.5, 12345678901234567890]"},
		{"- {name: a, transform: '[3, 1, 2]'}\n- {name: s, transform: 'sort(a)'}\n- {name: b, text: '{a}{s}'}\n", "[3, 1, 2][1, 2, 3]"},
		{"- {name: a, transform: '[[1, 2], 3]'}\n- {name: s, transform: 'reverse(flatten(a))'}\n- {name: b, text: '{a}{s}'}\n", "[[1, 2], 3][3, 2, 1]"},
		{"- {name: a, transform: 'nil'}\n- {name: b, text: '{a}.'}\n", "None."},
		{"- {name: a, text: x, repeat: {max: 1000, start: '\"x\"'}}\n- {name: b, text: '{a}.'}\n", "x."},
	} {
		c, err := Parse("x.yaml", []byte("steps:\n"+tt.steps))
		if err != nil {
			t.Errorf("%s: %v", tt.steps, err)
			continue
		}
		if result, err := c.Output(t.Context(), loud, nil); err != nil || result.Text != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.steps, result.Text, err, tt.want)
		}
	}
	for _, tt := range []struct{ step, want string }{
		{"repeat: {max: 1000, start: '\"xx\"'}\ntext: '{answer}{answer}'\n", "the value exceeds 16 MiB"},
		{"repeat: {max: 1000, start: '\"xx\"'}\ntransform: 'answer + answer'\n", "the value exceeds 16 MiB"},
		{"repeat: {max: 1000, start: '\"xx\"'}\ntransform: '[answer, answer]'\n", "the value exceeds 16 MiB"},
		{"repeat: {max: 1000, start: '\"xx\"'}\ntransform: '{\"a\": answer, \"b\": answer}'\n", "the value exceeds 16 MiB"},
		{"transform: '0 / 0'\n", "the value cannot be written as JSON"},
		{"transform: '1..2000000'\n", "memory budget exceeded"},
		{"transform: 'repeat(\"x\", 2000000)'\n", "memory budget exceeded"},
	} {
		c, err := Parse("x.yaml", []byte(tt.step))
		if err != nil {
			t.Errorf("%s: %v", tt.step, err)
			continue
		}
		if result, err := c.Output(t.Context(), loud, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d bytes, %v; want %q", tt.step, len(result.Text), err, tt.want)
		}
	}
}
