package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// commandLine is what only a user of the command line can type.
var commandLine = regexp.MustCompile("\\btandem [a-z…]|(^|[\\s`(])--[a-z]|(^|[\\s`(])-[a-z] [A-Z]+\\b")

// TestLibrariesNameNoCommands checks that no text of provider/ and chain/ tells
// a Go program to run a command or to set a flag. Such remedies are added in
// internal/cli/explain.go.
func TestLibrariesNameNoCommands(t *testing.T) {
	checked := 0
	for _, top := range []string{"provider", "chain"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				checked++
				if found := commandLine.FindString(text); found != "" {
					t.Errorf("%s: %q speaks of the command line (%q)", fset.Position(lit.Pos()), text, found)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked < 1000 {
		t.Errorf("only %d texts were checked", checked)
	}
}

func TestCommandLinesAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"run `tandem doctor`": true, "record it with `tandem … --record %s`": true, "`--json` gives them": true,
		"limit it with --max-tokens": true, "use it (--allow-jinja2)": true, "ask with -m MODEL": true,
		"made by Tandem": false, "{% -- %}": false, "a-b": false, "x -y": false, "https://github.com/tandem-llm/tandem": false, "{{-- a": false,
	} {
		if got := commandLine.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
