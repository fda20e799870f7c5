package cli

import (
	"testing"

	"github.com/tandem-llm/tandem/internal/schema"
)

func TestInlineSchema(t *testing.T) {
	for text, want := range map[string]string{
		"name, age int, tags [string]": `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},"tags":{"items":{"type":"string"},"type":"array"}},"required":["name","age","tags"],"additionalProperties":false}`,
		"b bool,a number":              `{"type":"object","properties":{"b":{"type":"boolean"},"a":{"type":"number"}},"required":["b","a"],"additionalProperties":false}`,
		" n int : how many ":           `{"type":"object","properties":{"n":{"description":"how many","type":"integer"}},"required":["n"],"additionalProperties":false}`,
		"bio: one sentence":            `{"type":"object","properties":{"bio":{"description":"one sentence","type":"string"}},"required":["bio"],"additionalProperties":false}`,
		"person":                       "", // a file's name
		"person.yaml":                  "",
		"my schema.json":               "",
		"./a, b":                       "",
		"name,":                        "",
		"name, tags [string":           "",
		"name, tags string]":           "",
		`{"type": "object"}`:           "",
		"":                             "",
		"name, age date":               "error",
		"name, name":                   "error",
	} {
		got, ok, err := inlineSchema(text)
		switch {
		case want == "error":
			if err == nil {
				t.Errorf("%q is %s, and no error", text, got)
			}
		case err != nil || ok != (want != "") || string(got) != want:
			t.Errorf("%q is %s, %v, %v; want %s", text, got, ok, err, want)
		case ok:
			if _, err := schema.Compile(got); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}
