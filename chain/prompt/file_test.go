package prompt

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

const (
	wantPrompt = `_type: prompt`
	fewShot    = "_type: few_shot\nsuffix: '{x}'\nexample_prompt: {_type: prompt, template: '{i}'}\n"
	lcPrompt   = `{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "prompt", "PromptTemplate"], "kwargs": {"template": "T", "input_variables": []}}`
)

// lc is a conversation of one dumped message.
func lc(class, kwargs string) string {
	return `{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "chat", "ChatPromptTemplate"], "kwargs": {"messages": [
{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "chat", "` + class + `"], "kwargs": ` + kwargs + `}]}}`
}

func TestFileMistakes(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	files := map[string]string{
		filepath.Join(dir, "t.txt"): "one\ntwo {x", filepath.Join(dir, "t.md"): "{x}", filepath.Join(dir, "bad.json"): "{\"_type\": \"prompt\"", filepath.Join(dir, "few.json"): `{"_type": "few_shot"}`,
		filepath.Join(dir, "huge.txt"): strings.Repeat("x", yamlx.MaxSize+1), filepath.Join(dir, "binary.txt"): "a\x00b", filepath.Join(dir, "examples.yaml"): "- i: 1\n- [2]\n",
		filepath.Join(outside, "secret.txt"): "sk-canary", filepath.Join(outside, "e.json"): "[]",
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, "link.txt")), os.Symlink(outside, filepath.Join(dir, "linked")), os.Symlink("t.md", filepath.Join(dir, "renamed.txt")),
		os.Symlink("t.txt", filepath.Join(dir, "inside.txt")), mkfifo(filepath.Join(dir, "pipe.txt")), os.Mkdir(filepath.Join(dir, "folder.txt"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"", "f.yaml: the file is empty; write a prompt"},
		{"[1]", "f.yaml:1:1: expected a prompt as a mapping of keys to values, found a list"},
		{"_type: other", `f.yaml:1:8: the type "other" is not a prompt; the types are prompt, few_shot, chat`},
		{wantPrompt, "f.yaml:1:1: there is no template; write a text, or a template_path"},
		{wantPrompt + "\ntemplate: 'a {x'", "f.yaml:2:14: this { is never closed"},
		{wantPrompt + "\ntemplate: |\n  a\n  b {x", "f.yaml:4:5: this { is never closed"},
		{wantPrompt + "\ntemplate: '{x}'\ntemplat: y", `f.yaml:3:1: unknown key "templat"; did you mean "template"?`},
		{wantPrompt + "\ntemplate: '{x}'\ntemplate_format: other", "f.yaml:3:18: expected one of f-string, mustache, jinja2, found \"other\""},
		{wantPrompt + "\ntemplate: '{{x}}'\ntemplate_format: jinja2", "f.yaml:2:12: a jinja2 template is a program"},
		{wantPrompt + "\ntemplate: '{x} {y}'\ninput_variables: [x]\nvalidate_template: true", "f.yaml:3:18: the prompt uses {y}, which input_variables does not name; add it"},
		{wantPrompt + "\ntemplate: '{x}'\noutput_parser: {_type: regex}", "f.yaml:3:16: an output parser is not read from a prompt file; remove it, and write `parse:` into the chain that uses the prompt"},
		{wantPrompt + "\ntemplate: x\ntemplate_path: t.txt", "f.yaml:3:16: there is both a template_path and a template; remove one of them"},
		{wantPrompt + "\ntemplate_path: t.txt", filepath.Join(dir, "t.txt") + ":2:5: this { is never closed"},
		{wantPrompt + "\ntemplate_path: inside.txt", filepath.Join(dir, "inside.txt") + ":2:5: this { is never closed"},
		{wantPrompt + "\ntemplate_path: /etc/passwd", `f.yaml:2:16: the path "/etc/passwd" is absolute; name a file in the prompt's own folder, or below it`},
		{wantPrompt + "\ntemplate_path: a/../../t.txt", `f.yaml:2:16: the path "a/../../t.txt" has .. in it`},
		{wantPrompt + "\ntemplate_path: 'a\\..\\t.txt'", `f.yaml:2:16: the path "a\\..\\t.txt" has .. in it`},
		{wantPrompt + "\ntemplate_path: t.md", `f.yaml:2:16: the file "t.md" does not end in .txt; name one that does`},
		{wantPrompt + "\ntemplate_path: renamed.txt", `f.yaml:2:16: the file "renamed.txt" is a link to one that does not end in .txt; name one that does`},
		{wantPrompt + "\ntemplate_path: link.txt", `f.yaml:2:16: the file "link.txt": leads out of the directory`},
		{wantPrompt + "\ntemplate_path: linked/secret.txt", `f.yaml:2:16: the file "linked/secret.txt": leads out of the directory`},
		{wantPrompt + "\ntemplate_path: pipe.txt", `f.yaml:2:16: the file "pipe.txt": is not a regular file`},
		{wantPrompt + "\ntemplate_path: folder.txt", `f.yaml:2:16: the file "folder.txt": is a directory`},
		{wantPrompt + "\ntemplate_path: huge.txt", `f.yaml:2:16: the file "huge.txt": is larger than 1 MiB`},
		{wantPrompt + "\ntemplate_path: none.txt", `f.yaml:2:16: the file "none.txt": there is no such file; check the path`},
		{wantPrompt + "\ntemplate_path: binary.txt", filepath.Join(dir, "binary.txt") + ":1:2: there is a NUL byte"},
		{fewShot, `f.yaml:1:1: the key "examples" is missing; write a list of them, or the name of a file that has one`},
		{fewShot + "examples: [{i: 1}, {j: 2}]", "f.yaml:4:20: example 2 has no value for {i}; add it"},
		{fewShot + "examples: [{i: 'a {b}'}]", "f.yaml:4:12: example 1: there is {b} in it; write a brace in an example twice, as in {{x}}: LangChain reads an example as a template"},
		{fewShot + "examples: 7", "f.yaml:4:11: expected a list of examples"},
		{fewShot + "examples: examples.yaml", filepath.Join(dir, "examples.yaml") + ":2:3: expected an example as a mapping of keys to values, found a list"},
		{fewShot + "examples: linked/e.json", `f.yaml:4:11: the file "linked/e.json": leads out of the directory`},
		{fewShot + "examples: bad.json", filepath.Join(dir, "bad.json") + ":1:"},
		{fewShot + "examples: []\nexample_selector: {x: y}", "f.yaml:5:19: LangChain's files cannot have an example selector"},
		{"_type: few_shot\nsuffix: x\nexamples: []\nexample_prompt_path: few.json", filepath.Join(dir, "few.json") + `:1:11: an example is written by a prompt of type prompt, not "few_shot"`},
		{"_type: few_shot\nsuffix: x\nexamples: []\nexample_prompt: {_type: prompt, template: 'a {i'}", "f.yaml:4:46: this { is never closed"},
		{"_type: chat\nmessages: [{prompt: {template: a}}, {prompt: {template: b}}]", "f.yaml:2:12: the message has no role; add a role: system, human or ai"},
		{"_type: chat\nmessages: [[boss, x]]", `f.yaml:2:13: "boss" is not a role`},
		{"_type: chat\nmessages: [[human, 'a {x']]", "f.yaml:2:23: this { is never closed"},
		{`{"lc": 1, "type": "not_implemented", "id": ["langchain_core", "prompts", "few_shot", "FewShotPromptTemplate"], "repr": "x"}`, `f.yaml:1:19: LangChain could not write its "FewShotPromptTemplate", so the file has only a description of it`},
		{`{"lc": 1, "type": "constructor", "id": ["langchain", "RunnableSequence"], "kwargs": {}}`, `f.yaml:1:1: the class "RunnableSequence" cannot be read here; supported are PromptTemplate and ChatPromptTemplate`},
		{`{"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {}}`, `expected the id of a class of LangChain's`},
		{`{"lc": 1, "type": "secret", "id": ["langchain", "sk-canary-1234567890abcdef"]}`, `f.yaml:1:19: a secret does not belong in a prompt; remove it`},
		{`{"lc": 2, "type": "constructor", "id": ["langchain", "PromptTemplate"], "kwargs": {}}`, `f.yaml:1:8: the format "2" is not known`},
		{lc("MessagesPlaceholder", `{"variable_name": "a b"}`), `f.yaml:2:125: "a b" is not a variable's name`},
		{lc("HumanMessagePromptTemplate", `{"prompt": `+lcPrompt+`, "additional_kwargs": {"a": 1}}`), `additional_kwargs cannot be sent; remove them`},
		{lc("HumanMessagePromptTemplate", `{"prompt": [`+lcPrompt+`, `+lcPrompt+`]}`), `a message has one text, before its images`},
		{lc("HumanMessagePromptTemplate", `{"prompt": [{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "image", "ImagePromptTemplate"], "kwargs": {"template": {"path": "/etc/passwd"}}}]}`), `images are not read from a path, as in LangChain; give it a url`},
		{lc("HumanMessagePromptTemplate", `{"prompt": [{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "image", "ImagePromptTemplate"], "kwargs": {"template": {"url": "t.png"}}}]}`), `an image's url must be an https: or data: URL`},
		{lc("HumanMessagePromptTemplate", `{"prompt": [{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "image", "ImagePromptTemplate"], "kwargs": {"template": {"url": "{u}", "detail": "high"}}}]}`), `an image's detail cannot be sent; remove it`},
		{lc("ToolMessage", `{"content": "x"}`), `the tool message does not say which call it answers`},
		{lc("Unheard", `{}`), `the class "Unheard" cannot be read here; supported are templates of messages, MessagesPlaceholder, and messages`},
	} {
		p, err := Parse("f.yaml", []byte(tt.text), Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), tt.want) || p != nil {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
			continue
		}
		if e := new(diag.Error); !errors.As(err, &e) {
			t.Errorf("%s: %T has no place", tt.text, err)
		}
		if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), outside) {
			t.Errorf("%s: the error shows too much: %v", tt.text, err)
		}
	}
	if _, err := Parse("f.yaml", []byte(wantPrompt+"\ntemplate_path: t.txt"), Options{}); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("a file without a folder: %v", err)
	}
}

