package compare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/check"
)

const foreignHead = "prompts: ['say {{x}}']\nproviders: [openai:gpt-4o]\n"

// What promptfoo's configurations may have, after its documentation at
// promptfoo.dev/docs/configuration, and does not mean the same here, is refused with
// its place.
func TestWhatOfPromptfooIsNotSupported(t *testing.T) {
	one := foreignHead + "tests:\n  - vars: {x: a}\n    assert:\n      - "
	for text, want := range map[string]string{
		foreignHead + "tests: [{vars: {x: a}, assert: [{type: equals, value: a}]}]\nscenarios: []":                `f.yaml:4:12: promptfoo's "scenarios" is not supported`,
		foreignHead + "tests: [{vars: {x: a}, assert: [{type: equals, value: a}]}]\nevaluateOptions: {repeat: 2}": `promptfoo's "evaluateOptions"`,
		foreignHead + "tests: file://t.csv":                                                                  "f.yaml:3:8: tests in a file are not supported",
		foreignHead + "tests: [{vars: {x: [a, b]}, assert: [{type: equals, value: a}]}]":                     "f.yaml:3:20: a list of values",
		foreignHead + "tests: [{vars: {x: file://a}, assert: [{type: equals, value: a}]}]":                   "a variable of a file",
		foreignHead + "tests: [{vars: {y: a}, assert: [{type: equals, value: a}]}]":                          `the test has no variable "x", which prompt 1 uses`,
		foreignHead + "tests: [{vars: {x: a}}]":                                                              "the test asserts nothing",
		foreignHead + "tests: [{vars: {x: a}, threshold: 0.5, assert: [{type: equals, value: a}]}]":          `promptfoo's "threshold" of a test`,
		foreignHead + "tests: [{vars: {x: a}, options: {transform: x}, assert: [{type: equals, value: a}]}]": `promptfoo's "options" of a test`,
		foreignHead + "tests: []": "there is no test",
		"prompts: ['say {{x | upper}}']\nproviders: [openai:gpt-4o]\ntests: []":                                         "f.yaml:1:11: of promptfoo's templates, only variables",
		"prompts: ['{% if x %}a{% endif %}']\nproviders: [openai:gpt-4o]\ntests: []":                                    "only variables",
		"prompts: ['[{\"role\": \"user\", \"content\": \"x\"}]']\nproviders: [openai:gpt-4o]\ntests: []":                "a list of messages",
		"prompts: [file://p.py]\nproviders: [openai:gpt-4o]\ntests: []":                                                 "only .txt is supported",
		"prompts: [prompt.json]\nproviders: [openai:gpt-4o]\ntests: []":                                                 "only .txt is supported",
		"prompts: [file://none.txt]\nproviders: [openai:gpt-4o]\ntests: []":                                             "the prompt cannot be read",
		"prompts: [a]\nproviders: [anthropic:claude]\ntests: [{assert: [{type: equals, value: a}]}]":                    `f.yaml:2:13: promptfoo's provider "anthropic:claude" is not supported`,
		"prompts: [a]\nproviders: [{id: openai:x, config: {tools: []}}]\ntests: [{assert: [{type: equals, value: a}]}]": `promptfoo's "tools" of a provider's config`,
		"prompts: [a]\nproviders: [{id: openai:x, prompts: [b]}]\ntests: [{assert: [{type: equals, value: a}]}]":        `promptfoo's "prompts" of a provider`,
		"prompts: [a]\nproviders: [ollama:chat:q]\ntests: [{assert: [{type: equals, value: a}]}]":                       `no provider for "ollama:chat:q" is configured`,
		one + "{type: javascript, value: 'true'}":                                                                       `f.yaml:6:16: promptfoo's assertion "javascript"`,
		one + "{type: not-python, value: 'true'}":                                                                       `promptfoo's assertion "not-python"`,
		one + "{type: assert-set, assert: []}":                                                                          `promptfoo's "assert" of an assertion`,
		one + "{type: equals, value: a, weight: 2}":                                                                     "weights are not supported",
		one + "{type: equals, value: a, transform: x}":                                                                  `promptfoo's "transform" of an assertion`,
		one + "{type: equals, value: '{{y}}'}":                                                                          `the test has no variable "y"`,
		one + "{type: contains, value: file://a}":                                                                       "a value in a file",
		one + "{type: equals, value: a, threshold: 1}":                                                                  "a threshold of equals",
		one + "{type: regex, value: '('}":                                                                               "not a regular expression",
		one + "{type: is-json, value: file://s.json}":                                                                   "only a JSON Schema that is written here",
		one + "{type: llm-rubric, value: good}":                                                                         "does not say which model judges; add --judge-model",
		one + "{value: a}":                                                                                              "write the type",
		one + "{type: equals}":                                                                                          "write the value",
	} {
		err := readForeign(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n→ %v\nwant %s", text, err, want)
		}
	}
}

