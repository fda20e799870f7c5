package config

import (
	"os"
	"strings"
	"testing"
)

// TestEveryKeyIsDocumented holds docs/configuration.md and the example to the
// keys and variables that there are.
func TestEveryKeyIsDocumented(t *testing.T) {
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	doc, example := read("../docs/configuration.md"), read("../config.yaml")
	names := []string{"providers", "name"}
	for _, f := range append(topFields(), providerFields()...) {
		names = append(names, f.name)
	}
	for _, name := range names {
		if !strings.Contains(doc, "\n| `"+name+"` |") {
			t.Errorf("docs/configuration.md has no row for %s", name)
		}
		last := name[strings.LastIndex(name, ".")+1:]
		if !strings.Contains(example, last+":") {
			t.Errorf("config.yaml does not show %s", name)
		}
	}
	for _, v := range Variables() {
		if !strings.Contains(doc, "`"+v.Name+"`") {
			t.Errorf("docs/configuration.md does not name %s", v.Name)
		}
	}
	before, servers, _ := strings.Cut(doc, "\n## Keys of an MCP server\n") // whose keys are others, some of the same name
	_, after, _ := strings.Cut(servers, "\n## Keys of a provider\n")
	rows := 0
	for _, line := range strings.Split(before+after, "\n") {
		key, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), "`")
		if _, _, err := parseKey(key); err == nil && strings.HasPrefix(line, "| `") {
			rows++
		} else if _, ok := findField(providerFields(), key); ok {
			rows++
		}
	}
	if want := len(names) - 2; rows != want {
		t.Errorf("%d rows name a key, and there are %d keys", rows, want)
	}
}
