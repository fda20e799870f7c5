package body

import (
	"bytes"
	"encoding/json"
)

// Item is an element of a list.
type Item struct {
	r   *Reader
	at  place
	raw json.RawMessage // a part of the body
}

func (r *Reader) items(raw json.RawMessage, path string) (out []Item) {
	eachElement(raw, func(one []byte) { out = append(out, Item{r, place{path, true, len(out)}, one}) })
	return out
}

// Path is where the item is, such as messages[1].
func (i Item) Path() string { return i.at.String() }

// Kind is what it is; [KindNull] is one, too.
func (i Item) Kind() Kind { return kindOf(i.raw) }

// Raw is its JSON as it came.
func (i Item) Raw() json.RawMessage { return bytes.Clone(i.raw) } // which outlives the body

// Failf notes a mistake about it.
func (i Item) Failf(format string, args ...any) { i.r.Failf(i.Path(), format, args...) }

// Text is the text that it has to be.
func (i Item) Text() string {
	if k := i.Kind(); k != KindString {
		i.Failf("it has to be a string, not %s", k)
		return ""
	}
	return textOf(i.raw)
}

// Object is the object that it has to be.
func (i Item) Object() Object { return i.r.object(i.raw, i.at) }

// Value is the item as encoding/json reads it, numbers as json.Number.
func (i Item) Value() any { return value(i.raw) }

func value(raw json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v) // it is known to be JSON
	return v
}

func trim(raw json.RawMessage) json.RawMessage { return bytes.TrimSpace(raw) }
