package normalize

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// kind is what a value has to be.
type kind int

const (
	text kind = iota
	integer
	natural // a whole number that is not negative
	number  // of 32 bits
	boolean
	moment // a time, as RFC 3339 has it
	object
	list
	nothing // null: the SDK has the member, and nobody reads it
)

// node is the form of a value. Null is in every form, for the SDKs' decoder
// leaves a member alone that is null.
type node struct {
	kind    kind
	members []member // of an object: those that are read, and those that the SDK has
	each    *node    // of a list: its elements
	flat    bool     // of a list: what has lists in it is mended
	// optional says that a value which is not of the kind, and says nothing that
	// is, counts as null. Else it is an error.
	optional bool
	needed   bool // null is an error
	free     bool // of an object: its members may be anything that can be decoded
	// mend returns what a value of another kind says, in this kind; nil: that of
	// the kind.
	mend func(raw []byte) ([]byte, error)
	// rebuild writes an object anew that is not in form, as a mend among its
	// members has asked for with errRebuild, or as it has none of the members
	// that are required, or two that exclude each other.
	rebuild  func(o map[string]json.RawMessage) (changed bool, err error)
	required uint64   // bits of members
	exclude  []uint64 // each: bits of members that do not stand together
}

// member is a member of an object.
type member struct {
	name string
	as   string // the name that the SDK reads it by, where it is of its kind; empty: its own
	node *node
}

// bits are the places of members in n.
func (n *node) bits(names ...string) (b uint64) {
	for i := range n.members {
		for _, name := range names {
			if n.members[i].name == name {
				b |= 1 << i
			}
		}
	}
	return b
}

var (
	errOther   = errors.New("is of another type")
	errRebuild = errors.New("the object has to be written anew")
)

// maxRebuilt is how often a value may be written anew within one that was.
const maxRebuilt = 8

// walk goes through a document and writes what is not in form anew.
type walk struct {
	src     []byte
	out     []byte // what comes before src[from:]
	from    int
	rebuilt int // how many values around this one were written anew
}

func (w *walk) bytes() []byte {
	if w.from == 0 {
		return w.src
	}
	return append(w.out, w.src[w.from:]...)
}

// replace puts text in place of src[start:end].
func (w *walk) replace(start, end int, text []byte) {
	w.out = append(append(w.out, w.src[w.from:start]...), text...)
	w.from = end
}

var (
	null = []byte("null")
	// begins is how a value begins that is of a kind.
	begins = map[kind]byte{text: '"', object: '{'}
)

// value checks the value at i, and returns where it ends.
func (w *walk) value(n *node, i int) (end int, err error) {
	c := w.src[i]
	switch {
	case c == 'n':
		if n.needed {
			return 0, &Error{Problem: "is null"}
		}
		return i + len(null), nil
	case n.free && c == '{':
		if end = skip(w.src, i); beyondRange(w.src[i:end]) {
			return 0, &Error{Problem: "has a number that is out of range"}
		}
		return end, nil
	case n.kind == object && c == '{':
		return w.object(n, i)
	case n.kind == list && c == '[' && !(n.flat && w.nested(i)):
		return w.list(n, i)
	}
	end = skip(w.src, i)
	raw := w.src[i:end]
	if inForm(n.kind, raw) {
		return end, nil
	}
	mend := n.mend
	if mend == nil {
		mend = mends[n.kind]
	}
	other, err := mend(raw)
	switch {
	case errors.Is(err, errOther) && n.optional:
		other = null
	case errors.Is(err, errOther):
		return 0, &Error{Problem: "is " + what(raw) + " instead of " + expected[n.kind]}
	case err != nil:
		return 0, err
	case n.kind == object || n.kind == list:
		if other, err = w.within(n, other); err != nil {
			return 0, err
		}
	}
	w.replace(i, end, other)
	return end, nil
}

