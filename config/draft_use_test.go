package config

import (
	"strings"
	"testing"
)

func draftOf(text string) *Draft {
	return &Draft{Path: "config.yaml", Text: []byte(text), env: func(string) (string, bool) { return "", false }}
}

// The text keeps everything but `use`, and says it afterwards.
func TestWithUse(t *testing.T) {
	const more = "\nproviders: [{name: groq, kind: openai, base_url: 'https://x.example/v1', model: m}]\n"
	for name, tc := range map[string]struct{ text, want string }{
		"an empty file":       {"", "use: [local, groq]\n\n"},
		"none":                {"temperature: 1 # t\n", "use: [local, groq]\ntemperature: 1 # t\n"},
		"one":                 {"# top\nuse: local # mine\ntemperature: 1\n", "# top\nuse: [local, groq] # mine\ntemperature: 1\n"},
		"quoted":              {"use: 'local'   # mine\n", "use: [local, groq]   # mine\n"},
		"a list in one line":  {"use: [local, openai]  # mine\n", "use: [local, groq]  # mine\n"},
		"a list in lines":     {"use: # who\n  - local # a\n  - openai\n\n# below\ntemperature: 1\n", "use: [local, groq] # who\n\n# below\ntemperature: 1\n"},
		"a list at the edge":  {"use:\n- local\n- openai\ntemperature: 1\n", "use: [local, groq]\ntemperature: 1\n"},
		"in two lines":        {"use: [local,\n  openai]\n", ""},
		"an empty list":       {"use: []\n", "use: [local, groq]\n"},
		"not the first thing": {"temperature: 1\nuse: openai\n", "temperature: 1\nuse: [local, groq]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := draftOf(tc.text).WithUse([]string{"local", "groq"})
			if tc.want == "" {
				if err == nil || !strings.Contains(err.Error(), "config edit") {
					t.Errorf("error %v with %q", err, got)
				}
				return
			}
			if err != nil || string(got) != tc.want {
				t.Fatalf("%v\n%s\nwant\n%s", err, got, tc.want)
			}
			if _, err := draftOf("").Check(append(got, more...)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithSettings(t *testing.T) {
	settings := []Setting{Quoted("model", "new"), {"num_ctx", "8192"}}
	for name, tc := range map[string]struct{ text, want string }{
		"an empty file":    {"", "\n\nproviders:\n  - name: local\n    model: \"new\"\n    num_ctx: 8192\n"},
		"both":             {"providers:\n- num_ctx: 1 # n\n  model: old # m\n  name: local\n", "providers:\n- num_ctx: 8192 # n\n  model: \"new\" # m\n  name: local\n"},
		"behind the kind":  {"providers:\n  - name: local\n    kind: ollama\n    # comment\n    idle: 2m\n", "providers:\n  - name: local\n    kind: ollama\n    model: \"new\"\n    num_ctx: 8192\n    # comment\n    idle: 2m\n"},
		"a value in lines": {"providers:\n  - name: local\n    model: >\n      old\n", ""},
		"in one line":      {"providers:\n  - {name: local}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := draftOf(tc.text)
			got, err := d.WithSettings(LocalName, settings...)
			if tc.want == "" {
				if err == nil || !strings.Contains(err.Error(), "config edit") {
					t.Errorf("error %v with %q", err, got)
				}
				return
			}
			if err != nil || string(got) != tc.want {
				t.Fatalf("%v\n%s\nwant\n%s", err, got, tc.want)
			}
			if _, err := d.Check(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// A hosted provider as `tandem setup` writes it, into the commented template.
func TestWithProviderInTheTemplate(t *testing.T) {
	d := draftOf(string(template))
	for _, p := range []Provider{
		{Name: "openai", Kind: KindOpenAI, BaseURL: "https://api.openai.com/v1", Model: "gpt-9", APIKey: "keyring:openai"},
		{Name: "openai", Model: "gpt-10"},
		{Name: "groq", Kind: KindOpenAI, BaseURL: "https://api.groq.com/openai/v1", Model: "m # n", APIKey: "env:GROQ_API_KEY", Compat: Compat{Preset: "groq"}},
		{Name: "lab", Kind: KindOpenAI, BaseURL: "http://127.0.0.1:1/v1", Model: "m", Local: true},
	} {
		text, err := d.WithProvider(p)
		if err != nil {
			t.Fatal(err)
		}
		d.Text = text
	}
	if _, err := d.Check(d.Text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"after this long without use\n  - name: openai\n    kind: openai\n    base_url: \"https://api.openai.com/v1\"\n    model: \"gpt-10\"\n    api_key: keyring:openai\n",
		"  - name: groq\n    kind: openai\n    base_url: \"https://api.groq.com/openai/v1\"\n    model: \"m # n\"\n    api_key: env:GROQ_API_KEY\n    compat: groq\n  - name: lab\n",
		"    local: true # your word",
		"#temperature: 0.5",
	} {
		if !strings.Contains(string(d.Text), want) {
			t.Errorf("%q is not in\n%s", want, d.Text)
		}
	}
}

// A key that the template shows is written once, in the place where it is shown. A
// comment of the user's stays.
func TestAKeyIsWrittenOnce(t *testing.T) {
	text, err := draftOf(string(template)).WithSettings(LocalName, Quoted("model", "qwen3:8b"), Setting{"num_ctx", "32768"}, Setting{"managed", "false"})
	if err != nil {
		t.Fatal(err)
	}
	for key, line := range map[string]string{
		"model:":   "    model: \"qwen3:8b\"             # `tandem models default MODEL` sets it\n",
		"num_ctx:": "    num_ctx: 32768                # the context window, in tokens\n",
		"managed:": "    managed: false                # start Ollama when nothing listens; the default on this machine\n",
	} {
		if !strings.Contains(string(text), line) || strings.Count(string(text), "    "+key)+strings.Count(string(text), "    #"+key) != 1 {
			t.Errorf("%q is not there, or %s twice:\n%s", line, key, text)
		}
	}
	const mine = "providers:\n  - name: local\n    #model: qwen3:8b # better at code\n    idle: 2m\n"
	if text, err = draftOf(mine).WithModel(LocalName, "new"); err != nil || !strings.Contains(string(text), "#model: qwen3:8b # better at code\n") {
		t.Errorf("the user's comment is gone: %s, %v", text, err)
	}
}
