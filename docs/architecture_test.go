// Package docs has the tests of these pages that belong to no one package.
package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tandem-llm/tandem/"

// TestThePackageTable holds docs/architecture.md to the code: it has one row for
// each package, which names the packages of this module that it imports. Folders
// that only their parent can import, programs and tests have none.
func TestThePackageTable(t *testing.T) {
	page, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "\n| package | is | imports of ours |\n|---|---|---|\n")
	table, _, closed := strings.Cut(table, "\n\n")
	if !found || !closed {
		t.Fatal("docs/architecture.md has no table of packages")
	}
	rows := map[string]string{}
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != 3 {
			t.Fatalf("this row does not have three cells:\n%s", row)
		}
		rows[strings.Trim(cells[0], "`")] = cells[2]
	}
	for dir, imports := range packages(t) {
		want, found := rows[dir]
		delete(rows, dir)
		got := "none"
		if len(imports) > 0 {
			got = strings.Join(imports, ", ")
		}
		switch {
		case !found:
			t.Errorf("docs/architecture.md has no row for %s", dir)
		case dir != "internal/cli" && got != want:
			t.Errorf("docs/architecture.md: %s imports\n%s\nand its row says\n%s", dir, got, want)
		}
	}
	for dir := range rows {
		t.Errorf("docs/architecture.md has a row for %s, which is not a package", dir)
	}
}

// packages are this module's packages and what they import of it.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, top := range []string{"provider", "chain", "config", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
			if strings.Contains(dir, "/internal/") || strings.Contains(dir, "testdata") || strings.HasPrefix(dir, "internal/bench") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			imports := found[dir]
			for _, spec := range file.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				name, ours := strings.CutPrefix(name, module)
				if ours && !strings.Contains(name, "/internal/") && !slices.Contains(imports, name) {
					imports = append(imports, name)
				}
			}
			slices.Sort(imports)
			found[dir] = imports
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
