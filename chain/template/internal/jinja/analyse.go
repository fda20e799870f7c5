package jinja

import "slices"

// Var is a variable that the template takes from outside.
type Var struct {
	Name   string
	Offset int  // of its first use, in bytes
	Inside bool // more than its text is used
}

// analyse finds the variables as jinja2.meta.find_undeclared_variables does:
// a name is one if it is read before the same block sets it, or is set in a
// branch only.
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

// symbols are the names that one block of the template knows.
type symbols struct {
	parent *symbols
	known  map[string]bool // name → it is read from outside
	stored map[string]int  // name → where
}

func newSymbols(parent *symbols) *symbols {
	return &symbols{parent, map[string]bool{}, map[string]int{}}
}

func (s *symbols) knows(name string) bool {
	for ; s != nil; s = s.parent {
		if _, ok := s.known[name]; ok {
			return true
		}
	}
	return false
}

func (s *symbols) store(t target) {
	if t.parts != nil {
		for _, p := range t.parts {
			s.store(p)
		}
		return
	}
	if t.attr != "" {
		return
	}
	s.stored[t.name] = t.place()
	if _, ok := s.known[t.name]; !ok {
		s.known[t.name] = false
	}
}

func (a *analysis) load(s *symbols, name string, offset int, inside bool) {
	if i, ok := a.index[name]; ok && s.outer(name) {
		a.vars[i].Inside = a.vars[i].Inside || inside
		a.vars[i].Offset = min(a.vars[i].Offset, offset)
		return
	}
	if s.knows(name) {
		return
	}
	s.known[name] = true
	a.note(name, offset, inside)
}

// outer reports whether the nearest meaning of a name is the one from outside.
func (s *symbols) outer(name string) bool {
	for ; s != nil; s = s.parent {
		if outside, ok := s.known[name]; ok {
			return outside
		}
	}
	return true
}

func (a *analysis) note(name string, offset int, inside bool) {
	if slices.Contains(globals(), name) {
		return
	}
	if i, ok := a.index[name]; ok {
		a.vars[i].Inside = a.vars[i].Inside || inside
		a.vars[i].Offset = min(a.vars[i].Offset, offset)
		return
	}
	a.index[name] = len(a.vars)
	a.vars = append(a.vars, Var{name, offset, inside})
}

// expr notes the names in x. inside: more than its text is used.
func (a *analysis) expr(s *symbols, x expr, inside bool) {
	switch x := x.(type) {
	case nil:
	case *name:
		a.load(s, x.name, x.place(), inside)
	case *binary:
		a.expr(s, x.x, inside || x.op != "~")
		a.expr(s, x.y, inside || x.op != "~")
	case *conditional:
		a.expr(s, x.test, true)
		a.expr(s, x.yes, inside)
		a.expr(s, x.no, inside)
	case *filtered:
		a.expr(s, x.x, inside || textFilterOf(x.name) == nil || x.name == "tojson")
		for _, y := range x.a.children() {
			a.expr(s, y, true)
		}
	default:
		for _, y := range x.children() {
			a.expr(s, y, true)
		}
	}
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
		return func() {
			own := newSymbols(s)
			for _, n := range names {
				own.known[n] = false
			}
			a.block(own, body)
		}
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
			later = append(later, func() {
				own := newSymbols(s)
				for _, n := range names {
					own.known[n] = false
				}
				a.expr(own, x.filter, true)
			})
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
		own := newSymbols(s)
		for _, n := range append(slices.Clone(m.params), "caller", "varargs", "kwargs") {
			own.known[n] = false
		}
		for _, d := range m.defaults {
			a.expr(own, d, true)
		}
		a.block(own, m.body)
	}
}

// branches notes the names of an if. What only its branches set is read from
// outside, too: a branch may not be taken.
func (a *analysis) branches(s *symbols, x *ifElse) (later []func()) {
	a.expr(s, x.tests[0], true)
	var all []*symbols
	for i, body := range x.bodies {
		own := &symbols{s.parent, map[string]bool{}, map[string]int{}}
		for n, outside := range s.known {
			own.known[n] = outside
		}
		if i > 0 && i < len(x.tests) {
			a.expr(own, x.tests[i], true)
		}
		for _, y := range body {
			later = append(later, a.statement(own, y)...)
		}
		all = append(all, own)
	}
	for _, own := range all {
		for n, outside := range own.known {
			s.known[n] = s.known[n] || outside
		}
	}
	for _, own := range all {
		for n, at := range own.stored {
			if _, ok := s.stored[n]; ok {
				continue
			}
			if s.parent != nil && s.parent.knows(n) {
				continue
			}
			s.known[n] = true
			a.note(n, at, true)
		}
	}
	for _, own := range all {
		for n, at := range own.stored {
			s.stored[n] = at
		}
	}
	return later
}

// uses reports whether a body reads a name anywhere.
func uses(body []statement, n string) bool {
	a := &analysis{index: map[string]int{}}
	a.block(newSymbols(nil), body)
	return slices.ContainsFunc(a.vars, func(v Var) bool { return v.Name == n })
}
