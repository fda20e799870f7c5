package chain

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/schema"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// fileSchemaOf compiles the schema of chain files.
func fileSchemaOf(t *testing.T) *schema.Schema {
	t.Helper()
	s, err := schema.Compile([]byte(FileSchema()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepts reports what the schema says about a file's text.
func accepts(t *testing.T, s *schema.Schema, text string) error {
	t.Helper()
	root, err := yamlx.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if problems := s.Check(yamlx.JSON(root)); len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

func TestTheSchemaHasEveryKeyAndNoOther(t *testing.T) {
	var doc struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Description string
				Ref         string `json:"$ref"`
				Else        struct{ Enum []string }
				Enum        []string
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(FileSchema()), &doc); err != nil {
		t.Fatal(err)
	}
	without := slices.DeleteFunc(stepKeys(), func(k string) bool { return k == "steps" })
	for def, want := range map[string][]string{
		"step": stepKeys(), "chain": chainKeys(),
		"single": append(without, "description", "inputs"),
	} {
		slices.Sort(want)
		properties := doc.Defs[def].Properties
		if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, want) {
			t.Errorf("%s has the keys\n%q, and the loader\n%q", def, got, want)
		}
		for key, p := range properties {
			if p.Description == "" && p.Ref == "" {
				t.Errorf("%s: %s has no description", def, key)
			}
		}
	}
	step := doc.Defs["step"].Properties
	if got := step["parse"].Else.Enum; !slices.Equal(got, output.Names()) {
		t.Errorf("the parsers are %q, and the schema says %q", output.Names(), got)
	}
	var formats []string
	for _, f := range template.Formats() {
		formats = append(formats, string(f))
	}
	if got := step["format"].Enum; !slices.Equal(got, formats) {
		t.Errorf("the formats are %q, and the schema says %q", formats, got)
	}
}

func TestTheSchemaAcceptsWhatLoads(t *testing.T) {
	s := fileSchemaOf(t)
	examples, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("examples %q, %v", examples, err)
	}
	starters, err := filepath.Glob("../internal/cli/starters/*.yaml")
	if err != nil || len(starters) == 0 {
		t.Fatalf("starters %q, %v", starters, err)
	}
	for _, file := range append(examples, starters...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := accepts(t, s, string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, text := range []string{
		"prompt: 3\nstop: 4\ntimeout: 1m30s\n",
		"prompt: x\ntimeout: 0\nthink: on\n",
		"prompt: x\nparse: {regex: {pattern: '(a)', keys: k}}\n",
		"prompt: x\nparse: {enum: [a, b]}\n",
		"messages:\n- {role: system, content: x}\n- {placeholder: before, optional: true, limit: 3}\n- {role: user, content: x}\n",
		"inputs: {a: list, b: {type: number, default: 3, description: x}}\nsteps:\n- {name: s, each: a, as: e, concurrency: 2, prompt: '{e}{b}'}\n- {name: t, when: 'true', else: 3, text: x}\n",
		"inputs: [a]\nsteps:\n- {name: p, parallel: {x: {prompt: '{a}'}, y: [{name: q, text: z}]}, concurrency: 1}\n- {name: t, transform: p.x, fallback: {text: no}}\n",
		"repeat: {until: 'len(answer) > 3', max: 4, start: '\"\"', keep: true}\ntext: '{answer}a'\n",
		"route: {by: x, branches: {a: {text: y}}, default: a}\n",
		"prompt: '{q}'\nexamples: {items: [{a: b}], text: '{a}', select: {by: length, max: 20}}\n",
	} {
		if _, err := Parse("x.yaml", []byte(text)); err != nil {
			t.Errorf("the loader refuses %q: %v", text, err)
		}
		if err := accepts(t, s, text); err != nil {
			t.Errorf("the schema refuses %q: %v", text, err)
		}
	}
}

// What is wrong in its shape the loader and the schema both refuse.
func TestTheSchemaRefusesWhatTheLoaderRefuses(t *testing.T) {
	s := fileSchemaOf(t)
	for _, text := range []string{
		"[]\n", "x\n", "name: a\n", "stepps: []\n", "promt: x\n", "prompt: [x]\n", "prompt: ''\n", "prompt: {a: b}\n",
		"prompt: x\nmessages: [{role: user, content: y}]\n", "prompt: x\ntransform: '1'\n", "text: x\nprompt: y\n", "system: x\n",
		"messages: []\n", "messages: [{role: human, content: x}]\n", "messages: [{role: user}]\n", "messages: [{content: x}]\n", "messages: [{role: user, content: x, to: y}]\n",
		"messages: [{placeholder: a, content: x}]\n",
		"prompt: x\ntemperature: hot\n", "prompt: x\ntemperature: 3\n", "prompt: x\ntop_p: -1\n", "prompt: x\nseed: 1.5\n", "prompt: x\nmax_tokens: 0\n", "prompt: x\nmax_tokens: many\n",
		"prompt: x\nstop: {a: b}\n", "prompt: x\nstop: ['']\n", "prompt: x\nuse: []\n", "prompt: x\nthink: maybe\n", "prompt: x\nprivacy: remote\n", "prompt: x\nformat: perl\n",
		"prompt: x\nmodel: ''\n", "prompt: x\noptions: [a]\n", "prompt: x\noptions: {a: null}\n", "prompt: x\nretries: 11\n", "prompt: x\nretries: -1\n", "prompt: x\ntimeout: soon\n", "prompt: x\ntimeout: 5\n",
		"text: x\ntools: [a]\n", "text: x\nretries: 1\n", "text: x\nschema: {type: object}\n", "text: x\nparse: list\n", "prompt: x\nparse: list\nschema: {type: object}\n", "prompt: x\nparse: lisst\n",
		"prompt: x\nparse: {enum: [a], json: b}\n", "prompt: x\nschema: [a]\n",
		"prompt: x\nelse: y\n", "prompt: x\nas: y\n", "prompt: x\nconcurrency: 2\n", "prompt: x\nwith: {a: b}\n", "prompt: '{item}'\neach: '[1]'\nconcurrency: 0\n", "prompt: '{item}'\neach: ''\n",
		"prompt: x\nrepeat: {until: 'true'}\n", "prompt: x\nrepeat: {max: 0}\n", "prompt: x\nrepeat: {max: 2, keep: true}\n", "prompt: x\nrepeat: {max: 2, times: 3}\n", "prompt: x\nrepeat: 3\n",
		"route: {branches: {a: {text: x}}}\n", "route: {by: x, ask: y, branches: {a: {text: x}}}\n", "route: {by: x}\n", "route: {by: x, branches: {}}\n", "route: {by: x, branches: {a: {text: x}}, otherwise: a}\n",
		"retrieve: {from: x}\n", "retrieve: {query: x}\n", "retrieve: {from: x, query: y, k: 0}\n", "retrieve: notes\n",
		"parallel: {}\n", "parallel: [a]\n", "parallel: {a: {promt: x}}\n", "parallel: {a: []}\n",
		"steps: []\n", "steps: {name: a}\n", "steps: [a]\n", "steps: [{name: a}]\n", "steps: [{name: a, prompt: x, seeds: 1}]\n", "model: m\nsteps: [{name: a, prompt: x}]\n", "pipe: true\nprompt: x\n", "pipe: 3\nsteps: [{prompt: x}]\n",
		"steps: [{name: g, steps: []}]\n", "steps: [{name: g, steps: [{name: a, text: x, text2: y}]}]\n", "prompt: x\nfallback: {}\n", "prompt: x\nfallback: {text: ''}\n",
		"inputs: {a: texts}\nprompt: '{a}'\n", "inputs: {a: {kind: text}}\nprompt: '{a}'\n", "inputs: [a, a]\nprompt: '{a}'\n",
		"prompt: x\nexamples: {text: y}\n", "prompt: x\nexamples: {items: [{a: b}], text: '{a}', select: {by: luck}}\n",
	} {
		if _, err := Parse("x.yaml", []byte(text)); err == nil {
			t.Errorf("the loader accepts %q", text)
		}
		if accepts(t, s, text) == nil {
			t.Errorf("the schema accepts %q", text)
		}
	}
}
