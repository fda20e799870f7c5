package jinja

import "slices"

// Var is a variable that the template takes from outside.
type Var struct {
	Name     string
	Offset   int  // of its first use, in bytes
	Inside   bool // more than its text is used
	Optional bool // the text is whole without it
}

// analyse finds the variables that jinja2.meta.find_undeclared_variables does: a
// name is one if it is read where the template itself may not have set it. That
// function also counts names that no reading takes from outside, as every branch
// of an if sets them, or only the branch that sets them reads them: these are
// optional, as are those that are read only behind `is defined` or by `default`.
func analyse(body []statement) []Var {
	a := &analysis{index: map[string]int{}}
	a.block(newSymbols(nil), body)
	slices.SortStableFunc(a.vars, func(v, w Var) int { return v.Offset - w.Offset })
	return a.vars
}

type analysis struct {
	vars  []Var
	index map[string]int // into vars
}

// meaning is what a name stands for at a place of the template.
type meaning int

const (
	unknown meaning = iota
	maybe           // some branches set it, others do not
	set             // the template has set it
	outside         // it has been read from outside
)

// symbol is a name's meaning, and where it got it.
type symbol struct {
	meaning meaning
	read    bool // from outside, before
	at      int
}

// symbols are what names mean in a block of the template, or in a branch of an
// if, whose parent is what the if is in.
type symbols struct {
	parent  *symbols
	known   map[string]symbol
	defined []string // by a test that stands before
}

func newSymbols(parent *symbols, names ...string) *symbols {
	s := &symbols{parent: parent, known: make(map[string]symbol, len(names))}
	for _, n := range names {
		s.known[n] = symbol{meaning: set}
	}
	return s
}

func (s *symbols) find(name string) symbol {
	for ; s != nil; s = s.parent {
		if x := s.known[name]; x.meaning != unknown {
			return x
		}
	}
	return symbol{}
}

// tested reports whether a name is read only where it has a value.
func (s *symbols) tested(name string) bool {
	for ; s != nil; s = s.parent {
		if slices.Contains(s.defined, name) {
			return true
		}
	}
	return false
}

func (s *symbols) store(t target) {
	switch {
	case t.parts != nil:
		for _, p := range t.parts {
			s.store(p)
		}
	case t.attr == "":
		s.known[t.name] = symbol{set, s.known[t.name].read, t.place()}
	}
}

// merge takes over what the branches of an if make of names; one of them is
// always taken.
func (a *analysis) merge(s *symbols, branches []*symbols) {
	for _, b := range branches {
		for name, x := range b.known {
			before := s.find(name)
			lacks := func(c *symbols) bool { return c.known[name].meaning != set && !slices.Contains(c.defined, name) }
			switch {
			case !slices.ContainsFunc(branches, lacks):
				s.known[name] = symbol{set, x.read || before.read, x.at}
			case x.meaning == outside:
				s.known[name] = x
			case before.meaning == unknown:
				s.known[name] = symbol{maybe, x.read, x.at}
			}
			if before.meaning == unknown && x.meaning != outside {
				a.noteVar(Var{Name: name, Offset: x.at, Inside: true, Optional: true})
			}
		}
	}
}

func (a *analysis) load(s *symbols, name string, offset int, inside bool) {
	x := s.find(name)
	if x.meaning != set {
		s.known[name] = symbol{outside, true, offset}
		a.noteVar(Var{name, offset, inside, s.tested(name)})
	} else if x.read {
		a.noteVar(Var{name, offset, inside, true}) // it may stand before what sets it
	}
}

// noteVar adds a variable, or what is known of one.
func (a *analysis) noteVar(v Var) {
	if slices.Contains(globals(), v.Name) {
		return
	}
	i, ok := a.index[v.Name]
	if !ok {
		a.index[v.Name] = len(a.vars)
		a.vars = append(a.vars, v)
		return
	}
	have := &a.vars[i]
	have.Offset = min(have.Offset, v.Offset)
	have.Inside = have.Inside || v.Inside
	have.Optional = have.Optional && v.Optional
}

// where notes the names in x, which is evaluated only if names are defined.
func (a *analysis) where(defined []string, s *symbols, x expr, inside bool) {
	before := s.defined
	s.defined = append(before[:len(before):len(before)], defined...)
	a.expr(s, x, inside)
	s.defined = before
}

