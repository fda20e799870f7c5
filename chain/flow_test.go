package chain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// told is a provider that answers with what a function makes of the prompt.
type told func(ctx context.Context, req provider.Request) (string, error)

func (told) Name() string                                     { return "told" }
func (told) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (f told) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		text, err := f(ctx, req)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		if !yield(provider.Chunk{Text: text}, nil) {
			return
		}
		yield(provider.Chunk{Finish: provider.FinishStop, Usage: &provider.Usage{InputTokens: 1, OutputTokens: 2}, Route: &provider.Route{Provider: "told", Model: "m", Local: true}}, nil)
	}
}

// loud answers with the prompt in capitals.
var loud = told(func(_ context.Context, req provider.Request) (string, error) {
	return strings.ToUpper(req.Messages[len(req.Messages)-1].Text), nil
})

func TestFlow(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		vars       map[string]any
		want       string
	}{
		{"text", "steps:\n- {name: a, text: 'Hello {who}'}\n- {name: b, prompt: '{a}!'}\n", map[string]any{"who": "you"}, "HELLO YOU!"},
		{"transform", "steps:\n- {name: a, prompt: 'x y {w}'}\n- {name: n, transform: 'len(split(a, \" \"))'}\n- {name: b, prompt: 'n {n}'}\n", map[string]any{"w": "z"}, "N 3"},
		{"a transform's value as JSON", "transform: '{\"a\": [1, x], \"b\": \"<\"}'\n", map[string]any{"x": "é"}, `{"a":[1,"é"],"b":"<"}`},
		{"group", "steps:\n- name: g\n  steps:\n  - {name: a, prompt: 'in {x}'}\n  - {name: b, prompt: 'then {a}'}\n- {name: c, prompt: 'so {g}'}\n", map[string]any{"x": "1"}, "SO THEN IN 1"},
		{"parallel", "steps:\n- name: both\n  parallel:\n    pro: {prompt: 'for {x}'}\n    con:\n    - {name: a, prompt: 'against {x}'}\n    - {name: b, text: '{a}?'}\n- {name: c, prompt: '{pro} {con}'}\n- {name: d, transform: 'c + both.con'}\n", map[string]any{"x": "1"}, "FOR 1 AGAINST 1?AGAINST 1?"},
		{"each", "inputs: {list: list}\nsteps:\n- {name: a, each: list, prompt: 'no {item}'}\n- {name: b, transform: 'join(a, \"; \")'}\n", map[string]any{"list": []any{"x", "y", 3}}, "NO X; NO Y; NO 3"},
		{"each, named", "inputs: {list: list}\nsteps:\n- {name: a, each: 'filter(list, # != \"x\")', as: it, prompt: 'no {it}'}\n- {name: b, transform: 'toJSON(a)'}\n", map[string]any{"list": []string{"x", "y"}}, "[\n  \"NO Y\"\n]"},
		{"each of nothing", "inputs: {list: list}\nsteps:\n- {name: a, each: list, prompt: 'no {item}'}\n- {name: b, transform: 'len(a)'}\n", map[string]any{"list": []any{}}, "0"},
		{"when true", "steps:\n- {name: a, when: 'x == \"1\"', else: none, prompt: 'hi {x}'}\n- {name: b, prompt: '{a}.'}\n", map[string]any{"x": "1"}, "HI 1."},
		{"when false", "steps:\n- {name: a, when: 'x == \"1\"', else: none, prompt: 'hi {x}'}\n- {name: b, prompt: '{a}.'}\n", map[string]any{"x": "2"}, "NONE."},
		{"route by an expression", "route:\n  by: 'len(x) > 2 ? \"long\" : \"short\"'\n  branches:\n    long: {prompt: 'long {x}'}\n    short: {text: 'short {x}'}\n", map[string]any{"x": "abc"}, "LONG ABC"},
		{"route to the default", "route:\n  by: x\n  branches:\n    a: {text: is a}\n    b: {text: is b}\n  default: b\n", map[string]any{"x": "abc"}, "is b"},
		{"repeat", "repeat: {until: 'len(answer) > 6', max: 5, start: '\"\"'}\ntext: '{answer}ab'\n", nil, "abababab"},
		{"repeat a number of times", "repeat: {max: 3, start: '\"x\"'}\ntext: '{answer}y'\n", nil, "xyyy"},
		{"repeat and keep", "repeat: {until: 'false', max: 2, start: '\"x\"', keep: true}\ntext: '{answer}y'\n", nil, "xyy"},
		{"defaults of inputs", "inputs:\n  a: {default: one}\n  n: {type: number, default: 3}\ntransform: 'a + string(n + 1)'\n", nil, "one4"},
		{"fallback", "steps:\n- {name: a, prompt: fail, fallback: {text: instead}}\n- {name: b, prompt: '{a}'}\n", nil, "INSTEAD"},
		{"pipe", "pipe: true\nsteps:\n- {prompt: 'a {x}'}\n- {transform: 'split(it, \" \")'}\n- {each: words, prompt: '<{item}>'}\n- {transform: 'join(l, \"\")'}\n", map[string]any{"x": "b"}, "<A><B>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("x.yaml", []byte(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			p := told(func(ctx context.Context, req provider.Request) (string, error) {
				if req.Messages[0].Text == "fail" {
					return "", provider.Errorf(provider.Unavailable, "told", "m", "down")
				}
				return loud(ctx, req)
			})
			result, err := c.Output(t.Context(), p, tt.vars)
			if err != nil || result.Text != tt.want {
				t.Errorf("got %q, %v; want %q", result.Text, err, tt.want)
			}
			if n := len(outermost(result.Steps)); n != len(c.Steps()) {
				t.Errorf("%d results of %d steps", n, len(c.Steps()))
			}
			text := ""
			for e, err := range c.Run(t.Context(), p, tt.vars) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Result != nil {
					text = e.Result.Text
				}
			}
			if text != tt.want {
				t.Errorf("Run ends with %q, Output with %q", text, result.Text)
			}
		})
	}
}

