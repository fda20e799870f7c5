package body

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Item is an element of a list.
type Item struct {
	r    *Reader
	path string
	raw  json.RawMessage
}

func (r *Reader) items(raw json.RawMessage, path string) []Item {
	var all []json.RawMessage
	_ = json.Unmarshal(raw, &all) // it is known to be a list
	out := make([]Item, len(all))
	for i, one := range all {
		out[i] = Item{r, fmt.Sprintf("%s[%d]", path, i), one}
	}
	return out
}

// Path is where the item is, such as messages[1].
func (i Item) Path() string { return i.path }

// Kind is what it is; see [Object.Kind]. "null" is one, too.
func (i Item) Kind() string { return kindOf(i.raw) }

// Raw is its JSON as it came.
func (i Item) Raw() json.RawMessage { return i.raw }

// Failf notes a mistake about it.
func (i Item) Failf(format string, args ...any) { i.r.Failf(i.path, format, args...) }

// Text is the text that it has to be.
func (i Item) Text() string {
	if k := i.Kind(); k != "a text" {
		i.Failf("it has to be a text, not %s", k)
		return ""
	}
	return textOf(i.raw)
}

// Object is the object that it has to be.
func (i Item) Object() Object { return i.r.object(i.raw, i.path) }

// Value is the item as encoding/json reads it, numbers as json.Number.
func (i Item) Value() any { return value(i.raw) }

func value(raw json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v) // it is known to be JSON
	return v
}

func trim(raw json.RawMessage) json.RawMessage { return bytes.TrimSpace(raw) }
