package chain

import (
	"context"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// A name never stands for nothing where a value was to be expected.
func TestNamesThatHaveNoValue(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{
			"a branch of a parallel for each", "steps:\n- {name: p, each: '[1]', parallel: {a: {text: x}}}\n- {name: t, text: '{p}{a}'}\n",
			"x.yaml:3:23: {a} is a branch of step 1, which runs for each element; take it from the elements of {p}, in an expression",
		},
		{
			"a branch of a parallel that may be skipped", "steps:\n- {name: p, when: 'false', else: no, parallel: {a: {text: x}}}\n- {name: t, text: '{p}{a}'}\n",
			"x.yaml:3:23: {a} has no value when step 1 is skipped; use {p}, or give the branch a when and an else of its own",
		},
		{
			"a branch of a parallel that may fail", "steps:\n- {name: p, fallback: {text: no}, parallel: {a: {text: x}}}\n- {name: t, text: '{p}{a}'}\n",
			"x.yaml:3:23: {a} has no value when step 1 falls back; use {p}, or have the fallback give a map with that branch in it",
		},
		{
			"a branch without a variable's name", "steps:\n- {name: p, parallel: {a b: {text: x}}}\n- {name: t, text: '{p}'}\n",
			`x.yaml:2:29: "a b" cannot be a branch's name; write letters, digits and _ only, so that {a_b} can stand for its value`,
		},
		{
			"a branch for whom the fallback has no value", "steps:\n- {name: p, fallback: {transform: '{\"b\": 1}'}, parallel: {a: {prompt: fail}}}\n- {name: t, text: '{p}{a}'}\n",
			`step t: line 1, column 4: missing variable "a"`,
		},
	} {
		c, err := Parse("x.yaml", []byte(tt.file))
		if err == nil {
			_, err = c.Output(t.Context(), failing, nil)
		}
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

// failing is loud, and fails where it is told to.
var failing = told(func(ctx context.Context, req provider.Request) (string, error) {
	if req.Messages[0].Text == "fail" {
		return "", provider.Errorf(provider.Unavailable, "told", "m", "down")
	}
	return loud(ctx, req)
})

func TestNamesThatHaveAValue(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		vars       map[string]any
		want       string
	}{
		{"a fallback that has the branches", "steps:\n- {name: p, fallback: {transform: '{\"a\": \"f\"}'}, parallel: {a: {prompt: fail}}}\n- {name: t, text: '{a}'}\n", nil, "f"},
		{"a fallback sees the element", "steps:\n- {name: a, each: '[\"x\", \"y\"]', prompt: fail, fallback: {prompt: 'not {item}'}}\n- {name: t, transform: 'join(a, \",\")'}\n", nil, "NOT X,NOT Y"},
		{"a fallback sees the round before", "repeat: {max: 2, start: '\"x\"'}\nprompt: fail\nfallback: {prompt: '{answer}y'}\n", nil, "XYY"},
		{"a loop in a file of one step with a name", "name: loop\nrepeat: {until: 'len(loop) > 3', max: 9, start: '\"\"'}\ntext: '{loop}ab'\n", nil, "abab"},
		{"a loop in a file whose name is none of a variable", "name: my loop\nrepeat: {until: 'len(answer) > 3', max: 9, start: '\"\"'}\ntext: '{answer}ab'\n", nil, "abab"},
		{"a file's name is a variable's", "name: topic\nprompt: 'about {topic}'\n", map[string]any{"topic": "x"}, "ABOUT X"},
	} {
		c, err := Parse("x.yaml", []byte(tt.file))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if result, err := c.Output(t.Context(), failing, tt.vars); err != nil || result.Text != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, result.Text, err, tt.want)
		}
		_ = c.Mermaid()
	}
}

