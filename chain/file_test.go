package chain

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/provider"
)

func TestParseEveryKey(t *testing.T) {
	c, err := Parse("all.yaml", []byte(`
name: everything
description: Every key there is.
privacy: any
steps:
  - name: first
    system: You know {topic}.
    prompt: |
      Say {{this}}: {topic}
      and {more}
    use: [local, openai]
    model: smollm2:135m
    temperature: 0
    top_p: 0.9
    seed: -7
    max_tokens: 100
    stop: ["END", "\n\n"]
    think: off
    privacy: local
  - name: second
    use: openai
    stop: END
    think: high
    messages:
      - role: system
        content: Be short.
      - {role: user, content: "Repeat: {first}"}
      - {role: assistant, content: Gladly}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name() != "everything" || c.Description() != "Every key there is." {
		t.Errorf("name %q, description %q", c.Name(), c.Description())
	}
	if got := c.Inputs(); !slices.Equal(got, []string{"topic", "more"}) {
		t.Errorf("inputs %q", got)
	}
	f := answers(map[string]string{"Say {this}: cats\nand dogs\n": "meow", "Gladly": "meow meow"})
	if _, err := c.Output(t.Context(), f, map[string]any{"topic": "cats", "more": "dogs"}); err != nil {
		t.Fatal(err)
	}
	first, second := f.requests[0], f.requests[1]
	if !slices.Equal(first.Use, []string{"local", "openai"}) || first.Model != "smollm2:135m" || *first.Temperature != 0 ||
		*first.TopP != 0.9 || *first.Seed != -7 || *first.MaxTokens != 100 || !slices.Equal(first.Stop, []string{"END", "\n\n"}) ||
		first.Think != provider.ThinkOff || first.Privacy != provider.PrivacyLocal {
		t.Errorf("first request: %+v", first)
	}
	if first.Messages[0].Role != provider.RoleSystem || first.Messages[0].Text != "You know cats." {
		t.Errorf("system message: %+v", first.Messages[0])
	}
	if !slices.Equal(second.Use, []string{"openai"}) || !slices.Equal(second.Stop, []string{"END"}) || second.Think != provider.ThinkHigh || second.Temperature != nil {
		t.Errorf("second request: %+v", second)
	}
	if len(second.Messages) != 3 || second.Messages[1].Text != "Repeat: meow" {
		t.Errorf("second messages: %+v", second.Messages)
	}
}

func TestParseSinglePrompt(t *testing.T) {
	for file, text := range map[string]string{
		"prompt.yaml":   "name: capital of\ntemperature: 0\nprompt: The capital of {answer}?\n",
		"prompt.json":   `{"name": "capital of", "temperature": 0, "prompt": "The capital of {answer}?"}`,
		"messages.yaml": "name: capital of\ntemperature: 0\nmessages:\n- {role: user, content: 'The capital of {answer}?'}\n",
	} {
		c, err := Parse(file, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		f := answers(map[string]string{"The capital of Chad?": "N'Djamena"})
		result, err := c.Output(t.Context(), f, map[string]any{"answer": "Chad"})
		if err != nil || result.Text != "N'Djamena" || result.Steps[0].Name != "capital of" || *f.requests[0].Temperature != 0 {
			t.Errorf("%s: %+v, %v", file, result, err)
		}
	}
}

func TestParsePipe(t *testing.T) {
	c, err := Parse("pipe.yaml", []byte("pipe: true\nsteps:\n- prompt: A {x}\n- prompt: B {y}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := answers(map[string]string{"A 1": "{2}", "B {2}": "3"})
	if result, err := c.Output(t.Context(), f, map[string]any{"x": "1"}); err != nil || result.Text != "3" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestParsePrivacyOfTheChain(t *testing.T) {
	c, err := Parse("p.yaml", []byte("privacy: local\nsteps:\n- {name: a, prompt: x, privacy: any}\n- {name: b, prompt: y}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := answers(map[string]string{"x": "1", "y": "2"})
	if _, err := c.Output(t.Context(), f, nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range f.requests {
		if r.Privacy != provider.PrivacyLocal {
			t.Errorf("request %q left privacy %q", r.Messages[0].Text, r.Privacy)
		}
	}
}

func TestParseMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{`x.yaml: the file is empty; write a prompt, or steps`}},
		{"comments", "# nothing\n", []string{`x.yaml: the file is empty; write a prompt, or steps`}},
		{"not a mapping", "- a\n- b\n", []string{`x.yaml:1:1: expected a chain as a mapping of keys to values, found a list`}},
		{"text", "Tell me\n", []string{`x.yaml:1:1: expected a chain as a mapping of keys to values, found "Tell me"`}},
		{"no prompt", "name: a\n", []string{`x.yaml:1:1: there is no prompt; write one, or messages`}},
		{"empty prompt", "name: a\nprompt: ''\n", []string{`x.yaml:2:9: there is no prompt; write one, or messages`}},
		{"blank prompt", "name: a\nprompt: ' '\n", []string{`x.yaml:2:9: the user message is empty; add a text`}},
		{"null prompt", "prompt:\n", []string{`x.yaml:1:8: expected text, found nothing`}},
		{"empty system", "prompt: x\nsystem: ''\n", []string{`x.yaml:2:9: the system message is empty; write it, or remove the key`}},
		{"no steps", "steps: []\n", []string{`x.yaml:1:8: there are no steps; write at least one`}},
		{"steps of nothing", "steps:\n", []string{`x.yaml:1:7: expected a list of steps, found nothing`}},
		{"steps no list", "steps: {name: a}\n", []string{`x.yaml:1:8: expected a list of steps, found a mapping of keys to values`}},
		{"step no mapping", "steps:\n- Tell me\n", []string{`x.yaml:2:3: expected a step as a mapping of keys to values, found "Tell me"`}},
		{"unknown step key", "steps:\n- name: a\n  promt: x\n", []string{`x.yaml:3:3: unknown key "promt"; did you mean "prompt"?`}},
		{"unknown chain key", "stepps:\n- name: a\n", []string{`x.yaml:1:1: unknown key "stepps"; did you mean "steps"?`}},
		{"step key on the chain", "model: m\nsteps:\n- {name: a, prompt: x}\n", []string{`x.yaml:1:8: the key "model" belongs to a step; move it into the steps that need it`}},
		{"duplicate key", "prompt: x\nprompt: y\n", []string{`x.yaml:2:1: the key "prompt" appears twice; it is already in line 1; remove one`}},
		{"duplicate step name", "steps:\n- {name: a, prompt: x}\n- {name: a, prompt: y}\n", []string{`x.yaml:3:10: step 1 already has the name "a"; give each step a name of its own`}},
		{"unnamed step", "steps:\n- prompt: x\n- {name: b, prompt: y}\n", []string{`x.yaml:2:3: the step has no name; name it, so that later steps can use its answer`}},
		{"self reference", "steps:\n- name: a\n  prompt: Tell me {a}\n", []string{`x.yaml:3:19: {a} is this step's own answer; use an earlier step's name, or rename this step`}},
		{"later reference", "steps:\n- name: a\n  prompt: Tell me {b}\n- name: b\n  prompt: x\n", []string{`x.yaml:3:19: {b} is the answer of step 2, which comes later; move that step up, or rename it`}},
		{"tab", "steps:\n\t- name: a\n", []string{`x.yaml:2:1: there is a tab in the indentation; YAML is indented with spaces`}},
		{"binary", "name: a\x00b\n", []string{`x.yaml:1:8: there is a NUL byte; this is a binary file, or text in UTF-16; text in UTF-8 is needed`}},
		{"not UTF-8", "prompt: gr\xfc\xdfe\n", []string{`x.yaml:1:11: byte 0xfc is not UTF-8; save the file as UTF-8`}},
		{"both prompt and messages", "prompt: x\nmessages:\n- {role: user, content: y}\n", []string{`x.yaml:3:1: the step has messages and also a prompt or system; put everything into messages`}},
		{"bad role", "messages:\n- role: human\n  content: x\n", []string{`x.yaml:2:9: expected one of system, user, assistant, tool, found "human"`}},
		{"no role", "messages:\n- content: x\n", []string{`x.yaml:2:3: the key "role" is missing; add a role: system, user or assistant`}},
		{"empty message", "messages:\n- role: user\n  content: ''\n", []string{`x.yaml:3:12: the user message is empty; add a text`}},
		{"types", "prompt: [a]\ntemperature: hot\nmax_tokens: 1.5\nseed: x\ntop_p: 2\nthink: maybe\nstop: {a: b}\nprivacy: remote\n", []string{
			`x.yaml:1:9: expected text, found a list; text that starts with { or [ needs quotes`,
			`x.yaml:2:14: expected a number from 0 to 2, found "hot"`,
			`x.yaml:3:13: expected a whole number of at least 1, found "1.5"`,
			`x.yaml:4:7: expected a whole number, found "x"`,
			`x.yaml:5:8: expected a number from 0 to 1, found "2"`,
			`x.yaml:6:8: expected one of off, on, low, medium, high, found "maybe"`,
			`x.yaml:7:7: expected text or a list of texts, found a mapping of keys to values`,
			`x.yaml:8:10: expected one of any, local, found "remote"`,
		}},
		{"pipe of one prompt", "pipe: true\nprompt: x\n", []string{`x.yaml:1:7: a pipe needs steps; write steps, or remove it`}},
		{"pipe with two variables", "pipe: true\nsteps:\n- prompt: x\n- prompt: '{a}{b}'\n", []string{`x.yaml:4:3: the step has 2 variables: {a}, {b}; in a pipe, a step has one variable: the answer of the step before`}},
		{"odd model", "prompt: x\nmodel: ' a'\n", []string{"x.yaml:2:8: model \" a\" has control characters, or spaces around it; remove them"}},
		{"empty model", "prompt: x\nmodel: ''\n", []string{`x.yaml:2:8: the model has no name; write it, or remove the key`}},
		{"use of nobody", "prompt: x\nuse: []\n", []string{`x.yaml:2:6: no provider is named; name one, or remove the key`}},
		{"empty stop", "prompt: x\nstop: ['']\n", []string{`x.yaml:2:7: it contains an empty string; remove it`}},
		{"all at once, in order", "nam: x\nsteps:\n- name: a b\n  prompt: '{'\n- name: c\n  prompt: x\n  seeds: 1\n", []string{
			`x.yaml:1:1: unknown key "nam"; did you mean "name"?`,
			`x.yaml:3:9: "a b" cannot be a step's name; write letters, digits and _ only, so that {a_b} can stand for its answer`,
			`x.yaml:4:12: this { is never closed; write {{ for a literal brace`,
			`x.yaml:7:3: unknown key "seeds"; did you mean "seed"?`,
		}},
	} {
		c, err := Parse("x.yaml", []byte(tt.text))
		if err == nil || err.Error() != strings.Join(tt.want, "\n") || c != nil {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, strings.Join(tt.want, "\n     "))
		}
		for _, e := range diag.Split(err) {
			if ye := new(diag.Error); !errors.As(e, &ye) || ye.File != "x.yaml" {
				t.Errorf("%s: %T %v has no place in a file", tt.name, e, e)
			}
		}
	}
}