func TestFlowMistakes(t *testing.T) {
	for _, tt := range []struct{ name, file, want string }{
		{"an unknown name in an expression", "inputs: [a]\ntransform: 'a + bb'\n", `x.yaml:2:17: {bb} is neither a step nor one of the inputs; there are a`},
		{"an expression that cannot be read", "transform: 'a +'\n", `x.yaml:1:15: the expression cannot be read: unexpected token EOF`},
		{"an input that is almost an unused step", "steps:\n- {name: one, prompt: x}\n- {name: two, prompt: '{on}'}\n", `x.yaml:3:24: {on} is not a step, and the step "one" is not used; did you mean {one}? if {on} is an input, list it in inputs`},
		{"types in an expression", "steps:\n- {name: a, prompt: x}\n- {name: b, transform: 'a + 1'}\n", `x.yaml:3:27: the expression cannot be read: invalid operation: + (mismatched types string and int)`},
		{"a condition that is none", "steps:\n- {name: a, prompt: x}\n- {name: b, when: 'len(a)', else: '', prompt: y}\n", `x.yaml:3:19: the expression cannot be read: expected bool, but got int`},
		{"each of a text", "steps:\n- {name: a, prompt: x}\n- {name: b, each: a, prompt: '{item}'}\n", "x.yaml:3:19: a is a text, but a list is needed; add `parse: list` to the step that it comes from, or split it"},
		{"a gap", "steps:\n- {name: a, when: 'x == \"1\"', prompt: '{x}'}\n- {name: b, prompt: '{a}'}\n", `x.yaml:3:22: {a} has no value when step 1 is skipped; give that step an else: the text to use as its answer then`},
		{"a last step that may be skipped", "steps:\n- {name: a, prompt: x}\n- {name: b, when: 'a == \"\"', prompt: y}\n", `x.yaml:3:19: the last step can be skipped, which would leave the chain without an answer; give it an else, or put a step after it`},
		{"two things", "prompt: x\ntransform: '1'\n", `x.yaml:2:12: a step does one thing, but this one has prompt and transform; make each a step of its own`},
		{"tools without a model", "text: x\ntools: [a/b]\n", `x.yaml:2:8: tools belongs in a step that asks a model, but this one has text; move it into the step that asks the model`},
		{"no rounds", "repeat: {until: 'true'}\nprompt: x\n", `x.yaml:1:9: max is 0; it must be between 1 and 1000; set max to the most rounds to run`},
		{"a route without choice", "route: {branches: {a: {text: x}}}\n", `x.yaml:1:8: a route chooses by an expression, or by asking the model; write either by or ask`},
		{"a default that is no branch", "route: {by: x, branches: {a: {text: y}}, default: c}\n", `x.yaml:1:51: there is no branch "c"; the branches are a`},
		{"a branch's name taken", "steps:\n- {name: a, prompt: x}\n- {name: b, parallel: {a: {prompt: y}}}\n", `x.yaml:3:10: the branch "a": step 1 already has the name "a"; give each step a name of its own`},
		{"a mistake inside", "steps:\n- name: g\n  steps:\n  - {name: a, prompt: '{'}\n", `x.yaml:4:24: this { is never closed; write {{ for a literal brace`},
		{"an inner name used outside", "inputs: []\nsteps:\n- name: g\n  steps:\n  - {name: a, prompt: x}\n- {name: b, prompt: '{a}'}\n", `x.yaml:6:22: {a} is neither a step nor one of the inputs; there are g`},
		{"an input that nobody uses", "inputs: [a, b]\nprompt: '{a}'\n", `x.yaml:1:13: no step uses the input "b"; remove it, or use {b}`},
		{"a default of another type", "inputs: {a: {type: list, default: x}}\ntransform: len(a)\n", `x.yaml:1:35: the default is the text "x", but the input is a list; change one of them`},
		{"as without each", "as: x\nprompt: y\n", `x.yaml:1:5: as needs an each; add each, or remove as`},
		{"a concurrency of nothing", "concurrency: 3\nprompt: y\n", `x.yaml:1:14: nothing runs in parallel here; write each or parallel, or remove it`},
		{"another file", "chain: other.yaml\n", `x.yaml:1:8: there is no directory to look for "other.yaml" in; load the chain from a file`},
		{"a schema that is none", "prompt: x\nschema: {type: objekt}\n", `x.yaml:2:9: the schema`},
		{"$env", "transform: '$env[\"x\"]'\n", "x.yaml:1:13: $env is not a variable; use one of the variables"},
	} {
		_, err := Parse("x.yaml", []byte(tt.file))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestOneBranchFailsAndAllAreCancelled(t *testing.T) {
	c := mustNew(t, Step{Parallel: []Step{{Name: "bad", Prompt: "bad"}, {Name: "slow", Prompt: "slow"}}})
	var cancelled atomic.Bool
	started := make(chan struct{})
	p := told(func(ctx context.Context, req provider.Request) (string, error) {
		if req.Messages[0].Text == "bad" {
			<-started
			return "", provider.Errorf(provider.Denied, "told", "m", "no")
		}
		close(started)
		<-ctx.Done()
		cancelled.Store(true)
		return "", ctx.Err()
	})
	_, err := c.Output(t.Context(), p, nil)
	if err == nil || err.Error() != "step answer.bad: told (m): denied: no" || !errors.Is(err, provider.Denied) {
		t.Errorf("got %v", err)
	}
	if !cancelled.Load() {
		t.Error("the other branch went on")
	}
}

func TestEachIsBoundedAndOrdered(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Each: "list", Concurrency: 3, Prompt: "{item}"}, Step{Name: "b", Transform: `join(a, " ")`})
	var now, most atomic.Int32
	p := told(func(ctx context.Context, req provider.Request) (string, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Duration(len(req.Messages[0].Text)%3) * time.Millisecond)
		return req.Messages[0].Text, nil
	})
	var list []any
	var want []string
	for i := range 50 {
		list = append(list, i)
		want = append(want, fmt.Sprint(i))
	}
	result, err := c.Output(t.Context(), p, map[string]any{"list": list})
	if err != nil || result.Text != strings.Join(want, " ") {
		t.Errorf("%q, %v", result.Text, err)
	}
	if most.Load() > 3 {
		t.Errorf("%d ran at a time", most.Load())
	}
	first := result.Steps[0]
	if len(first.Answered) != 1 || first.Answered[0].Calls != 50 || first.Usage.OutputTokens != 100 || first.Route != nil {
		t.Errorf("%+v does not say who answered and what was used", first)
	}
}

