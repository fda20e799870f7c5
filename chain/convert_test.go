package chain

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/diag"
)

// TestConvertGoldens converts every file of LangChain's that there is here to a
// chain file and back. FromLangChain and ToLangChain compare the questions
// themselves; what they cannot express has to be said.
func TestConvertGoldens(t *testing.T) {
	there, back, all := 0, 0, 0
	reasons := map[string]int{}
	for _, golden := range []string{filepath.Join("testdata", "langchain.json"), filepath.Join("prompt", "testdata", "langchain.json")} {
		data, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		var g struct {
			Cases []struct {
				Main  string
				Files map[string]string
				Want  struct{ Error string }
			}
		}
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatal(err)
		}
		for i, c := range g.Cases {
			if c.Want.Error != "" {
				continue
			}
			all++
			dir := t.TempDir()
			for name, text := range c.Files {
				writeFile(t, dir, name, text)
			}
			path := filepath.Join(dir, c.Main)
			ours, _, err := FromLangChain(path, []byte(c.Files[c.Main]), dir)
			if err != nil {
				reasons[err.Error()]++
				if !errors.Is(err, errUnconvertible) {
					t.Errorf("%s, case %d: %v\n%s", golden, i, err, c.Files)
				}
				continue
			}
			there++
			theirs, err := ToLangChain("ours.yaml", ours, dir)
			if err != nil {
				t.Errorf("%s, case %d, back: %v\n%s", golden, i, err, ours)
				continue
			}
			back++
			again, _, err := FromLangChain("theirs.yaml", theirs, dir)
			if err != nil || string(again) != string(ours) {
				t.Errorf("%s, case %d: there and back again is not the same: %v\n%s\n%s", golden, i, err, ours, again)
			}
		}
	}
	t.Logf("%d of %d became chain files, and %d files of LangChain's again", there, all, back)
	for why, n := range reasons {
		t.Logf("%d: %s", n, why)
	}
	if there < 200 || back < 150 {
		t.Errorf("%d of %d became chain files, and %d files of LangChain's again", there, all, back)
	}
}

func TestFromLangChainMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"_type: llm_chain":             `the key "prompt" is missing`,
		"_type: prompt\ntemplate: '{'": "f.yaml:2:12: this { is never closed",
		"{":                            "f.yaml:1:1: ",
	} {
		_, _, err := FromLangChain("f.yaml", []byte(text), "")
		if e := new(diag.Error); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestToLangChain(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"prompt: Tell me the president of {country}", "_type: prompt\ninput_variables:\n  - country\ntemplate_format: f-string\ntemplate: Tell me the president of {country}\n"},
		{"name: p\ndescription: d\nprompt: '{x}'\ntemperature: 0", "_type: llm_chain\noutput_key: p\nprompt:\n"},
		{"system: s\nprompt: '{x}'", "lc: 1\ntype: constructor\nid:\n  - langchain\n  - prompts\n  - chat\n  - ChatPromptTemplate\n"},
		{"steps: [{name: a, prompt: '{x}'}, {name: b, prompt: '{a} {y}'}]", "_type: sequential_chain\ninput_variables:\n  - x\n  - \"y\"\noutput_variables:\n  - b\n"},
		{"pipe: true\nsteps: [{prompt: '{x}'}, {prompt: '{y}'}]", "_type: simple_sequential_chain\nchains:\n"},
		{"prompt: '{x}'\nexamples: {text: '{i}', items: [{i: 'a {b}'}]}", "_type: few_shot\n"},
		{"inputs: {x: text}\nprompt: '{x}'", "_type: prompt\ninput_variables:\n  - x\n"},
		{"inputs: [x]\nsteps: [{name: a, prompt: '{x}', max_tokens: 5}]", "_type: sequential_chain\ninput_variables:\n  - x\n"},
	} {
		out, err := ToLangChain("c.yaml", []byte(tt.text), "")
		if err != nil || !strings.HasPrefix(string(out), tt.want) {
			t.Errorf("%s\n got %s, %v\nwant %s", tt.text, out, err, tt.want)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"prompt: x\nmodel: m", `c.yaml:2:8: "model" cannot be expressed in a prompt of LangChain's; remove it, or keep the chain file`},
		{"prompt: x\nprivacy: local", `c.yaml:2:10: "privacy" cannot be expressed`},
		{"privacy: local\nsteps: [{name: a, prompt: x}]", `c.yaml:1:10: "privacy" cannot be expressed`},
		{"steps: [{name: a, system: s, prompt: '{x}'}]", "c.yaml:1:27: a system message cannot be expressed in a chain of LangChain's, whose prompts are texts"},
		{"steps: [{name: a, messages: [{role: user, content: '{x}'}, {role: assistant, content: y}]}]", "c.yaml:1:29: messages cannot be expressed in a chain of LangChain's"},
		{"steps: [{name: a, text: '{x}'}]", `"text" cannot be expressed`},
		{"prompt: '{x'", "c.yaml:1:10: this { is never closed"},
		{"prompt: '{i}'\nexamples: {text: '{i}', items: [{i: a}], select: {by: length}}", "a selector cannot be expressed"},
	} {
		_, err := ToLangChain("c.yaml", []byte(tt.text), "")
		if e := new(diag.Error); err == nil || !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
	// Each thing is told once, and nothing of a prompt that is not there.
	_, err := ToLangChain("c.yaml", []byte("inputs: {x: list}\ntransform: len(x)\n"), "")
	want := "c.yaml:1:9: the type, default or description of the input \"x\" cannot be expressed in a file of LangChain's; remove it, or keep the chain file\n" +
		"c.yaml:2:12: \"transform\" cannot be expressed in a prompt of LangChain's; remove it, or keep the chain file"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
