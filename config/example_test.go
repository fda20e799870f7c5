package config_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

func readExample(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestExample holds the repository's own config.yaml, which is the project's
// configuration for everyone who runs tandem in a clone.
func TestExample(t *testing.T) {
	example := readExample(t, "../config.yaml")
	for name, user := range map[string]string{
		"no file of the user's own": "",
		"a gateway as openai":       "providers:\n  - {name: openai, base_url: https://gw.example/v1, api_key: keyring:gw}\n",
		"another engine as local":   "providers:\n  - {name: local, kind: openai, base_url: http://127.0.0.1:8080/v1, model: qwen3}\n",
		"a GPU in the network":      "providers:\n  - {name: local, host: gpu.lan}\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t).user(user).projectFile(example)
			if l := s.mustLoad(); !slices.Equal(l.Use, []string{"local"}) {
				t.Errorf("%v answers", l.Use)
			}
			switched := strings.Replace(example, "\n#use: local\n", "\nuse: openai\n", 1)
			if l := s.projectFile(switched).mustLoad(); !slices.Equal(l.Use, []string{"openai"}) {
				t.Errorf("one line changed, and %v answers", l.Use)
			}
		})
	}
	mine := newSandbox(t).user("use: openai\nproviders: [{name: openai, model: mine}, {name: local, model: own}]\n").projectFile(example).mustLoad()
	for name, want := range map[string]string{"openai": "mine", "local": "own"} {
		if p, _ := mine.Provider(name); p.Model != want || !slices.Equal(mine.Use, []string{"openai"}) || !mine.Trusted() {
			t.Errorf("in a clone %v answers, and %s with %s: the user has chosen openai, and %s", mine.Use, name, p.Model, want)
		}
	}
	s := newSandbox(t).projectFile(example)
	if own, with := newSandbox(t).mustLoad(), s.mustLoad(); !slices.EqualFunc(own.Show(), with.Show(), func(a, b config.Value) bool {
		return a.Key == b.Key
	}) {
		t.Errorf("the example sets more than defaults:\n%v\n%v", with.Show(), own.Show())
	}
}

// TestExamplesComments takes the # away from every line that shows a key, in
// both files with examples: what they show must load too.
func TestExamplesComments(t *testing.T) {
	for _, path := range []string{"../config.yaml", "template.yaml"} {
		text := readExample(t, path)
		shown := regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`).ReplaceAllString(text, "$1$2")
		if n := strings.Count(text, "#") - strings.Count(shown, "#"); n < 5 {
			t.Errorf("%s: %d lines show a key", path, n)
		}
		for _, text := range []string{text, shown} {
			if warnings, err := config.CheckText(path, []byte(text), nil); err != nil || warnings != nil {
				t.Errorf("%s: %v, %v", path, warnings, err)
			}
		}
	}
}

func ExampleDraft_Settings() {
	d := config.Draft{Path: "config.yaml", Text: []byte("providers:\n  - {name: openai, model: gpt-6-sol}\n")}
	settings, ok := d.Settings("openai")
	fmt.Println(settings["model"], ok)
	_, ok = d.Settings("groq")
	fmt.Println(ok)
	// Output:
	// gpt-6-sol true
	// false
}

func ExampleDraft_WithProvider() {
	d := config.Draft{Path: "config.yaml", Text: []byte("use: local # mine\n")}
	text, err := d.WithProvider(config.Provider{Name: "lab", Kind: config.KindOpenAI, BaseURL: "http://127.0.0.1:8080/v1", Model: "qwen3", Local: true})
	fmt.Print(string(text), err, "\n")
	// Output:
	// use: local # mine
	//
	// providers:
	//   - name: lab
	//     kind: openai
	//     base_url: "http://127.0.0.1:8080/v1"
	//     model: "qwen3"
	//     local: true # your word that this server runs its models itself, on this machine
	// <nil>
}

func ExampleDraft_WithModel() {
	d := config.Draft{Path: "config.yaml", Text: []byte("providers:\n  - name: local # mine\n    model: old # small\n")}
	text, err := d.WithModel(config.LocalName, "qwen3:8b")
	fmt.Print(string(text), err, "\n")
	// Output:
	// providers:
	//   - name: local # mine
	//     model: "qwen3:8b" # small
	// <nil>
}

func ExampleConfig_KeepsLocal() {
	for _, c := range []config.Config{{}, {Privacy: config.PrivacyLocal}, {Offline: true}} {
		fmt.Println(c.KeepsLocal())
	}
	// Output:
	// false
	// true
	// true
}