func TestAConsumerLeavesAParallelRun(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Each: "list", Prompt: "{item}"})
	p := told(func(ctx context.Context, _ provider.Request) (string, error) { return "x", ctx.Err() })
	for range c.Run(t.Context(), p, map[string]any{"list": []any{1, 2, 3, 4, 5, 6, 7, 8}}) {
		break
	}
}

func TestTheCallersContextGoesBackUnchanged(t *testing.T) {
	for _, c := range []*Chain{
		mustNew(t, Step{Name: "a", Each: "[1, 2]", Prompt: "{item}"}),
		mustNew(t, Step{Name: "a", Prompt: "x", Timeout: time.Hour, Fallback: &Step{Text: "never"}}),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		p := told(func(ctx context.Context, _ provider.Request) (string, error) {
			cancel()
			<-ctx.Done()
			return "", ctx.Err()
		})
		if _, err := c.Output(ctx, p, nil); err != context.Canceled {
			t.Errorf("got %v", err)
		}
	}
}

func TestTimeoutOfAStep(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Prompt: "x", Timeout: time.Millisecond})
	p := told(func(ctx context.Context, _ provider.Request) (string, error) { <-ctx.Done(); return "", ctx.Err() })
	_, err := c.Output(t.Context(), p, nil)
	if !errors.Is(err, provider.Timeout) || err.Error() != "step a: timeout: the step did not finish within its timeout of 1ms; raise it" {
		t.Errorf("got %v", err)
	}
}

