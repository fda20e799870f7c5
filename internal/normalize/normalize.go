// Package normalize brings the JSON of an answer into the form that the SDKs
// decode. Servers that speak an API write it in many ways: a count as 5.0 or
// "5", a list where there is one thing, a text in parts. A [Form] says which
// members are read and of which type each has to be. What says the same in
// another type is written in that type, what nobody reads may be anything, and
// what says nothing, or several things, is an [Error] that names the member.
//
// A document that is in form is passed on as it is, uncopied.
//
// Where an object has a member twice, the SDKs' decoder decides, as it did
// before: the last one counts, and names are equal whatever their case.
package normalize

import (
	"errors"
	"fmt"
)

// Form is what the documents of one sort of answer look like.
type Form struct {
	event    node // a piece of a stream
	document node // a whole answer
	inEvent  node // a whole answer that comes as the one event of a stream
}

// Event brings one event of a stream into form. It is data itself where that is
// in form already, else it is written over buf. data is valid JSON.
func (f *Form) Event(buf, data []byte) ([]byte, error) { return bring(&f.event, buf, data) }

// Document brings a whole answer into form, as Event does.
func (f *Form) Document(buf, data []byte) ([]byte, error) { return bring(&f.document, buf, data) }

// DocumentInEvent brings a whole answer into the form of an event, as Event does.
func (f *Form) DocumentInEvent(buf, data []byte) ([]byte, error) { return bring(&f.inEvent, buf, data) }

func bring(n *node, buf, data []byte) ([]byte, error) {
	w := walk{src: data, out: buf[:0]}
	i := w.space(0)
	if _, err := w.value(n, i); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Problem: err.Error()}
		}
		return nil, e
	}
	return w.bytes(), nil
}

// Error is a member of an answer that cannot be read.
type Error struct {
	Member  string // such as choices[0].delta.content; empty: the answer itself
	Problem string // what it is, as the rest of a sentence
}

func (e *Error) Error() string {
	if e.Member == "" {
		return "the answer " + e.Problem
	}
	return fmt.Sprintf("%s in the answer %s", e.Member, e.Problem)
}

// within returns err as of a member of the object or list around it.
func within(name string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Member == "":
		e.Member = name
	case e.Member[0] == '[':
		e.Member = name + e.Member
	default:
		e.Member = name + "." + e.Member
	}
	return e
}
