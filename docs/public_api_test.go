package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestPublicTypesAreUsable checks that a program outside this module can name
// whatever the public packages ask of it: no exported field, parameter, result
// or method has a type of an internal package. An exported alias of such a type
// is a public name for it.
func TestPublicTypesAreUsable(t *testing.T) {
	sources := newSources("..")
	checked := 0
	for dir := range packages(t) {
		if strings.HasPrefix(dir, "internal") {
			continue
		}
		pkg, err := sources.Import(module + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range internalUses(pkg) {
			t.Error(use)
		}
		checked += len(pkg.Scope().Names())
	}
	if checked < 100 {
		t.Errorf("only %d names were checked", checked)
	}
}

// TestInternalUsesAreFound checks the check.
func TestInternalUsesAreFound(t *testing.T) {
	src := `package p
import "` + module + `internal/diag"
import "` + module + `provider"
type Fine struct { err *diag.Error; Message provider.Message }
type Alias = diag.Error
type UsesAlias struct { Err *Alias }
type hidden struct { Err diag.Error }
type Field struct { Errs map[string][]*diag.Error }
type Embeds struct { hidden }
type Func func(diag.Error)
type Method struct{}
func (Method) Do() *diag.Error { return nil }
type Interface interface { Do(...diag.Error) }
type Generic[T any] struct { F func(T) chan diag.Error }
func Param(e interface{ Get() diag.Error }) {}
var Var diag.Error
`
	s := newSources("..")
	file, err := parser.ParseFile(s.fset, "p.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := s.check(module+"p", []*ast.File{file})
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Join(internalUses(pkg), "\n")
	for _, name := range []string{"Field.Errs", "Embeds.Err", "Func", "Method.Do", "Interface.Do", "Generic.F", "Param.Get", "Var"} {
		if !strings.Contains(found, "p."+name+" ") {
			t.Errorf("%s is not found", name)
		}
	}
	for _, name := range []string{"Fine", "Alias", "UsesAlias"} {
		if strings.Contains(found, "p."+name) {
			t.Errorf("%s is found, and is fine", name)
		}
	}
}

// internalUses lists the exported names of a package whose type needs an
// internal package.
func internalUses(pkg *types.Package) []string {
	var found []string
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		c := useCheck{name: pkg.Path() + "." + name, found: &found, seen: map[types.Type]bool{}}
		def, isType := obj.(*types.TypeName)
		if !isType {
			c.visit(obj.Type())
			continue
		}
		if def.IsAlias() {
			continue
		}
		named := def.Type().(*types.Named)
		c.visit(named.Underlying())
		for m := range named.Methods() {
			c.member(m)
		}
	}
	return found
}

// useCheck walks through the type of one name.
type useCheck struct {
	name  string
	found *[]string
	seen  map[types.Type]bool
}

func (c useCheck) member(obj types.Object) {
	if obj.Exported() {
		c.name += "." + obj.Name()
		c.visit(obj.Type())
	}
}

func (c useCheck) visit(typ types.Type) {
	if typ == nil || c.seen[typ] {
		return
	}
	c.seen[typ] = true
	defer delete(c.seen, typ)
	switch typ := typ.(type) {
	case *types.Alias:
		if !typ.Obj().Exported() || isInternal(typ.Obj().Pkg()) {
			c.visit(types.Unalias(typ))
		}
	case *types.Named:
		if isInternal(typ.Obj().Pkg()) {
			*c.found = append(*c.found, c.name+" needs "+typ.String())
		}
		for arg := range typ.TypeArgs().Types() {
			c.visit(arg)
		}
	case *types.Struct:
		for f := range typ.Fields() {
			switch named, _ := types.Unalias(f.Type()).(*types.Named); {
			case f.Embedded() && !f.Exported() && named != nil: // its exported members are promoted
				c.visit(named.Underlying())
				for m := range named.Methods() {
					c.member(m)
				}
			default:
				c.member(f)
			}
		}
	case *types.Interface:
		for m := range typ.Methods() {
			c.member(m)
		}
	case *types.Signature:
		c.visit(typ.Params())
		c.visit(typ.Results())
	case *types.Tuple:
		for v := range typ.Variables() {
			c.visit(v.Type())
		}
	case *types.Map:
		c.visit(typ.Key())
		c.visit(typ.Elem())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		c.visit(typ.Elem())
	}
}

func isInternal(pkg *types.Package) bool {
	return pkg != nil && strings.HasPrefix(pkg.Path(), module) && strings.Contains(pkg.Path()+"/", "/internal/")
}

// sources type-checks this module's packages from their source, without function
// bodies. Packages of others are empty to it: their types are none of ours.
type sources struct {
	root  string
	fset  *token.FileSet
	known map[string]*types.Package
}

func newSources(root string) *sources {
	fset := token.NewFileSet()
	return &sources{root: root, fset: fset, known: map[string]*types.Package{}}
}

func (s *sources) Import(name string) (*types.Package, error) {
	if pkg := s.known[name]; pkg != nil {
		return pkg, nil
	}
	dir, ours := strings.CutPrefix(name, module)
	if !ours {
		pkg := types.NewPackage(name, path.Base(name))
		pkg.MarkComplete()
		s.known[name] = pkg
		return pkg, nil
	}
	var parsed []*ast.File
	files, err := filepath.Glob(filepath.Join(s.root, dir, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fs.ErrNotExist
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(s.fset, file, data, 0)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	return s.check(name, parsed)
}

func (s *sources) check(name string, files []*ast.File) (*types.Package, error) {
	cfg := types.Config{Importer: s, IgnoreFuncBodies: true, Error: func(error) {}} // about others' packages
	pkg, _ := cfg.Check(name, s.fset, files, nil)
	s.known[name] = pkg
	return pkg, nil
}