func TestARepeatThatNeverEnds(t *testing.T) {
	c := mustNew(t, Step{Name: "a", Text: "x", Repeat: &Repeat{Until: `a == "y"`, Max: 3}})
	_, err := c.Output(t.Context(), loud, nil)
	if err == nil || err.Error() != `step a: invalid: after 3 rounds, a == "y" is still false; raise max, or write keep: true to continue with the last value` {
		t.Errorf("got %v", err)
	}
}

// What a step sets holds for the steps in it, and privacy for its fallback.
func TestSettingsReachInside(t *testing.T) {
	c := mustNew(t,
		Step{Name: "g", Use: []string{"local"}, Privacy: provider.PrivacyLocal, Temperature: provider.Ptr(0.5), Steps: []Step{
			{Name: "a", Prompt: "x"},
			{Name: "b", Prompt: "y", Use: []string{"openai"}, Temperature: provider.Ptr(1.0), Fallback: &Step{Prompt: "z", Use: []string{"other"}}},
		}})
	var got []string
	p := told(func(_ context.Context, req provider.Request) (string, error) {
		got = append(got, fmt.Sprintf("%s %v %s %v", req.Messages[0].Text, req.Use, req.Privacy, *req.Temperature))
		if req.Messages[0].Text == "y" {
			return "", provider.Errorf(provider.Private, "openai", "", "no")
		}
		return "ok", nil
	})
	if _, err := c.Output(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	want := "x [local] local 0.5\ny [openai] local 1\nz [other] local 1"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestParsersInFiles(t *testing.T) {
	for _, tt := range []struct{ parse, answer, want string }{
		{"list", "a, b,c", `["a","b","c"]`},
		{"numbered", "1. a\n2. b\n", `["a","b"]`},
		{"{enum: [red, blue]}", "blue", "blue"},
		{"bool", "YES", "true"},
		{"{bool: {true: ja, false: nein}}", "nein", "false"},
		{"{datetime: '%Y-%m-%d'}", "2026-11-25", "2026-11-25T00:00:00Z"},
		{"{regex: '(?P<n>\\d+) apples'}", "42 apples", `{"n":"42"}`},
		{"json", "```json\n{\"n\": 3, \"x\": 1.5}\n```", `{"n":3,"x":1.5}`},
		{"text", "as it is", "as it is"},
	} {
		c, err := Parse("x.yaml", []byte("steps:\n- name: a\n  prompt: x\n  parse: "+tt.parse+"\n- {name: b, transform: a}\n"))
		if err != nil {
			t.Errorf("%s: %v", tt.parse, err)
			continue
		}
		p := told(func(context.Context, provider.Request) (string, error) { return tt.answer, nil })
		if result, err := c.Output(t.Context(), p, nil); err != nil || result.Text != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.parse, result.Text, err, tt.want)
		}
	}
	for _, tt := range []struct{ parse, want string }{
		{"lists", `x.yaml:2:8: unknown parser "lists"; did you mean "list"?`},
		{"[list]", `x.yaml:2:8: unknown parser ""`},
		{"{list: 3}", "x.yaml:2:15: the parser list has no options; write `parse: list`"},
		{"{enum: []}", `x.yaml:2:8: `},
		{"{regex: '('}", `x.yaml:2:8: `},
		{"{enum: [a], list: }", `x.yaml:2:8: expected one parser`},
	} {
		if _, err := Parse("x.yaml", []byte("prompt: x\nparse: "+tt.parse+"\n")); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.parse, err, tt.want)
		}
	}
}

