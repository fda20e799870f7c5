package chain

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

func TestNewInputs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		make   func(...Step) (*Chain, error)
		steps  []Step
		inputs []string
		names  []string
	}{
		{"the lesson's chain", New, president(), []string{"country"}, []string{"president", "changes"}},
		{"inputs in order of first use", New, []Step{
			{Name: "a", System: "{s}", Prompt: "{y} {x} {y}"},
			{Name: "b", Messages: []Message{{Role: provider.RoleUser, Text: "{a} {x} {z}"}}},
		}, []string{"s", "y", "x", "z"}, []string{"a", "b"}},
		{"one unnamed step", New, []Step{{Prompt: "{answer}?"}}, []string{"answer"}, []string{"answer"}},
		{"no inputs", New, []Step{{Name: "a", Prompt: "hi"}}, []string{}, []string{"a"}},
		{"pipe", Pipe, []Step{{Prompt: "{a} in {b}"}, {Prompt: "{whatever}"}, {Name: "end", Prompt: "{a}{a}"}}, []string{"a", "b"}, []string{"step1", "step2", "end"}},
		{"pipe whose variable has the step's own name", Pipe, []Step{{Name: "x", Prompt: "{x}"}, {Name: "y", Prompt: "{y}"}}, []string{"x"}, []string{"x", "y"}},
	} {
		c, err := tt.make(tt.steps...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := c.Inputs(); !slices.Equal(got, tt.inputs) {
			t.Errorf("%s: inputs %q, want %q", tt.name, got, tt.inputs)
		}
		if got := c.Steps(); !slices.Equal(got, tt.names) {
			t.Errorf("%s: steps %q, want %q", tt.name, got, tt.names)
		}
	}
}

func TestNewMistakes(t *testing.T) {
	user := provider.RoleUser
	for _, tt := range []struct {
		name  string
		make  func(...Step) (*Chain, error)
		steps []Step
		want  []string
	}{
		{"no steps", New, nil, []string{`chain: there are no steps; give it at least one`}},
		{"own answer", New, []Step{{Name: "a", Prompt: "x {a}"}}, []string{
			`step "a", prompt, line 1, column 3: {a} is this step's own answer; use an earlier step's name, or rename this step`,
		}},
		{"later answer", New, []Step{{Name: "a", Prompt: "{b}"}, {Name: "b", Prompt: "{a}"}}, []string{
			`step "a", prompt, line 1, column 1: {b} is the answer of step 2, which comes later; move that step up, or rename it`,
		}},
		{"duplicate name", New, []Step{{Name: "a", Prompt: "x"}, {Name: "a", Prompt: "y"}}, []string{
			`step "a", name: step 1 already has the name "a"; give each step a name of its own`,
		}},
		{"name that is no name", New, []Step{{Name: "the president", Prompt: "x"}}, []string{
			`step "the president", name: "the president" cannot be a step's name; write letters, digits and _ only, so that {the_president} can stand for its answer`,
		}},
		{"unnamed", New, []Step{{Prompt: "x"}, {Name: "b", Prompt: "y"}}, []string{
			`step 1: the step has no name; name it, so that later steps can use its answer`,
		}},
		{"empty prompt", New, []Step{{Name: "a", Prompt: " \n"}}, []string{
			`step "a", prompt: the user message is empty; add a text`,
		}},
		{"no prompt", New, []Step{{Name: "a"}}, []string{
			`step "a", prompt: there is no prompt; write one, or messages`,
		}},
		{"empty message", New, []Step{{Name: "a", Messages: []Message{{Role: user, Text: "x"}, {Role: user, Text: ""}}}}, []string{
			`step "a", message 2: the user message is empty; add a text`,
		}},
		{"prompt and messages", New, []Step{{Name: "a", Prompt: "x", Messages: []Message{{Role: user, Text: "x"}}}}, []string{
			`step "a", messages: the step has messages and also a prompt or system; put everything into messages`,
		}},
		{"role", New, []Step{{Name: "a", Messages: []Message{{Role: "human", Text: "x"}}}}, []string{
			`step "a", message 1: "human" is not a role of a message; the roles are system, user, assistant, tool`,
		}},
		{"temperature", New, []Step{{Name: "a", Prompt: "x", Temperature: provider.Ptr(math.NaN())}}, []string{
			`step "a": temperature NaN is not between 0 and 2`,
		}},
		{"model", New, []Step{{Name: "a", Prompt: "x", Model: "a\x1bb"}}, []string{
			"step \"a\", model: model \"a\\x1bb\" has control characters, or spaces around it; remove them",
		}},
		{"max tokens", New, []Step{{Name: "a", Prompt: "x", MaxTokens: provider.Ptr(0)}}, []string{
			`step "a": max_tokens 0 is less than 1`,
		}},
		{"privacy", New, []Step{{Name: "a", Prompt: "x", Privacy: "lokal"}}, []string{
			`step "a": privacy "lokal" is not local`,
		}},
		{"pipe without a variable", Pipe, []Step{{Prompt: "x"}, {Prompt: "y"}}, []string{
			`step "step2": the step has no variable, so the answer before it would be lost; in a pipe, a step has one variable: the answer of the step before`,
		}},
		{"pipe with two", Pipe, []Step{{Prompt: "x"}, {Prompt: "{a} {b}"}}, []string{
			`step "step2": the step has 2 variables: {a}, {b}; in a pipe, a step has one variable: the answer of the step before`,
		}},
		{"everything at once", New, []Step{{Name: "a", System: "}", Prompt: "{"}, {Name: "b", Prompt: "\n{c.d}"}}, []string{
			`step "a", system, line 1, column 1: unexpected }; write }} for a literal brace`,
			`step "a", prompt, line 1, column 1: this { is never closed; write {{ for a literal brace`,
			`step "b", prompt, line 2, column 1: {c.d} reaches into a value, and variable names cannot contain attribute access (.) or indexing ([]); write {c}, or reach into it in a mustache template`,
		}},
	} {
		c, err := tt.make(tt.steps...)
		if err == nil || err.Error() != strings.Join(tt.want, "\n") || c != nil {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, strings.Join(tt.want, "\n     "))
		}
	}
}

func TestChainDoesNotChangeWithItsSource(t *testing.T) {
	steps := []Step{{Name: "a", Prompt: "{x}", Temperature: provider.Ptr(0.5), Stop: []string{"end"}, Use: []string{"local"}}}
	c, err := New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	*steps[0].Temperature, steps[0].Stop[0], steps[0].Use[0] = 1, "changed", "changed"
	c.Inputs()[0], c.Steps()[0] = "changed", "changed"
	f := answers(map[string]string{"hi": "ho"})
	if _, err := c.Output(t.Context(), f, map[string]any{"x": "hi"}); err != nil {
		t.Fatal(err)
	}
	if req := f.requests[0]; *req.Temperature != 0.5 || req.Stop[0] != "end" || req.Use[0] != "local" {
		t.Errorf("the request is %+v", req)
	}
}

// president is the chain that everything here begins with.
func president() []Step {
	return []Step{
		{Name: "president", Prompt: "Tell me the president of {country}"},
		{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
	}
}
