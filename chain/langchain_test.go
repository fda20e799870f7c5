package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// legacyGolden is what scripts/goldens_chains.py wrote of one file.
type legacyGolden struct {
	Main  string
	Files map[string]string
	Vars  map[string]any
	Want  struct {
		Asked   []string
		Outputs map[string]string
		Error   string
	}
}

func TestLegacyAsLangChain(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "langchain.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Versions map[string]string
		Cases    []legacyGolden
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) < 60 || g.Versions["langchain-classic"] != "1.0.8" {
		t.Fatalf("%d cases of %v", len(g.Cases), g.Versions)
	}
	for i, c := range g.Cases {
		dir := t.TempDir()
		for name, text := range c.Files {
			writeFile(t, dir, name, text)
		}
		l, err := Load(filepath.Join(dir, c.Main))
		if c.Want.Error != "" {
			if e := new(diag.Error); !errors.As(err, &e) || e.Line == 0 {
				t.Errorf("case %d %s: %v, want a mistake with a place, as LangChain's %s", i, c.Files, err, c.Want.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("case %d %s: %v", i, c.Files, err)
			continue
		}
		vars := map[string]any{}
		for _, name := range l.Inputs() {
			vars[name] = c.Vars[name]
		}
		var asked []string
		f := &fake{answer: func(req provider.Request) (string, provider.Finish, error) {
			text := req.Messages[0].Text
			asked = append(asked, text)
			return "[" + text + "]", provider.FinishStop, nil
		}}
		result, err := l.Output(t.Context(), f, vars)
		if err != nil || !reflect.DeepEqual(asked, c.Want.Asked) {
			t.Errorf("case %d %s: asked %q, %v\nwant %q", i, c.Files, asked, err, c.Want.Asked)
			continue
		}
		found := false
		for _, out := range c.Want.Outputs {
			found = found || out == result.Text
		}
		if !found {
			t.Errorf("case %d: %q is none of the outputs %q", i, result.Text, c.Want.Outputs)
		}
		if r := f.requests[0]; *r.Temperature != 0.5 || *r.MaxTokens != 64 || *r.TopP != 1 || r.Model != "" || r.Use != nil {
			t.Errorf("case %d: the settings are %+v", i, r)
		}
	}
}

func writeFile(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const legacyPrompt = `prompt: {_type: prompt, template: "{x}"}`

func TestLegacyMistakes(t *testing.T) {
	dir := t.TempDir()
	outside := writeFile(t, t.TempDir(), "p.json", `{"_type":"prompt","template":"{x}"}`)
	if err := os.Symlink(outside, filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "self.yaml", "_type: sequential_chain\ninput_variables: [x]\nchains: [self.yaml]")
	for _, tt := range []struct{ text, want string }{
		{"_type: llm_math_chain", `c.yaml:1:8: this is a LangChain file of type "llm_math_chain", which Tandem does not read; write a chain file with a ` + "`prompt:`, and `tools:`" + ` for what is to be run`},
		{"_type: llm_chain", `the key "prompt" is missing; write one, or a prompt_path`},
		{"_type: llm_chain\nprompt: {_type: prompt, template: '{'}", "c.yaml:2:36: this { is never closed"},
		{"_type: llm_chain\n" + legacyPrompt + "\noutput_key: the answer", `c.yaml:3:13: "the answer" cannot be a step's name; write letters, digits and _ only`},
		{"_type: llm_chain\n" + legacyPrompt + "\nllm: {openai_api_key: sk-canary-1234567890}", `c.yaml:3:7: the key "openai_api_key" has a secret in it`},
		{"_type: llm_chain\n" + legacyPrompt + "\nllm: {model_kwargs: {api_key: canary}}", `the key "api_key" has a secret in it`},
		{"_type: llm_chain\n" + legacyPrompt + "\nllm: {default_headers: {Authorization: canary}}", `the key "default_headers" has a secret in it`},
		{"_type: llm_chain\n" + legacyPrompt + "\nllm: {temperature: 7}", `c.yaml:3:20: expected a number from 0 to 2, found "7"`},
		{"_type: llm_chain\n" + legacyPrompt + "\nmemory: {_type: buffer}", "memory is not supported"},
		{"_type: llm_chain\n" + legacyPrompt + "\noutput_parser: {_type: regex}", "the output parser is not supported"},
		{"_type: llm_chain\nprompt_path: /etc/passwd", `the path "/etc/passwd" leads out of the folder`},
		{"_type: llm_chain\nprompt_path: a/../../p.json", `leads out of the folder`},
		{"_type: llm_chain\nprompt_path: link.json", `c.yaml:2:14: the file "link.json"`},
		{"_type: llm_chain\nprompt_path: none.json", `c.yaml:2:14: the file "none.json": there is no such file`},
		{"_type: sequential_chain\ninput_variables: [x]\nchains: [self.yaml]", "is this chain, or one that runs it"},
		{"_type: sequential_chain\ninput_variables: [x]\nchains: [{_type: llm_chain, " + legacyPrompt + ", output_key: y}, {_type: llm_chain, " + legacyPrompt + ", output_key: z}]\noutput_variables: [y]", "c.yaml:4:19: the answer is the last chain's, z, and output_variables does not name it"},
		{"_type: simple_sequential_chain\nstrip_outputs: true\nchains: [{_type: llm_chain, " + legacyPrompt + "}]", "c.yaml:2:16: answers are passed on unchanged, with the white space around them; remove it"},
	} {
		_, err := parseLegacy("c.yaml", []byte(tt.text), nil, dir, &loading{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestLegacyNotes(t *testing.T) {
	l, err := parseLegacy("c.yaml", []byte(`_type: sequential_chain
input_variables: [x, spare]
return_all: true
chains:
  - _type: llm_chain
    output_key: y
    prompt: {_type: prompt, template: "{x}", input_variables: [x, more]}
    llm: {_type: openai, model_name: gpt, openai_api_key: null, frequency_penalty: 1.5, max_tokens: -1, stop: [END], model_kwargs: {seed: 7}}
`), nil, "", &loading{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`c.yaml:7:67: nothing uses the input variable "more"; known: x`,
		`c.yaml:8:10: ignored model settings: model_name, frequency_penalty; the configuration names the model, and a step can override it with ` + "`use` and `model`",
		`c.yaml:2:22: nothing uses the input variable "spare"`,
		"c.yaml:3:13: the answer is the last chain's, y; the result has the answer of each step",
	}
	got := []string{}
	for _, n := range l.chain.Notes() {
		got = append(got, n.Error())
	}
	if len(got) != len(want) || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] || !strings.HasPrefix(got[0], want[0][:50]) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := l.steps[0]; s.MaxTokens != nil || *s.Seed != 7 || s.Stop[0] != "END" || s.Name != "y" {
		t.Errorf("%+v", s)
	}
}

// A legacy chain's templates in jinja2 are taken from whom is trusted, whether
// they stand in the file or in one that it names, and from nobody else.
func TestLegacyJinja2(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "p.json", `{"_type":"prompt","template":"{% if x %}yes {{ x }}{% endif %}","template_format":"jinja2"}`)
	writeFile(t, dir, "here.yaml", "_type: llm_chain\nprompt: {_type: prompt, template: '{{ x | upper }}', template_format: jinja2}")
	writeFile(t, dir, "named.yaml", "_type: simple_sequential_chain\nchains: [{_type: llm_chain, prompt_path: p.json}]")
	writeFile(t, dir, "outer.yaml", "name: outer\nchain: here.yaml")
	for _, name := range []string{"here.yaml", "named.yaml", "outer.yaml"} {
		path := filepath.Join(dir, name)
		if _, err := Load(path, AllowJinja2()); err != nil {
			t.Errorf("%s, trusted: %v", name, err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "a jinja2 template is a program") {
			t.Errorf("%s, not trusted: %v", name, err)
		}
	}
}

func TestFileType(t *testing.T) {
	for text, want := range map[string]FileType{
		"_type: llm_chain": FileLangChainChain,
		"_type: prompt":    FileLangChainPrompt, "_type: few_shot": FileLangChainPrompt, "_type: chat": FileLangChainPrompt, "lc: 1": FileLangChainPrompt,
		"prompt: x": FileChain, "[1]": FileChain, "# nothing": FileChain,
		// Without _type, as LangChain's hub has them: what only a prompt of LangChain's has.
		"template: x": FileLangChainPrompt, "template_path: x": FileLangChainPrompt, "input_variables: [x]\nmessages: []": FileLangChainPrompt,
		"example_prompt: {template: x}\nexamples: []": FileLangChainPrompt, "messages: [{role: human, prompt: {template: x}}]": FileLangChainPrompt,
		"messages: [{lc: 1}]": FileLangChainPrompt, "messages: [{role: user, content: x}]": FileChain,
		"prompt: x\ntemplate: y": FileChain, "steps: []\ninput_variables: []": FileChain, "prompt: x\nexamples: {}": FileChain,
	} {
		root, err := yamlx.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fileTypeOf("f", root); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]FileType{
		"prompt: x": FileChain, "_type: prompt\ntemplate: x": FileLangChainPrompt, "_type: llm_chain\n" + legacyPrompt: FileLangChainChain,
	} {
		if c, err := Parse("f", []byte(text)); err != nil || c.FileType() != want {
			t.Errorf("%s: %v, %v, want %s", text, c, err, want)
		}
	}
	if c, err := New(Step{Prompt: "x"}); err != nil || c.FileType() != FileNone {
		t.Errorf("a chain made in Go: %v, %v", c, err)
	}
}

// Files of LangChain's hub and of its loaders' tests, as they are: none says _type.
func TestUntypedPrompts(t *testing.T) {
	for text, want := range map[string]string{
		`{"input_variables": ["t"], "output_parser": null, "template": "Sum up.\n\n{t}", "template_format": "f-string"}`:         "Sum up.\n\nT",
		"input_variables: [t]\noutput_parser: null\ntemplate: 'Sum up: {t}'\ntemplate_format: f-string\nvalidate_template: true": "Sum up: T",
		"\ufeffinput_variables: [t]\r\ntemplate: 'Sum up: {t}'\r\n":                                                              "Sum up: T",
		"template: 'Sum up: {t}'": "Sum up: T",
		"input_variables: [t]\npartial_variables: {a: A}\ntemplate: '{a} {t}'":                                                            "A T",
		"input_variables: [t]\nprefix: P\nsuffix: 'S {t}'\nexample_prompt: {input_variables: [i], template: 'E {i}'}\nexamples: [{i: 1}]": "P\n\nE 1\n\nS T",
		"input_variables: [t]\nmessages: [{role: human, prompt: {input_variables: [t], template: 'Ask {t}'}}]":                            "Ask T",
		"messages: [{prompt: {input_variables: [t], template: 'Ask {t}'}}]":                                                               "Ask T",
	} {
		c, err := Parse("p", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		p := &providertest.Fake{}
		if _, err := c.Output(t.Context(), p, map[string]any{"t": "T"}); err != nil || c.FileType() != FileLangChainPrompt {
			t.Errorf("%s: a %s, %v", text, c.FileType(), err)
			continue
		}
		if asked := p.Calls()[0].Messages; len(asked) != 1 || asked[0].Text != want {
			t.Errorf("%s: asked %v, want %q", text, asked, want)
		}
		doc, _, err := FromLangChain("p", []byte(text), "")
		if err != nil {
			t.Errorf("%s: cannot be converted: %v", text, err)
		} else if back, err := Parse("c", doc); err != nil || back.FileType() != FileChain {
			t.Errorf("%s: converted to\n%s\na %v, %v", text, doc, back, err)
		}
	}
}

// A whole number of any size is that number, in examples and partial values, in
// what is converted, and where it is counted with.
func TestWholeNumbersOfAnySize(t *testing.T) {
	const n = "123456789012345678901234567890"
	for text, want := range map[string]string{
		`{"_type": "few_shot", "example_prompt": {"template": "{n}"}, "examples": [{"n": ` + n + `}], "suffix": "{q}"}`: n + "\n\n7",
		`{"template": "{n:,} {q}", "partial_variables": {"n": -` + n + `}}`:                                             "-123,456,789,012,345,678,901,234,567,890 7",
		"inputs: {q: number, n: {type: number, default: " + n + "}}\nprompt: '{n} {q}'":                                 n + " 7",
		"partial: {n: [" + n + "]}\nprompt: '{n} {q}'":                                                                  "[" + n + "] 7",
		"inputs: {q: number}\nprompt: '{n} {q}'\nexamples: {text: '{m}', items: [{m: " + n + "}]}\npartial: {n: 1}":     n + "\n\n1 7",
	} {
		c, err := Parse("p", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		texts := []*Chain{c}
		if c.FileType() == FileLangChainPrompt {
			doc, _, err := FromLangChain("p", []byte(text), "")
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			converted, err := Parse("c", doc)
			if err != nil {
				t.Errorf("%s: %v", doc, err)
				continue
			}
			texts = append(texts, converted)
		}
		for _, c := range texts {
			p := &providertest.Fake{}
			if _, err := c.Output(t.Context(), p, map[string]any{"q": 7}); err != nil {
				t.Errorf("%s: %v", text, err)
			} else if asked := p.Calls()[0].Messages; asked[len(asked)-1].Text != want {
				t.Errorf("%s: asked %q, want %q", text, asked[len(asked)-1].Text, want)
			}
		}
	}
}

func TestOtherLangChainTypes(t *testing.T) {
	for kind, remedy := range map[string]string{
		"vector_db_qa": "`retrieve:`", "retrieval_qa": "`retrieve:`", "qa_with_sources_chain": "`retrieve:`", "stuff_documents_chain": "`each:`",
		"zero-shot-react-description": "`tools:`", "openai-functions": "`tools:`", "llm_math_chain": "`tools:`", "router_chain": "`route:`",
		"few_shot_with_templates": "type few_shot", "hyde_chain": "the types that are read are prompt, few_shot, chat, llm_chain,", "openai": "write it as a chain file",
	} {
		_, err := Parse("f.json", []byte(`{"memory": null, "k": 4, "examples": [], "suffix": {}, "_type": "`+kind+`"}`))
		if err == nil || !strings.HasPrefix(err.Error(), `f.json:1:65: this is a LangChain file of type "`+kind+`", which Tandem does not read; `) ||
			!strings.Contains(err.Error(), remedy) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", kind, err, remedy)
		}
	}
}

func FuzzParseLegacy(f *testing.F) {
	f.Add([]byte("_type: llm_chain\n" + legacyPrompt + "\nllm: {temperature: 1}"))
	f.Add([]byte("_type: sequential_chain\ninput_variables: [x]\nchains: [{_type: llm_chain, " + legacyPrompt + "}]"))
	f.Add([]byte("_type: simple_sequential_chain\nchains: [{_type: simple_sequential_chain, chains: [{_type: llm_chain, " + legacyPrompt + "}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLegacy("f", data, nil, "", &loading{})
		if (l == nil) == (err == nil) {
			t.Fatalf("%v, %v", l, err)
		}
		if err != nil && strings.Contains(fmt.Sprint(err), "%!") {
			t.Fatalf("badly formatted: %v", err)
		}
	})
}
