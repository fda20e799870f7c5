package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheSecurityPageNamesTests holds docs/security.md to the tree: every row of
// its promises names tests, and each of them exists.
func TestTheSecurityPageNamesTests(t *testing.T) {
	root := ".."
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, promises, found := strings.Cut(string(page), "## Promises and their tests\n")
	promises, _, closed := strings.Cut(promises, "\n## ")
	if !found || !closed {
		t.Fatal("docs/security.md has no table of promises")
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	rows := 0
	for _, row := range strings.Split(promises, "\n") {
		if !strings.HasPrefix(row, "| **") {
			continue
		}
		rows++
		names := named.FindAllStringSubmatch(row, -1)
		if len(names) == 0 {
			t.Errorf("this promise names no test:\n%s", row)
		}
		for _, name := range names {
			if !tests[name[1]] {
				t.Errorf("docs/security.md names %s, which is not a test of this tree", name[1])
			}
		}
	}
	if rows == 0 {
		t.Error("docs/security.md promises nothing")
	}
}
