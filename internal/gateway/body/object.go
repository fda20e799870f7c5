package body

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// Object is a JSON object of a request. Its readers note a mistake in the [Reader]
// and return the zero value. A member that is null counts as absent.
type Object struct {
	r   *Reader
	at  place
	all *members // nil: there are none
}

// Names are the members' names, in their order.
func (o Object) Names() []string {
	if o.all == nil {
		return nil
	}
	names := make([]string, len(o.all.list))
	for i := range o.all.list {
		names[i] = o.all.list[i].name
	}
	return names
}

// Path is where the object is, such as messages[1]; empty: it is the body.
func (o Object) Path() string { return o.at.String() }

// PathOf is the path of a member.
func (o Object) PathOf(name string) string { return join(o.at.String(), name) }

// value is a member's JSON, a part of the body; nil: there is none.
func (o Object) value(name string) json.RawMessage {
	raw, _ := o.all.find(name)
	return raw
}

// Has reports whether there is such a member, and it is not null.
func (o Object) Has(name string) bool {
	raw, ok := o.all.find(name)
	return ok && kindOf(raw) != KindNull
}

// Raw is a member's JSON as it came; nil: there is none.
func (o Object) Raw(name string) json.RawMessage {
	if !o.Has(name) {
		return nil
	}
	return bytes.Clone(o.value(name)) // which outlives the body
}

// Kind is what a member is, or "" where there is none.
func (o Object) Kind(name string) Kind {
	if !o.Has(name) {
		return ""
	}
	return kindOf(o.value(name))
}

// Failf notes a mistake of the dialect's own about a member.
func (o Object) Failf(name, format string, args ...any) {
	path := o.at.String()
	if name != "" {
		path = o.PathOf(name)
	}
	o.r.Failf(path, format, args...)
}

// Missing notes that a member is missing which has to be there, and names one that may
// have been meant to be it, or else what to do.
func (o Object) Missing(name, remedy string) {
	if near, ok := diag.Nearest(name, o.Names()); ok && near != name {
		remedy = fmt.Sprintf("there is %q: did you mean %q?", textx.Brief(near, 80), name)
	}
	if remedy != "" {
		remedy = "; " + remedy
	}
	o.Failf(name, "it is missing%s", remedy)
}

// is reports whether there is a member of that kind; another kind is a mistake.
func (o Object) is(name string, kind Kind) bool {
	have := o.Kind(name)
	if have != "" && have != kind {
		o.Failf(name, "it has to be %s, not %s", kind, have)
	}
	return have == kind
}

// Text is a member that is a text, or "".
func (o Object) Text(name string) string {
	if !o.is(name, KindString) {
		return ""
	}
	return textOf(o.value(name))
}

// Bool is a member that is true or false; nil: there is none.
func (o Object) Bool(name string) *bool {
	if !o.is(name, KindBool) {
		return nil
	}
	var b bool
	_ = json.Unmarshal(o.value(name), &b)
	return &b
}

// True reports whether a member is true.
func (o Object) True(name string) bool {
	b := o.Bool(name)
	return b != nil && *b
}

// Float is a member that is a number from lowest to highest; nil: there is none.
func (o Object) Float(name string, lowest, highest float64) *float64 {
	if !o.is(name, KindNumber) {
		return nil
	}
	f, err := strconv.ParseFloat(string(trim(o.value(name))), 64)
	if err != nil || f < lowest || f > highest {
		o.Failf(name, "it has to be a number from %v to %v", lowest, highest)
		return nil
	}
	return &f
}

// Int is a member that is a whole number from lowest to highest; nil: there is none.
// 5.0 is one, too.
func (o Object) Int(name string, lowest, highest int64) *int64 {
	if !o.is(name, KindNumber) {
		return nil
	}
	text := string(trim(o.value(name)))
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			o.Failf(name, "it has to be a whole number")
			return nil
		}
		n = int64(f)
	}
	if n < lowest || n > highest {
		if highest == math.MaxInt64 {
			o.Failf(name, "it has to be at least %d", lowest)
		} else {
			o.Failf(name, "it has to be from %d to %d", lowest, highest)
		}
		return nil
	}
	return &n
}

// Object is a member that is an object; ok is false where there is none.
func (o Object) Object(name string) (member Object, ok bool) {
	if !o.is(name, KindObject) {
		return Object{r: o.r, at: place{path: o.PathOf(name)}}, false
	}
	return o.r.object(o.value(name), place{path: o.PathOf(name)}), true
}

// List is a member that is a list, or nil.
func (o Object) List(name string) []Item {
	if !o.is(name, KindArray) {
		return nil
	}
	return o.r.items(o.value(name), o.PathOf(name))
}

// Texts is a member that is a list of texts.
func (o Object) Texts(name string) []string {
	var out []string
	for _, item := range o.List(name) {
		out = append(out, item.Text())
	}
	return out
}

// OneOrMore is a member that is a text or a list of texts, as stop is.
func (o Object) OneOrMore(name string) []string {
	if o.Kind(name) == KindString {
		return []string{o.Text(name)}
	}
	return o.Texts(name)
}

// Value is a member as encoding/json reads it, numbers as json.Number; nil: there is
// none.
func (o Object) Value(name string) any {
	if !o.Has(name) {
		return nil
	}
	return value(o.value(name))
}
