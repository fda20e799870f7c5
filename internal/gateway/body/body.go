// Package body reads the JSON of a request that came over HTTP. A mistake in it is an
// [Error] that says where it is: the line and column of what is not JSON, the path of
// a member that is not what the API takes, never a type of Go's.
package body

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/textx"
)

// Error is a mistake in a request's body.
type Error struct {
	// Param is the path of the member, such as messages[1].content; empty: the body
	// as a whole.
	Param   string
	Message string
}

// Error says what is wrong, and where.
func (e *Error) Error() string {
	if e.Param == "" {
		return e.Message
	}
	return e.Param + ": " + e.Message
}

// Reader reads one body. Its first mistake stays: what is read after it counts for
// nothing, so that a dialect reads all that it takes and asks [Reader.Err] once.
type Reader struct {
	root Object
	err  error
}

// Parse reads a body, which has to hold one JSON object and nothing after it.
func Parse(data []byte) *Reader {
	r := &Reader{}
	r.root = Object{r: r}
	if whole := textx.TrimBOM(data); utf8.Valid(whole) && json.Valid(whole) {
		r.root = r.object(bytes.TrimSpace(whole), place{})
		return r
	}
	text := string(data)
	switch at := textx.InvalidUTF8(text); {
	case len(bytes.TrimSpace(data)) == 0:
		r.fail("", "the body is empty; send a JSON object")
		return r
	case at >= 0:
		r.failAt(text, at, "the text is not UTF-8")
		return r
	}
	text = textx.TrimBOM(text)
	d := json.NewDecoder(strings.NewReader(text))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		r.failSyntax(text, err)
		return r
	}
	at := int(d.InputOffset())
	at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t\r\n"))
	r.failAt(text, at, "the body has more after its JSON object; send one object")
	return r
}

// Object is the body itself; empty after a mistake.
func (r *Reader) Object() Object { return r.root }

// Err is the first mistake, an [Error], or nil.
func (r *Reader) Err() error { return r.err }

// Failf notes a mistake of the dialect's own about the member of that path.
func (r *Reader) Failf(path, format string, args ...any) { r.fail(path, fmt.Sprintf(format, args...)) }

func (r *Reader) fail(path, message string) {
	if r.err == nil {
		r.err = &Error{Param: path, Message: message}
	}
}

func (r *Reader) failAt(text string, offset int, what string) {
	p := textx.PositionOf(text, offset)
	r.fail("", fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, what))
}

func (r *Reader) failSyntax(text string, err error) {
	if e, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // it is never wrapped
		r.failAt(text, max(int(e.Offset)-1, 0), "this is not JSON: "+strings.TrimPrefix(e.Error(), "json: "))
		return
	}
	r.failAt(text, len(text), "the JSON is cut short")
}

// object takes an object apart, which is a part of the body. Of a member that comes twice
// the last counts, as in most readers; that two readers differ about it is refused.
func (r *Reader) object(raw json.RawMessage, at place) Object {
	o := Object{r: r, at: at}
	if k := kindOf(raw); k != KindObject {
		where := "it"
		path := at.String()
		if path == "" {
			where = "the body"
		}
		r.fail(path, where+" has to be an object, not "+string(k))
		return o
	}
	o.all = &members{}
	eachMember(raw, func(name string, value []byte) bool {
		if o.all.add(member{name, value}) {
			return true
		}
		r.fail(join(at.String(), name), "it comes twice")
		return false
	})
	return o
}

// place is where a value is: the path of an object's member, or of a list and the
// element's number there.
type place struct {
	path    string
	element bool
	n       int
}

// String is the path, such as messages[1].
func (p place) String() string {
	if !p.element {
		return p.path
	}
	return p.path + "[" + strconv.Itoa(p.n) + "]"
}

func join(path, name string) string {
	if path == "" {
		return textx.Brief(name, 80)
	}
	return path + "." + textx.Brief(name, 80)
}

// Kind is what a JSON value is, in JSON's own words.
type Kind string

// The kinds of values. A member that is not there has none.
const (
	KindObject Kind = "an object"
	KindArray  Kind = "an array"
	KindString Kind = "a string"
	KindNumber Kind = "a number"
	KindBool   Kind = "a boolean"
	KindNull   Kind = "null"
)

func kindOf(raw json.RawMessage) Kind {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '{':
		return KindObject
	case '[':
		return KindArray
	case '"':
		return KindString
	case 't', 'f':
		return KindBool
	case 'n':
		return KindNull
	}
	return KindNumber
}
