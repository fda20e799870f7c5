package config

import (
	"strings"
	"testing"
)

// TestWithModel: the text keeps everything but the model, and says it afterwards.
func TestWithModel(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"an empty file":     {"", "\n\nproviders:\n  - name: local\n    model: \"new\"\n"},
		"without providers": {"use: local # mine\n", "use: local # mine\n\nproviders:\n  - name: local\n    model: \"new\"\n"},
		"a model":           {"providers:\n- name: local\n  model: old\n  num_ctx: 1\n", "providers:\n- name: local\n  model: \"new\"\n  num_ctx: 1\n"},
		"a quoted model":    {"providers:\n- model: 'old' # a\n  name: local\n", "providers:\n- model: \"new\" # a\n  name: local\n"},
		"no model":          {"providers:\n  - kind: ollama\n    name: local # n\n    num_ctx: 512\nuse: local\n", "providers:\n  - kind: ollama\n    name: local # n\n    model: \"new\"\n    num_ctx: 512\nuse: local\n"},
		"another provider":  {"providers:\n  - name: openai\n    model: m\nuse: local\n", "providers:\n  - name: openai\n    model: m\n  - name: local\n    model: \"new\"\nuse: local\n"},
		"in one line":       {"providers: [{name: local}]\n", ""},
		"an entry in one":   {"providers:\n  - {name: local, model: old}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Draft{Path: "config.yaml", Text: []byte(tc.text), env: func(string) (string, bool) { return "", false }}
			got, err := d.WithModel(LocalName, "new")
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
