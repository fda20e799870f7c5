package toolcall

import "strings"

// callOf is the rule: it returns the call that a fragment belongs to, or nil
// where it begins one. skip says that it says nothing.
//
// An id that is known is the call's. Else the index decides, else the place
// among several fragments of one event, else the fragment belongs to the latest
// call. The fragment begins another call nevertheless where it has a name and,
// besides, an id that is new, or comes after arguments that are whole, or a name
// that is another tool's.
func (a *Assembler) callOf(f *Fragment) (c *call, skip bool) {
	if f.ID == "" && f.Name == "" && blank(f.Arguments) {
		c = a.mostLikely(f)
		return c, c == nil && len(f.Extra) == 0
	}
	if len(a.calls) == 0 {
		return nil, false
	}
	if c := a.withID(f); c != nil {
		return a.sameID(c, f), false
	}
	c = a.mostLikely(f)
	switch {
	case c == nil, f.Name == "" && f.ID == "":
		return c, false
	case f.ID == "" || c.id == "":
		return a.sameCall(c, f), false
	case f.Name == "":
		return c.otherID(f)
	case c.args.begun() && !c.args.whole() && c.name == f.Name && !opens(f.Arguments):
		return c, false // each fragment has an id of its own
	case f.Index != nil && !c.args.begun() && c.name == f.Name && breaksOff(f.Arguments):
		c.unclear = true // the same, or the first call has no arguments
	}
	return nil, false
}

// sameID is the call of a fragment whose id call c has; nil: another one, for
// some servers give all calls the same.
func (a *Assembler) sameID(c *call, f *Fragment) *call {
	switch {
	case f.Name == "" || c.name == "":
		return c
	case f.Index != nil && c.index != nil && a.at(*f.Index) == nil:
		if c.name == f.Name && c.args.begun() && !c.args.whole() {
			return c // the index counts fragments
		}
		return nil
	case f.Name == c.name || a.splits(c.name, f.Name):
		return c
	case f.Index != nil && !c.args.begun() && strings.HasPrefix(f.Name, c.name):
		return c // more of the name, the beginning of which is a tool's as well
	case c.args.whole() || a.known(c.name) && a.known(f.Name):
		return nil
	}
	return c
}

// otherID is the call of a nameless fragment whose id is not that of c, the most
// likely call.
func (c *call) otherID(f *Fragment) (_ *call, skip bool) {
	switch {
	case !c.args.whole():
		return c, false // each fragment has an id of its own
	case blank(f.Arguments):
		return nil, true // its name comes, or nothing does
	}
	return nil, false
}

// mostLikely is the call that a fragment without an id would belong to, if it
// has no name; nil: none.
func (a *Assembler) mostLikely(f *Fragment) *call {
	if len(a.calls) == 0 {
		return nil
	}
	last := a.calls[len(a.calls)-1]
	switch {
	case f.Index != nil:
		if c := a.at(*f.Index); c != nil {
			return c
		}
		if f.Name != "" {
			if last.index == nil && last.name == f.Name && !last.args.begun() {
				return last
			}
			return nil
		}
		if last.index == nil {
			return last // its index comes late
		}
		if f.ID != "" {
			return nil
		}
		return a.onlyOpen()
	case f.Of > 1 && f.Name == "":
		for i := len(a.calls) - 1; i >= 0; i-- {
			if c := a.calls[i]; c.several && c.at == f.At {
				return c
			}
		}
	case f.At > 0 && f.Name != "":
		return nil
	}
	return last
}

// sameCall is call c if a fragment that has a name is of it, and nil if it
// begins another. One of the two has no id.
func (a *Assembler) sameCall(c *call, f *Fragment) *call {
	repeats, indexed := f.Name == c.name, f.Index != nil
	switch {
	case f.Name == "" || c.name == "" || a.splits(c.name, f.Name):
		return c
	case c.args.whole() && blank(f.Arguments):
		if repeats {
			c.again = c.again || !indexed
			return c
		}
	case c.args.whole():
		c.unclear = c.unclear || repeats && (c.args.empty() || c.args.says(f.Arguments))
	case c.args.begun():
		if repeats {
			return c
		}
	case repeats:
		c.again = !indexed
		return c
	case a.known(c.name) && a.known(f.Name):
		c.unclear = a.known(c.name + f.Name)
	case indexed:
		return c // the name comes in pieces, and the request has no such tool
	case !a.known(c.name) && !a.known(f.Name):
		c.unclear = true
	}
	return nil
}

// withID is the call with the fragment's id, or nil. Of several, it is the one at
// its index, or the latest.
func (a *Assembler) withID(f *Fragment) (c *call) {
	for i := len(a.calls) - 1; i >= 0 && f.ID != ""; i-- {
		switch o := a.calls[i]; {
		case o.id != f.ID:
		case f.Index != nil && o.index != nil && *o.index == *f.Index:
			return o
		case c == nil:
			c = o
		}
	}
	return c
}

// at is the latest call at an index, or nil.
func (a *Assembler) at(index int) *call {
	for i := len(a.calls) - 1; i >= 0; i-- {
		if c := a.calls[i]; c.index != nil && *c.index == index {
			return c
		}
	}
	return nil
}

// onlyOpen is the only call whose arguments are not whole; nil: there is none, or
// there are several.
func (a *Assembler) onlyOpen() (open *call) {
	for _, c := range a.calls {
		if !c.args.whole() {
			if open != nil {
				return nil
			}
			open = c
		}
	}
	return open
}

// known reports whether the request has a tool of that name.
func (a *Assembler) known(name string) bool {
	for i := range a.Tools {
		if a.Tools[i].Name == name {
			return true
		}
	}
	return false
}

// splits reports whether a name and what comes next are the pieces of one
// tool's name.
func (a *Assembler) splits(name, next string) bool {
	if a.known(name) {
		return !a.known(next) && (a.known(name+next) || a.extends(name, next))
	}
	return a.begins(name+next) || a.extends(name, next)
}

// extends reports whether next has all of name and more of a tool's name.
func (a *Assembler) extends(name, next string) bool {
	return len(next) > len(name) && strings.HasPrefix(next, name) && a.begins(next) && !a.known(name)
}

// begins reports whether a tool's name begins with s.
func (a *Assembler) begins(s string) bool {
	for i := range a.Tools {
		if strings.HasPrefix(a.Tools[i].Name, s) {
			return true
		}
	}
	return false
}

// joinName is a name with the next piece of it: servers send it once, whole with
// each fragment, in pieces, or each time with more of it.
func (a *Assembler) joinName(name, next string) string {
	switch {
	case next == "" || name == "":
		return name + next
	case !a.known(name) && a.begins(name+next), a.known(name+next) && !a.known(next):
		return name + next
	case name == next:
		return name
	case strings.HasPrefix(next, name):
		return next
	}
	return name + next
}