func TestParseFindsTheBraceInEveryStyle(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "prompt: a }\n", "x.yaml:1:11: "},
		{"plain of two lines", "prompt: a\n  b ü }\n", "x.yaml:2:7: "},
		{"plain below", "prompt:\n    one two\n\n    three }\n", "x.yaml:4:11: "},
		{"quoted", `prompt: "a }"` + "\n", "x.yaml:1:12: "},
		{"single quotes", "prompt: 'a }'\n", "x.yaml:1:12: "},
		{"literal", "prompt: |\n  one\n    two }\n  three\n", "x.yaml:3:9: "},
		{"literal, windows", "prompt: |\r\n  one\r\n  two }\r\n", "x.yaml:3:7: "},
		{"literal, blank lines", "prompt: |-\n\n\n  one\n\n  two }\n", "x.yaml:6:7: "},
		{"literal, indented more", "prompt: |2\n     one }\n", "x.yaml:2:10: "},
		{"folded", "prompt: >\n  one\n  two\n\n  three }\n", "x.yaml:5:9: "},
		{"byte order mark", "\ufeffprompt: a }\n", "x.yaml:1:11: "},
		{"message", "messages:\n- role: user\n  content: |\n    ü }\n", "x.yaml:4:7: "},
		{"alias", "name: &t 'a }'\nprompt: *t\n", "x.yaml:1:7: "},
		{"escape", `prompt: "\t\n}"` + "\n", "x.yaml:1:9: unexpected } (line 2, column 1 of the text); "},
	} {
		_, err := Parse("x.yaml", []byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s…", tt.name, err, tt.want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(path, []byte("steps:\n- name: a\n  prompt: |\n    Hello {name}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Output(t.Context(), answers(nil), nil)
	if err == nil || !strings.Contains(err.Error(), "(used at "+path+":4:11)") {
		t.Errorf("the missing input's place is not told: %v", err)
	}
	_, err = Load(filepath.Join(dir, "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of no file: %v", err)
	}
	if _, err = Load(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("Load of a directory: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"prompt: '{a}'", "steps:\n- {name: a, prompt: x}\n- {name: b, prompt: '{a}'}\n", "pipe: true\nsteps:\n- prompt: x\n",
		"messages:\n- {role: user, content: |\n  {x}}", "steps: [&a {prompt: '}'}, *a]", "prompt: >\n  {\n", "a: b", "[]", "prompt: \"\\n}\"",
		"messages: [{role: user}, 3]\nprompt: 1\n", "steps: [1]\npipe: yes\n",
		"steps:\n-\n-", busy, strings.ReplaceAll(busy, "}", ""), strings.ReplaceAll(busy, "x", "list"),
		"each: '[1,'\nas: 1\nrepeat: {until: '(', max: 0, start: 'a.b', keep: true}\ntext: '{{'\n",
		"route: {ask: '{', by: 'x', branches: {a: {route: {by: a, branches: {}}}}, default: b}\n",
		"chain: x.yaml\nwith: {a: 1 +}\n", "inputs: {a: {type: list, default: [1]}, b: bool}\nwhen: b\nelse: x\ntext: '{a}'\nfallback: {fallback: {text: ''}}\n",
		"retrieve: {from: '', query: '{', k: 101}\ntimeout: 1\nretries: 11\n", "prompt: x\nparse: {regex: '('}\nschema: {$ref: '#/a'}\ntools: [1, '']\n",
		"prompt: x\nexamples: {items: [{a: b}], text: '{', select: {by: mmr}}\nimages: ['{x}']\npartial: {x: }\n", "format: mustache\npartials: {a: '{{>a}}'}\ntext: '{{#a}}{{>b}}'\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f.yaml", []byte(text))
		if (c == nil) != (err != nil) {
			t.Fatalf("chain %v, error %v", c, err)
		}
		if err == nil {
			if len(c.Steps()) == 0 {
				t.Fatal("a chain without steps")
			}
			return
		}
		for _, e := range diag.Split(err) {
			if ye := new(diag.Error); !errors.As(e, &ye) || ye.File != "f.yaml" || ye.Message == "" {
				t.Fatalf("%T %v has no place", e, e)
			}
		}
	})
}

// A prompt that is a variable and nothing else is a mapping to YAML.
func TestAPromptThatStartsWithABrace(t *testing.T) {
	_, err := Parse("f.yaml", []byte("prompt: {country}\n"))
	if err == nil || err.Error() != "f.yaml:1:9: expected text, found a mapping of keys to values; text that starts with { or [ needs quotes" {
		t.Errorf("got %v, want the place and the remedy", err)
	}
}