// within brings what a value was mended to into form.
func (w *walk) within(n *node, raw []byte) ([]byte, error) {
	if w.rebuilt == maxRebuilt {
		return nil, &Error{Problem: "is nested too deeply"}
	}
	inner := walk{src: raw, rebuilt: w.rebuilt + 1}
	if _, err := inner.value(n, inner.space(0)); err != nil {
		return nil, err
	}
	return inner.bytes(), nil
}

// nested reports whether the list at i begins with a list.
func (w *walk) nested(i int) bool { return w.src[w.space(i+1)] == '[' }

func (w *walk) object(n *node, start int) (end int, err error) {
	out, from := len(w.out), w.from
	seen, end, err := w.members(n, start)
	asked := errors.Is(err, errRebuild)
	again := asked
	if err == nil && n.rebuild != nil {
		again = n.required != 0 && seen&n.required == 0
		for _, e := range n.exclude {
			again = again || seen&e == e
		}
	}
	if !again || n.rebuild == nil {
		return end, err
	}
	w.out, w.from = w.out[:out], from
	end = skip(w.src, start)
	o, err := n.fields(w.src[start:end])
	if err != nil {
		return 0, err
	}
	changed, err := n.rebuild(o)
	if err != nil {
		return 0, err
	}
	if !changed && !asked {
		_, end, err = w.members(n, start)
		return end, err
	}
	raw, err := json.Marshal(o)
	if err == nil {
		raw, err = w.within(n, raw)
	}
	if err != nil {
		return 0, err
	}
	w.replace(start, end, raw)
	return end, nil
}

// fields are an object's members, by the names that n has for them.
func (n *node) fields(raw []byte) (map[string]json.RawMessage, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, err
	}
	for name, v := range o {
		if i := n.find([]byte(name)); i >= 0 && n.members[i].name != name {
			if delete(o, name); !says(o[n.members[i].name]) {
				o[n.members[i].name] = v
			}
		}
	}
	return o, nil
}

// members checks those of the object at i. seen has those that are not null.
func (w *walk) members(n *node, i int) (seen uint64, end int, err error) {
	for i = w.space(i + 1); w.src[i] != '}'; i = w.space(i) {
		nameEnd := stringEnd(w.src, i)
		at := w.space(nameEnd)
		at = w.space(at + 1) // behind the colon
		m := n.find(w.src[i+1 : nameEnd-1])
		if m < 0 {
			end = skip(w.src, at)
		} else {
			of := &n.members[m]
			if of.as != "" {
				if w.src[at] != begins[of.node.kind] { // nobody reads it
					i = w.next(skip(w.src, at))
					continue
				}
				w.replace(i+1, nameEnd-1, []byte(of.as))
			}
			if w.src[at] != 'n' {
				seen |= 1 << m
			}
			if end, err = w.value(of.node, at); err != nil {
				return seen, end, within(of.name, err)
			}
		}
		i = w.next(end)
	}
	return seen, i + 1, nil
}

// next is where what follows a member or an element begins, its comma skipped.
func (w *walk) next(i int) int {
	if i = w.space(i); w.src[i] == ',' {
		i++
	}
	return i
}

func (w *walk) list(n *node, i int) (end int, err error) {
	at := 0
	for i = w.space(i + 1); w.src[i] != ']'; i = w.space(i) {
		if end, err = w.value(n.each, i); err != nil {
			if errors.Is(err, errRebuild) {
				return end, err
			}
			return end, within("["+strconv.Itoa(at)+"]", err)
		}
		at++
		i = w.next(end)
	}
	return i + 1, nil
}

func (w *walk) space(i int) int { return space(w.src, i) }

// find is the place of the member with a name, as it stands between its quotes,
// or -1.
func (n *node) find(name []byte) int {
	for i := range n.members {
		if string(name) == n.members[i].name {
			return i
		}
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		var plain string
		if json.Unmarshal(quoted(name), &plain) == nil {
			name = []byte(plain)
		}
	}
	ascii := !bytes.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
	for i := range n.members { // as the decoder does
		if of := n.members[i].name; (!ascii || len(of) == len(name)) && bytes.EqualFold(name, []byte(of)) {
			return i
		}
	}
	return -1
}