func TestFileSaysEveryMistake(t *testing.T) {
	_, err := Parse("f.yaml", []byte("_type: few_shot\nprefix: '{'\nsuffix: '}'\nexample_prompt: {template: '{i'}\nexamples: []\n"), Options{})
	want := []string{"f.yaml:2:10: this { is never closed", "f.yaml:3:10: unexpected }", "f.yaml:4:29: this { is never closed"}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %v", err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got %s, want %s", lines[i], want[i])
		}
	}
}

func TestWarnings(t *testing.T) {
	p, err := Parse("f.yaml", []byte("template: '{x} {y}'\ninput_variables: [x, z]\npartial_variables: {w: 1}\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, w := range p.Warnings() {
		got = append(got, w.Error())
	}
	want := []string{
		`f.yaml:3:24: nothing uses the partial variable "w"; `, `f.yaml:2:18: the prompt uses {y}, which input_variables does not name; add it`, `f.yaml:2:22: nothing uses the input variable "z"; `,
	}
	if len(got) != len(want) || !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got %q", got)
	}
}

// TestUnlikeLangChain is what docs/prompts.md says differs.
func TestUnlikeLangChain(t *testing.T) {
	p, err := Parse("f.yaml", []byte("_type: chat\ninput_variables: [x]\nmessages: [{role: system, prompt: {template: s}}, [human, '{x}'], {type: ai, content: yes}]"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Message{provider.System("s"), provider.User("q"), provider.Assistant("yes")}
	if got := render(t, p, map[string]any{"x": "q"}); !slices.EqualFunc(got, want, func(a, b provider.Message) bool { return a.Role == b.Role && a.Text == b.Text }) {
		t.Errorf("a conversation is not read whole: %+v", got)
	}
	p, err = Parse("f.yaml", []byte("template: '{x} {y}'\npartial_variables: {x: 1}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := render(t, p, map[string]any{"x": "2", "y": "3"}); got[0].Text != "1 3" {
		t.Errorf("a partial value was overridden: %+v", got)
	}
	p, err = Parse("f.yaml", []byte("template: '{x}'"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Messages(t.Context(), template.Map{"x": ""}); !errors.Is(err, provider.Invalid) {
		t.Errorf("a message of nothing: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		wantPrompt + "\ntemplate: '{x}'\ninput_variables: [x]\npartial_variables: {x: 1}", fewShot + "examples: [{i: 1}]\nprefix: p\nexample_separator: '-'",
		"_type: chat\nmessages: [[human, '{x}'], {role: ai, prompt: {template: a}}]", lc("MessagesPlaceholder", `{"variable_name": "h", "optional": true, "n_messages": 2}`),
		lc("HumanMessagePromptTemplate", `{"prompt": [`+lcPrompt+`]}`), lc("AIMessage", `{"content": "x", "tool_calls": [{"name": "f", "args": {}, "id": "1"}]}`), lcPrompt,
		`{"template": "\ud83d\ude00 {x}", "template_format": "mustache"}`, "template_path: /etc/passwd", "lc: {a: b}", "_type: [x]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("f", data, Options{})
		if (p == nil) == (err == nil) {
			t.Fatalf("%v, %v", p, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "%!") {
				t.Fatalf("badly formatted: %v", err)
			}
			return
		}
		values := template.Map{}
		for _, v := range p.Vars() {
			values[v.Name] = "x"
			if v.Messages {
				values[v.Name] = []provider.Message{provider.User("x")}
			}
		}
		got, err := p.Messages(t.Context(), values)
		if missing := new(template.MissingError); errors.As(err, &missing) {
			t.Fatalf("a variable is not among Vars: %v", err)
		}
		if err == nil && len(got) == 0 {
			t.Fatal("no messages")
		}
	})
}

func FuzzConversation(f *testing.F) {
	for _, s := range []string{`[["human","x"]]`, `[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}]`, `["x"]`, `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Conversation(text)
		if err != nil {
			return
		}
		for _, m := range got {
			if !slices.Contains(roles(), m.Role) {
				t.Fatalf("the role %q", m.Role)
			}
			for _, im := range m.Images {
				if im.URL != "" && !strings.HasPrefix(strings.ToLower(im.URL), "https:") {
					t.Fatalf("an image at %q", im.URL)
				}
			}
		}
	})
}
