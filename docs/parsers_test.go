package docs

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// TestParsersAsDocumented runs every example in the table of parsers in
// chains.md, and checks that each parser has one.
func TestParsersAsDocumented(t *testing.T) {
	page, err := os.ReadFile("chains.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	_, table, _ := strings.Cut(string(page), "| `parse:` | answer | value |\n|---|---|---|\n")
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(row), " | ")
		if len(cells) != 3 {
			break
		}
		parse, answer, want := code(cells[0]), strings.ReplaceAll(code(cells[1]), "⏎", "\n"), code(cells[2])
		name, _, _ := strings.Cut(strings.TrimPrefix(parse, "{"), ":")
		shown[name] = true
		c, err := chain.Parse("page.yaml", []byte("prompt: ask\nparse: "+parse+"\n"))
		if err != nil {
			t.Errorf("%s: %v", parse, err)
			continue
		}
		p := &providertest.Fake{Answers: []providertest.Answer{providertest.Text(answer)}}
		got := "error"
		if result, err := c.Output(t.Context(), p, nil); err == nil {
			value, err := json.Marshal(result.Value)
			if err != nil {
				t.Fatal(err)
			}
			got = string(value)
		}
		if got != want {
			t.Errorf("parse: %s\nof %q\nis %s\nbut the page says %s", parse, answer, got, want)
		}
	}
	for _, name := range output.Names() {
		if !shown[name] {
			t.Errorf("chains.md has no example of the parser %s", name)
		}
	}
}

// code is the text of a table's cell without the marks of code.
func code(cell string) string {
	return strings.Trim(strings.Trim(cell, "| "), "`")
}
