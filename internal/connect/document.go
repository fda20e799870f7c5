package connect

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// document is the parsed text of a client's file. Changes leave every byte alone
// that is not part of them.
type document interface {
	// find returns the value that is at an entry's place, and its offset in the text.
	find(e entry) (value any, at int, ok bool)
	// add returns the text with an entry that is not there.
	add(e entry) (string, error)
	// remove returns the text without the entry, and without the mappings and lists
	// around it that are empty then, except for the outermost e.depth of them.
	remove(e entry) (string, error)
	// plain is the whole value, for comparisons.
	plain() any
}

// format parses one kind of file. Errors have the place.
type format func(file, text string) (document, error)

// entry is one value that a file gets.
type entry struct {
	Path  []string  `json:"path,omitempty"` // the keys from the root
	Item  string    `json:"item,omitempty"` // not empty: an item of the list at Path, which this key identifies
	Value any       `json:"value"`          // string, bool, int, []any, object or stamp
	Kind  entryKind `json:"kind,omitempty"`
	// Depth is how many of the keys in Path were there before.
	Depth int `json:"depth,omitempty"`
}

// entryKind is whose an entry is.
type entryKind string

const (
	// shared is a setting of the client that the user may have made already.
	shared entryKind = ""
	// own is an entry under a name of ours: nobody else's can be there.
	own entryKind = "own"
	// base is what a file must have to be valid, with any value.
	base entryKind = "base"
)

// name is the entry as messages show it.
func (e entry) name() string {
	name := strings.Join(e.Path, ".")
	if e.Item == "" {
		return name
	}
	id, _ := plainOf(e.Value).(map[string]any)
	return strings.TrimSpace(fmt.Sprintf("%s %s: %v", name, e.Item, id[e.Item]))
}

// isItem reports whether a list's item is the entry.
func (e entry) isItem(item any) bool {
	ours, _ := plainOf(e.Value).(map[string]any)
	theirs, ok := item.(map[string]any)
	return ok && reflect.DeepEqual(theirs[e.Item], ours[e.Item])
}

// object is a mapping whose keys keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON gives the object with its keys in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoted(m.key))
		b.WriteByte(':')
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// stamp is a time, in place of which another is as good: the client renews it.
type stamp string

// plainOf is a value as a document's plain has it: mappings as map[string]any and
// numbers as json.Number.
func plainOf(v any) any {
	switch v := v.(type) {
	case object:
		m := make(map[string]any, len(v))
		for _, x := range v {
			m[x.key] = plainOf(x.value)
		}
		return m
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, x := range v {
			m[key] = plainOf(x)
		}
		return m
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, x := range v {
			m[fmt.Sprint(key)] = plainOf(x)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = plainOf(x)
		}
		return l
	case stamp:
		return string(v)
	case int, int64, uint64, float64:
		return json.Number(fmt.Sprint(v))
	case nil, bool, string, json.Number:
		return v
	default: // a date of TOML's or YAML's
		return fmt.Sprintf("%T %v", v, v)
	}
}

// same reports whether a file has the wanted value. Members of a mapping that we do
// not set are nobody's concern.
func same(have, want any) bool {
	switch want := want.(type) {
	case object:
		m, ok := have.(map[string]any)
		for _, x := range want {
			value, there := m[x.key]
			ok = ok && there && same(value, x.value)
		}
		return ok
	case map[string]any: // as a receipt has it
		m, ok := have.(map[string]any)
		for key, x := range want {
			value, there := m[key]
			ok = ok && there && same(value, x)
		}
		return ok
	case []any:
		list, ok := have.([]any)
		ok = ok && len(list) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = same(list[i], want[i])
		}
		return ok
	case stamp:
		return isTime(have)
	case string:
		return have == want || isTime(have) && isTime(want)
	}
	return reflect.DeepEqual(plainOf(have), plainOf(want))
}

func isTime(v any) bool {
	s, _ := v.(string)
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

// with is a plain value with the entry, as it should be after an add.
func with(v any, e entry) any {
	if len(e.Path) > 0 {
		m, _ := v.(map[string]any)
		out := map[string]any{}
		for key, x := range m {
			out[key] = x
		}
		rest := e
		rest.Path = e.Path[1:]
		out[e.Path[0]] = with(out[e.Path[0]], rest)
		return out
	}
	if e.Item == "" {
		return plainOf(e.Value)
	}
	list, _ := v.([]any)
	return append(append([]any{}, list...), plainOf(e.Value))
}

// quoted is a text as JSON, which TOML and YAML can read too.
func quoted(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// newline is how the lines of a text end.
func newline(text string) string {
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// mistake is an error at an offset of a text.
func mistake(file, text string, at int, message, remedy string) *diag.Error {
	p := textx.PositionOf(text, min(at, len(text)))
	return &diag.Error{File: file, Line: p.Line, Column: p.Column, Message: message, Remedy: remedy}
}