func TestPlacesOfMistakesInside(t *testing.T) {
	dir := write(t, map[string]string{"sub.yaml": "inputs: {nation: text, year: text}\nprompt: 'of {nation} in {year}'\n"})
	for _, tt := range []struct{ name, file, want string }{
		{"a route's question", "route:\n  ask: 'is {a'\n  branches: {x: {text: y}}\n", "2:12: this { is never closed"},
		{"a name in a route's question", "inputs: []\nroute:\n  ask: |\n    is\n    {a}\n  branches: {x: {text: y}}\n", "5:5: {a} is neither a step nor one of the inputs"},
		{"a value of with", "inputs: []\nsteps:\n- name: s\n  chain: sub.yaml\n  with:\n    nation: 'upper(zz)'\n    year: |\n      'x' +\n", "6:20: {zz} is neither a step nor one of the inputs"},
		{"another value of with", "inputs: []\nsteps:\n- name: s\n  chain: sub.yaml\n  with: {year: '1 +', nation: '\"x\"'}\n", "5:19: the expression cannot be read: unexpected token EOF"},
		{"a type in with", "inputs: []\nsteps:\n- name: s\n  chain: sub.yaml\n  with: {year: '1 + 1', nation: '\"x\"'}\n", "5:16: the expression is a number, but a text is needed"},
		{"with for no input", "inputs: []\nsteps:\n- name: s\n  chain: sub.yaml\n  with: {nation: '\"x\"', year: '\"y\"', years: '\"x\"'}\n", `5:45: the chain takes no input "years"`},
	} {
		path := writeFile(t, dir, "x.yaml", tt.file)
		if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":"+tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestInputsOfAChainThatIsAStep(t *testing.T) {
	dir := write(t, map[string]string{
		"sub.yaml":  "inputs: {nation: text, year: {default: 1999, type: number}}\nsteps:\n- {name: a, prompt: 'of {nation} in {year}'}\n",
		"chat.yaml": "messages:\n- {placeholder: history, optional: true}\n- {role: user, content: 'q {q}'}\n",
		"year.yaml": "inputs: {year: {default: '1999'}}\nprompt: 'in {year}'\n",
	})
	for _, tt := range []struct {
		name, file string
		vars       map[string]any
		want       string
	}{
		{"a default that the outer chain does not know", "chain: sub.yaml\n", map[string]any{"nation": "x"}, "OF X IN 1999"},
		{"a default that the outer chain declares", "inputs: {nation: text, year: number}\nchain: sub.yaml\n", map[string]any{"nation": "x", "year": 3}, "OF X IN 3"},
		{"a default that a step has", "steps:\n- {name: year, transform: '1 + 1'}\n- {name: s, chain: sub.yaml}\n", map[string]any{"nation": "x"}, "OF X IN 2"},
		{"what is optional is so outside", "chain: chat.yaml\n", map[string]any{"q": "x"}, "Q X"},
		{"what is optional can be given", "chain: chat.yaml\n", map[string]any{"q": "x", "history": []provider.Message{provider.User("a")}}, "Q X"},
		{"in a pipe", "pipe: true\nsteps:\n- {text: '{x}'}\n- {chain: sub.yaml}\n", map[string]any{"x": "x"}, "OF X IN 1999"},
		{"optional in a pipe", "pipe: true\nsteps:\n- {text: '{x}'}\n- {chain: chat.yaml}\n", map[string]any{"x": "x"}, "Q X"},
		{"the one input in a pipe", "pipe: true\nsteps:\n- {text: '{x}'}\n- {chain: year.yaml}\n", map[string]any{"x": "2026"}, "IN 2026"},
	} {
		path := writeFile(t, dir, "x.yaml", tt.file)
		c, err := Load(path)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if result, err := c.Output(t.Context(), loud, tt.vars); err != nil || result.Text != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, result.Text, err, tt.want)
		}
	}
}

func TestARoutesQuestion(t *testing.T) {
	c, err := Parse("x.yaml", []byte("format: mustache\npartials: {p: 'about {{x}}'}\nretries: 1\nroute: {ask: 'Is it {{>p}}?', branches: {a: {text: is a}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	p := told(func(_ context.Context, req provider.Request) (string, error) {
		asked = append(asked, req.Messages[0].Text)
		if len(asked) == 1 {
			return "", nil
		}
		return `{"choice": "a"}`, nil
	})
	if result, err := c.Output(t.Context(), p, map[string]any{"x": "y"}); err != nil || result.Text != "is a" || !strings.HasPrefix(asked[0], "Is it about y?\n") {
		t.Errorf("%q, %v after %q", result.Text, err, asked)
	}
}
