package config_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

func TestAliases(t *testing.T) {
	for text, want := range map[string]string{ // want is a part of the mistake, or of what fast stands for
		"aliases: {fast: qwen3:8b}":                  "=qwen3:8b",
		"aliases: {Fast.1: x, fast: openai/gpt-4o}":  "=openai/gpt-4o",
		"aliases:\n  fast: quick\n  quick: qwen3:8b": "=qwen3:8b",
		"aliases: {other: x}":                        "=fast",
		"aliases: {fast: fast}":                      `x.yaml:1:17: the alias "fast" stands for itself`,
		"aliases: {fast: a, a: b, b: fast}":          `the alias "a" stands for itself`,
		"aliases: {fast: a, a: b, b: a}":             `the alias "fast" stands for itself`,
		"aliases: {local: x}":                        `the alias "local" is also the name of a provider`,
		"aliases: {a/b: x}":                          `"a/b" cannot be an alias`,
		"aliases: {fast: ''}":                        "expected the name of a model",
		"aliases: {fast: \"a\\eb\"}":                 "expected the name of a model",
		"aliases: {fast: [x]}":                       "x.yaml:1:17",
		"aliases: fast":                              "x.yaml:1:10",
		"aliases: {fast: p/x}\nproviders: [{name: p, kind: ollama, model: m}]\nuse: p": "=p/x",
	} {
		_, err := config.CheckText("x.yaml", []byte(text), func(string) (string, bool) { return "", false })
		model, ok := strings.CutPrefix(want, "=")
		if !ok {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
			continue
		}
		l, err := newSandbox(t).user(text).load()
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := l.ResolveModel("fast"); got != model {
			t.Errorf("%q: fast is %q, want %q", text, got, model)
		}
	}
}

// A project cannot say what the user's words mean.
func TestAliasesAreTheUsersOwn(t *testing.T) {
	_, err := newSandbox(t).projectFile("aliases: {fast: openai/gpt-4o}\nuse: local\n").load()
	if err == nil || !strings.Contains(err.Error(), "only your own file may give models other names") {
		t.Error(err)
	}
}

func TestWithAlias(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"none":       {"use: local # mine\n", "use: local # mine\n\naliases:\n  fast: \"m:1\"\n"},
		"lines":      {"aliases:\n    # mine\n    a: b\nuse: local\n", "aliases:\n    # mine\n    a: b\n    fast: \"m:1\"\nuse: local\n"},
		"another":    {"aliases:\n  fast: old # quick\n  a: b\n", "aliases:\n  fast: \"m:1\" # quick\n  a: b\n"},
		"one line":   {"aliases: {a: b} # mine\n", "aliases: {a: \"b\", fast: \"m:1\"} # mine\n"},
		"replaced":   {"aliases: {fast: \"old\", a: b}\n", "aliases: {a: \"b\", fast: \"m:1\"}\n"},
		"empty":      {"aliases: {}\n", ""},
		"split":      {"aliases: {a: b,\n  c: d}\n", ""},
		"a brace":    {"aliases: {a: \"}\"}\n", ""},
		"not a list": {"aliases: [a]\n", ""},
	} {
		d := &config.Draft{Path: "x.yaml", Text: []byte(c.text)}
		got, err := d.WithAlias("fast", "m:1")
		if (err != nil) != (c.want == "") || string(got) != c.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), `add fast: "m:1"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
