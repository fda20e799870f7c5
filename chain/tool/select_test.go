package tool_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
)

func TestSelect(t *testing.T) {
	tools := []tool.Tool{{Name: "clock"}, {Name: "files__read", Ref: "files/read"}, {Name: "files__list", Ref: "files/list"}, {Name: "web__get", Ref: "web/get"}}
	for patterns, want := range map[string]string{
		"":                        "",
		"clock":                   "clock",
		"files/*":                 "files/read files/list",
		"files/list files/*":      "files/list files/read",
		"files/read files/read":   "files/read",
		"files__read":             "files/read",
		"web/get clock":           "web/get clock",
		"fil/*":                   "",
		"/*":                      "",
		"files/wri":               "missing files/wri",
		"web/get clock files/rea": "missing files/rea",
	} {
		chosen, missing := tool.Select(tools, strings.Fields(patterns))
		var got []string
		if missing != "" {
			got = []string{"missing", missing}
		}
		for _, c := range chosen {
			got = append(got, c.Title())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", patterns, got, want)
		}
	}
}