func TestAs(t *testing.T) {
	type person struct {
		Name string `json:"name"`
		Born int    `json:"born"`
	}
	p := told(func(_ context.Context, req provider.Request) (string, error) {
		if req.Schema == nil || !strings.Contains(string(req.Schema.JSON), `"born"`) {
			return "no schema", nil
		}
		return `{"name": "Ada", "born": 1815}`, nil
	})
	ada, err := As[person](t.Context(), p, "Who wrote the first program?")
	if err != nil || ada != (person{"Ada", 1815}) {
		t.Errorf("%+v, %v", ada, err)
	}
	s, err := SchemaOf[person]()
	if err != nil {
		t.Fatal(err)
	}
	result, err := mustNew(t, Step{Prompt: "x", Schema: s}).Output(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode[person](result); err != nil || got != ada {
		t.Errorf("%+v, %v", got, err)
	}
	bad := told(func(context.Context, provider.Request) (string, error) { return `{"name": "Ada"}`, nil })
	if _, err := As[person](t.Context(), bad, "x"); err == nil || !strings.Contains(err.Error(), "born") {
		t.Errorf("got %v", err)
	}
}

// Strict mode is asked for where it can say the schema.
func TestStrictModeWhereItCanBe(t *testing.T) {
	for file, strict := range map[string]bool{
		"prompt: x\nschema: {type: object, properties: {a: {type: string}}, required: [a]}\n": true,
		"prompt: x\nschema: {type: array, items: {type: string}}\n":                           false,
	} {
		c, err := Parse("x.yaml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		p := told(func(_ context.Context, req provider.Request) (string, error) {
			if req.Schema.Strict != strict {
				t.Errorf("%s: strict is %t", file, req.Schema.Strict)
			}
			if strict {
				return `{"a": "b"}`, nil
			}
			return `["a"]`, nil
		})
		if _, err := c.Output(t.Context(), p, nil); err != nil {
			t.Error(err)
		}
	}
}
