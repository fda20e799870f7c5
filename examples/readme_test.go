package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
)

// block returns the one block of that language in the top README.
func block(t *testing.T, language, containing string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], containing) {
			found = m[1]
		}
	}
	if found == "" {
		t.Fatalf("README.md has no %s block with %q", language, containing)
	}
	return found
}

func TestREADMEsGoProgramBuilds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(block(t, "go", "func main()")), 0o600); err != nil {
		t.Fatal(err)
	}
	build(t, file)
}

func TestREADMEsChainLoads(t *testing.T) {
	c, err := chain.Parse("README.md", []byte(block(t, "yaml", "steps:")))
	if err != nil || len(c.Steps()) != 2 {
		t.Errorf("%v", err)
	}
}

// Every link of the documentation to a file leads to one.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages %q, %v", pages, err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`") // Go's As[T](…) is not a link
	for _, page := range append(pages, "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md", "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}
