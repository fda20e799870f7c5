package examples_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plain are the entry points that need no example, and why. One that has got an
// example, or is no more, has to leave the list.
var plain = map[string]string{
	"ollama.Provider.Can":           "asks a server",
	"ollama.Provider.RunsRemotely":  "asks a server",
	"ollama.Provider.ContextLength": "asks a server",
	"ollama.Provider.LoadWindow":    "asks a server",
	"ollama.Provider.CheckPrivacy":  "asks a server",
	"ollama.Provider.Present":       "asks a server",
	"providertest.Run":              "takes a *testing.T; the adapters' tests call it",
	"providertest.RunWrapper":       "takes a *testing.T; the wrappers' tests call it",
	"providertest.TestLive":         "takes a *testing.T; the adapters' tests call it",
	"providertest.Fuzz":             "takes a *testing.F; the adapters' tests call it",
}

// library is one package of ours that a program may import.
type library struct {
	name  string
	doc   *doc.Package
	shown map[string]bool // the methods that examples call, by name
}

// libraries returns the packages below chain and provider.
func libraries(t *testing.T) []library {
	t.Helper()
	var dirs []string
	for _, top := range []string{"../chain", "../provider"} {
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "internal" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			dirs = append(dirs, p)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []library
	for _, dir := range dirs {
		sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(sources) == 0 {
			continue
		}
		all = append(all, read(t, dir, sources))
	}
	return all
}

func read(t *testing.T, dir string, sources []string) library {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, source := range sources {
		f, err := parser.ParseFile(fset, source, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	shown := map[string]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example") {
				ast.Inspect(fn, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						shown[s.Sel.Name] = true
					}
					return true
				})
			}
		}
	}
	p, err := doc.NewFromFiles(fset, files, "github.com/tandem-llm/tandem/"+path.Clean(strings.TrimPrefix(filepath.ToSlash(dir), "../")))
	if err != nil {
		t.Fatal(err)
	}
	return library{p.Name, p, shown}
}

// abilities are the methods of exported interfaces, and of those of the standard
// library: what has them is used through the interface, and shown where that is.
func abilities(all []library) map[string]bool {
	names := map[string]bool{"Error": true, "Unwrap": true, "Is": true, "String": true, "MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true}
	for _, l := range all {
		for _, t := range l.doc.Types {
			for _, s := range t.Decl.Specs {
				i, ok := s.(*ast.TypeSpec).Type.(*ast.InterfaceType)
				if !ok {
					continue
				}
				for _, m := range i.Methods.List {
					for _, n := range m.Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
	return names
}

// Every exported function has a runnable example by its name, and every method
// is called in one of its package's.
func TestEveryEntryPointHasAnExample(t *testing.T) {
	all := libraries(t)
	if len(all) < 15 {
		t.Fatalf("only %d packages", len(all))
	}
	known := abilities(all)
	unused := maps.Clone(plain)
	missing := func(name string, has bool) {
		if _, ok := unused[name]; ok && !has {
			delete(unused, name)
		} else if !has {
			t.Errorf("%s has no example", name)
		}
	}
	for _, l := range all {
		if l.doc.Doc == "" {
			t.Errorf("package %s does not say what it is", l.name)
		}
		functions := slices.Clone(l.doc.Funcs)
		examples := slices.Clone(l.doc.Examples)
		for _, typ := range l.doc.Types {
			functions = append(functions, typ.Funcs...)
			examples = append(examples, typ.Examples...)
			for _, m := range typ.Methods {
				examples = append(examples, m.Examples...)
				if !known[m.Name] {
					missing(l.name+"."+typ.Name+"."+m.Name, l.shown[m.Name])
				}
			}
		}
		for _, f := range functions {
			examples = append(examples, f.Examples...)
			missing(l.name+"."+f.Name, len(f.Examples) > 0)
		}
		for _, e := range examples {
			if e.Output == "" && !e.EmptyOutput {
				t.Errorf("package %s: the example %s%s does not run: it has no output", l.name, e.Name, e.Suffix)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unused)) {
		t.Errorf("%s needs not stand in the list: it has an example, or is no more", name)
	}
}
