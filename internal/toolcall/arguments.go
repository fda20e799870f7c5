package toolcall

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// arguments are the pieces of a call's arguments. Servers send the pieces in
// turn, the whole once more at the end, an empty object before it begins, or
// each time all that there is so far.
type arguments struct {
	sum  text  // the pieces, put together
	over *text // with pieces that have all before them in its place; nil: there is none
}

func (a *arguments) add(piece string) {
	if piece == "" {
		return
	}
	before := a.sum.b
	if a.over != nil {
		before = a.over.b
	}
	restates := len(before) > 0 && len(piece) >= len(before) && piece[:len(before)] == string(before)
	if restates && a.over == nil {
		a.over = &text{}
	}
	switch {
	case restates:
		*a.over = text{}
		a.over.add(piece)
	case a.over != nil:
		a.over.add(piece)
	}
	a.sum.add(piece)
}

// begun reports whether anything has come but white space.
func (a *arguments) begun() bool { return a.sum.values > 0 || a.sum.depth > 0 || a.sum.quoted }

// whole reports whether what came may be all.
func (a *arguments) whole() bool {
	return a.sum.whole() || a.over != nil && a.over.whole()
}

// empty reports whether what came is an empty object or none.
func (a *arguments) empty() bool { return len(a.sum.b) < 64 && placeholder(a.sum.b) }

// says reports whether s is what came.
func (a *arguments) says(s string) bool { return sameJSON(a.sum.b, []byte(s)) }

// object is the JSON object that the arguments are, or why they are none. rest
// ends them.
func (a *arguments) object(rest string) (_ json.RawMessage, why string, cut bool) {
	a.add(rest)
	object, why, cut := a.sum.object()
	if why != "" && a.over != nil {
		if o, w, _ := a.over.object(); w == "" {
			return o, "", false
		}
	}
	return object, why, cut
}

// text is JSON that comes in pieces: as a rule, one value. It knows where a
// value ends without reading it twice.
type text struct {
	b       []byte
	values  int // that have ended
	depth   int // of brackets that are open
	quoted  bool
	escaped bool
	bare    bool // in a number or a word
}

func (t *text) add(piece string) {
	t.b = append(t.b, piece...)
	for i := range len(piece) {
		t.next(piece[i])
	}
}

func (t *text) next(c byte) {
	switch {
	case t.escaped:
		t.escaped = false
	case t.quoted && c == '\\':
		t.escaped = true
	case c == '"':
		t.bare = false
		if t.quoted = !t.quoted; !t.quoted && t.depth == 0 {
			t.values++
		}
	case t.quoted:
	case c == '{', c == '[':
		t.bare = false
		t.depth++
	case c == '}', c == ']':
		if t.depth--; t.depth == 0 {
			t.values++
		}
	case t.depth != 0, c == ' ', c == '\t', c == '\r', c == '\n':
		t.bare = false
	case !t.bare:
		t.bare = true
		t.values++
	}
}

// whole reports whether a value has ended, and no other has begun.
func (t *text) whole() bool { return t.values > 0 && t.depth == 0 && !t.quoted }

// object is the object that the text is. The same object may stand there
// several times, and empty ones, null or an empty text around it.
func (t *text) object() (_ json.RawMessage, why string, cut bool) {
	if len(bytes.TrimSpace(t.b)) == 0 {
		return json.RawMessage("{}"), "", false
	}
	if t.values == 1 && bytes.HasPrefix(t.b, []byte{'{'}) && json.Valid(t.b) {
		return t.b, "", false
	}
	var found json.RawMessage
	d := json.NewDecoder(bytes.NewReader(t.b))
	for {
		var v json.RawMessage
		err := d.Decode(&v)
		switch {
		case err == io.EOF:
			return found, "", false
		case err != nil:
			return nil, whyArguments, errors.Is(err, io.ErrUnexpectedEOF)
		}
		if v = unquoted(v); v == nil {
			return nil, whyArguments, false
		}
		switch {
		case found == nil, placeholder(found):
			found = v
		case placeholder(v):
		case !sameJSON(found, v):
			return nil, whyTwice, false
		}
	}
}

// unquoted is the object that a value is, or that it is the text of, as small
// models write it; nil: it is none.
func unquoted(v json.RawMessage) json.RawMessage {
	if placeholder(v) {
		return json.RawMessage("{}")
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		v = bytes.TrimSpace([]byte(s))
	}
	if !json.Valid(v) || v[0] != '{' {
		return nil
	}
	return v
}

// placeholder reports whether a value says no more than that there is one.
func placeholder(v []byte) bool {
	switch string(bytes.Join(bytes.Fields(v), nil)) {
	case "", "{}", "null", `""`, `"{}"`, `"null"`:
		return true
	}
	return false
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// breaksOff reports whether a piece of arguments begins a value and does not end it.
func breaksOff(piece string) bool {
	var t text
	t.add(piece)
	return t.depth > 0 || t.quoted
}

// opens reports whether a piece of arguments may be their beginning: that of an
// object, of null or of a text that has an object in it.
func opens(piece string) bool {
	switch piece = strings.TrimSpace(piece); {
	case piece == "" || piece[0] == '{':
		return true
	case piece[0] == '"':
		return len(piece) == 1 || strings.IndexByte("{\\\" ", piece[1]) >= 0
	}
	return strings.HasPrefix("null", piece)
}