// expr notes the names in x. inside: more than its text is used.
func (a *analysis) expr(s *symbols, x expr, inside bool) {
	switch x := x.(type) {
	case nil:
	case *name:
		a.load(s, x.name, x.place(), inside)
	case *binary:
		a.expr(s, x.x, inside || x.op != "~")
		var known []string
		if x.op == "and" || x.op == "or" {
			known = definedIf(x.x, x.op == "and")
		}
		a.where(known, s, x.y, inside || x.op != "~")
	case *conditional:
		a.expr(s, x.test, true)
		a.where(definedIf(x.test, true), s, x.yes, inside)
		a.where(definedIf(x.test, false), s, x.no, inside)
	case *tested:
		if n, ok := x.x.(*name); ok && (x.name == "defined" || x.name == "undefined") {
			a.where([]string{n.name}, s, n, true)
			return
		}
		for _, y := range x.children() {
			a.expr(s, y, true)
		}
	case *filtered:
		var known []string
		if n, ok := x.x.(*name); ok && (x.name == "default" || x.name == "d") {
			known = []string{n.name}
		}
		a.where(known, s, x.x, inside || textFilterOf(x.name) == nil || x.name == "tojson")
		for _, y := range x.a.children() {
			a.expr(s, y, true)
		}
	default:
		for _, y := range x.children() {
			a.expr(s, y, true)
		}
	}
}

// definedIf returns the names that have values where x comes out as is.
func definedIf(x expr, is bool) []string {
	switch x := x.(type) {
	case *tested:
		if n, ok := x.x.(*name); ok && (x.name == "defined" && is || x.name == "undefined" && !is) {
			return []string{n.name}
		}
	case *unary:
		if x.op == "not" {
			return definedIf(x.x, !is)
		}
	case *binary:
		if x.op == "and" && is || x.op == "or" && !is {
			return append(definedIf(x.x, is), definedIf(x.y, is)...)
		}
	}
	return nil
}

// block notes the names in a body, first those of its own, then those of the
// blocks in it: these see what is set after them as well.
func (a *analysis) block(s *symbols, body []statement) {
	var later []func()
	for _, x := range body {
		later = append(later, a.statement(s, x)...)
	}
	for _, f := range later {
		f()
	}
}

// statement notes the names of one statement, and returns what is to be done for
// the blocks in it.
func (a *analysis) statement(s *symbols, x statement) (later []func()) {
	inner := func(body []statement, names ...string) func() {
		return func() { a.block(newSymbols(s, names...), body) }
	}
	switch x := x.(type) {
	case *output:
		a.expr(s, x.x, false)
	case *ifElse:
		return a.branches(s, x)
	case *forLoop:
		a.expr(s, x.list, true)
		names := append(x.targets.names(), "loop")
		if x.filter != nil {
			later = append(later, func() { a.expr(newSymbols(s, names...), x.filter, true) })
		}
		return append(later, inner(x.body, names...), inner(x.otherwise))
	case *assign:
		if x.x != nil {
			a.expr(s, x.x, true)
		}
		if x.targets.attr != "" {
			a.load(s, x.targets.name, x.targets.place(), true)
		}
		s.store(x.targets)
		if x.body != nil {
			return []func(){inner(x.body)}
		}
	case *withBlock:
		var names []string
		for i, t := range x.targets {
			a.expr(s, x.values[i], true)
			names = append(names, t.names()...)
		}
		return []func(){inner(x.body, names...)}
	case *filterBlock:
		a.expr(s, x.x, true)
		return []func(){inner(x.body)}
	case *macroBlock:
		s.store(target{name: x.name})
		return []func(){a.macroBody(s, &x.macro)}
	case *callBlock:
		a.expr(s, x.call, true)
		return []func(){a.macroBody(s, &x.macro)}
	}
	return nil
}

func (a *analysis) macroBody(s *symbols, m *macro) func() {
	return func() {
		own := newSymbols(s, append(slices.Clone(m.params), "caller", "varargs", "kwargs")...)
		for _, d := range m.defaults {
			a.expr(own, d, true)
		}
		a.block(own, m.body)
	}
}

// branches notes the names of an if.
func (a *analysis) branches(s *symbols, x *ifElse) (later []func()) {
	a.expr(s, x.tests[0], true)
	var all []*symbols
	var known []string // where no test before came out
	for i, body := range x.bodies {
		own := newSymbols(s)
		own.defined = slices.Clone(known)
		if i < len(x.tests) {
			if i > 0 {
				a.expr(own, x.tests[i], true)
			}
			own.defined = append(own.defined, definedIf(x.tests[i], true)...)
			known = append(known, definedIf(x.tests[i], false)...)
		}
		for _, y := range body {
			later = append(later, a.statement(own, y)...)
		}
		all = append(all, own)
	}
	if len(x.bodies) == len(x.tests) {
		all = append(all, &symbols{defined: known}) // there is no else
	}
	a.merge(s, all)
	return later
}

// uses reports whether a body reads a name anywhere.
func uses(body []statement, n string) bool {
	a := &analysis{index: map[string]int{}}
	a.block(newSymbols(nil), body)
	return slices.ContainsFunc(a.vars, func(v Var) bool { return v.Name == n })
}
