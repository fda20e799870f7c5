//go:build ignore

// live prints what `go test` needs to run the tests that reach an Ollama, and no
// others: -run and a pattern, and their packages.
//
//	go test $(go run scripts/live.go)
//
// It reads the tests' source: a test counts if it, or a function of its package
// that it names, asks internal/testengine for an Ollama.
package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// doors are what gives a test an Ollama.
var doors = []string{"Ollama", "EmbeddingOllama", "OwnOllama"}

// uses are the names that each function of a package's tests uses; "" if it asks
// for an Ollama itself.
type uses map[string][]string

func main() {
	var tests, packages []string
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case dir != "." && strings.HasPrefix(d.Name(), "."), d.Name() == "testdata":
			return fs.SkipDir
		}
		live, err := liveTests(dir)
		if len(live) > 0 {
			tests, packages = append(tests, live...), append(packages, "./"+filepath.ToSlash(dir))
		}
		return err
	})
	if err == nil && len(tests) == 0 {
		err = errors.New("no test asks for an Ollama: run it from the root of the repository")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
	slices.Sort(tests)
	fmt.Printf("-run ^(%s)$ %s\n", strings.Join(slices.Compact(tests), "|"), strings.Join(packages, " "))
}

// liveTests are the tests in a folder that reach an Ollama.
func liveTests(dir string) (live []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	byPackage := map[string]uses{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if byPackage[f.Name.Name] == nil {
			byPackage[f.Name.Name] = uses{}
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				byPackage[f.Name.Name][fn.Name.Name] = usedBy(fn)
			}
		}
	}
	for _, u := range byPackage {
		for name := range u {
			if strings.HasPrefix(name, "Test") && u.reach(name, map[string]bool{}) {
				live = append(live, name)
			}
		}
	}
	return live, nil
}

func usedBy(fn *ast.FuncDecl) (names []string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "testengine" && slices.Contains(doors, n.Sel.Name) {
				names = append(names, "")
			}
		case *ast.Ident:
			names = append(names, n.Name)
		}
		return true
	})
	return names
}

// reach reports whether a function asks for an Ollama, by itself or by another.
func (u uses) reach(name string, seen map[string]bool) bool {
	if name == "" {
		return true
	}
	names, ok := u[name]
	if !ok || seen[name] {
		return false
	}
	seen[name] = true
	return slices.ContainsFunc(names, func(n string) bool { return u.reach(n, seen) })
}