// readForeign reads a configuration to its end.
func readForeign(t *testing.T, text string) error {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("f.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := ReadPromptfoo("f.yaml")
	if err != nil {
		return err
	}
	if _, err := p.Variants([]Configured{{Name: "openai", Kind: "openai"}}, false); err != nil {
		return err
	}
	_, err = p.Checks(check.Options{})
	return err
}

func TestAPromptfooConfiguration(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "promptfooconfig.yaml")
	text := `
description: capitals
prompts:
  - file://prompts.txt
  - {label: braces, raw: 'JSON {"a": "{{x}}"}'}
providers:
  - openai:gpt-4o
  - {id: ollama:chat:qwen3:8b, label: mine, config: {temperature: 0.5, num_predict: 9, num_ctx: 4096, seed: 3}}
defaultTest:
  vars: {tone: dry}
  assert: [{type: not-contains, value: sorry}]
tests:
  - {vars: {x: A}, assert: [{type: equals, value: '{{x}}'}, {type: contains-any, value: 'p, q'}]}
  - {vars: {x: 5}, assert: [{type: equals, value: '{{x}}!'}, {type: is-json, value: {type: number}}]}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "prompts.txt"), []byte("one {{x}}\n---\ntwo {{ tone }} {{x}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !IsPromptfoo(path) {
		t.Error("it is not recognised")
	}
	p, err := ReadPromptfoo(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Chains) != 3 || len(p.Rows()) != 2 || strings.Join(p.Columns(), ",") != "tone,x" {
		t.Errorf("%d prompts, %d rows, columns %v", len(p.Chains), len(p.Rows()), p.Columns())
	}
	variants, err := p.Variants([]Configured{{Name: "local", Kind: "ollama"}, {Name: "other", Kind: "openai", Endpoint: "http://x"}, {Name: "hosted", Kind: "openai", Endpoint: "https://api.openai.com/v1"}}, false)
	if err != nil || len(variants) != 6 {
		t.Fatalf("%d variants, %v", len(variants), err)
	}
	if v := variants[0]; v.Use[0] != "hosted" || v.Model != "gpt-4o" || *v.Temperature != 0 || *v.MaxTokens != 1024 || v.Name != "openai:gpt-4o prompt 1" {
		t.Errorf("%+v", v)
	}
	if v := variants[5]; v.Use[0] != "local" || v.Model != "qwen3:8b" || *v.Temperature != 0.5 || *v.MaxTokens != 9 || *v.NumCtx != 4096 || *v.Seed != 3 || v.Name != "mine braces" {
		t.Errorf("%+v", v)
	}
	asked, err := p.Chains[2].Plan(t.Context(), map[string]any{"x": "A"})
	if err != nil || asked[0].Request.Messages[0].Text != `JSON {"a": "A"}` {
		t.Errorf("%+v, %v", asked, err)
	}
	checks, err := p.Checks(check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		row    int
		answer string
		want   string // the checks that pass
	}{
		{1, "A", "not-contains equals"}, {1, "p sorry", "contains-any"}, {2, "5!", "not-contains equals"}, {2, " 7 ", "not-contains is-json"}, {2, "```json\n7\n```", "not-contains"},
	} {
		var got []string
		for _, c := range checks {
			if !c.AppliesTo(tt.row) {
				continue
			}
			o, err := c.Score(t.Context(), &check.Case{Row: tt.row, Columns: p.Rows()[tt.row-1].Inputs, Answer: tt.answer}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if o.Pass {
				got = append(got, c.Name)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("row %d, %q: %v; want %s", tt.row, tt.answer, got, tt.want)
		}
	}
}
