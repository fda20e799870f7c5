// Package redact takes secrets out of texts that are shown, written down or
// sent. A [Redactor] is told every secret that the process comes to know, and
// is asked at the sinks: standard error, the log, recordings, traces, and what
// goes from one server to another.
//
// A secret is found in whatever form a text may have it: as it is, in either
// case, with the escapes of JSON, Go, shells, URLs and HTML, also several deep,
// and in base64 and hex. So is a part of one, from 8 characters on: where a
// text was cut, most of a key may be left. What merely has the form of a
// well-known service's key is taken out, too.
//
// Redact a text before cutting it.
package redact

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask stands where a secret was.
const Mask = "[redacted]"

// Shortest is the length, in bytes, below which a secret is not looked for:
// "test" is a word, too. The same holds for a part of a secret.
const Shortest = 8

// Redactor knows secrets. The zero value and nil know none, and find what has
// the form of a key. It is safe for concurrent use.
type Redactor struct {
	mu    sync.Mutex
	known map[string]bool
	table atomic.Pointer[table] // nil: to be made of known, or nothing is known
}

// Add tells the redactor secrets. White space around one is dropped.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if s = strings.TrimSpace(s); len(s) < Shortest || r.known[s] {
			continue
		}
		if r.known == nil {
			r.known = map[string]bool{}
		}
		r.known[s] = true
		r.table.Store(nil)
	}
}

// List returns the secrets that the redactor was told, in no order.
func (r *Redactor) List() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.known))
}

// compiled is what is looked for; nil: nothing is.
func (r *Redactor) compiled() *table {
	if r == nil {
		return nil
	}
	if t := r.table.Load(); t != nil {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.table.Load(); t != nil || len(r.known) == 0 {
		return t
	}
	t := newTable(r.known)
	r.table.Store(t)
	return t
}

// Text returns text without secrets. A text that has none comes back as it is.
func (r *Redactor) Text(text string) string {
	r.Pieces([]*string{&text}, nil)
	return text
}

// Told returns text without the secrets that the redactor was told. What merely
// has the form of a key stays: it is for what a user wants whole, such as a
// tool's result.
func (r *Redactor) Told(text string) string {
	spans := merge(r.compiled().find(text))
	if len(spans) == 0 {
		return text
	}
	return masked(text, 0, len(text), spans)
}

// Knows reports whether text has a secret that the redactor was told, or a part
// of one. What merely has the form of a key does not count.
func (r *Redactor) Knows(text string) bool { return len(r.compiled().find(text)) > 0 }

// Pieces takes secrets out of a text that came in pieces: one may lie over two.
// The mask stands where the secret began. suspect, if not nil, is asked about
// each long word that could be a key by its look. It returns how many were
// found.
func (r *Redactor) Pieces(pieces []*string, suspect func(word string) bool) (found int) {
	var text string
	if len(pieces) == 1 {
		text = *pieces[0]
	} else {
		var whole strings.Builder
		for _, p := range pieces {
			whole.WriteString(*p)
		}
		text = whole.String()
	}
	spans := merge(append(append(r.compiled().find(text), shapes(text)...), suspects(text, suspect)...))
	if len(spans) == 0 {
		return 0
	}
	start := 0
	for _, p := range pieces {
		end := start + len(*p)
		*p = masked(text, start, end, spans)
		start = end
	}
	return len(spans)
}

// masked is text[start:end] with the mask where a span begins.
func masked(text string, start, end int, spans []span) string {
	first, _ := slices.BinarySearchFunc(spans, start, func(s span, at int) int {
		if s.end <= at {
			return -1
		}
		return 1
	})
	var out strings.Builder
	at := start
	for _, s := range spans[first:] {
		if s.start >= end {
			break
		}
		if s.start >= at {
			out.WriteString(text[at:s.start])
			out.WriteString(Mask)
		}
		at = min(s.end, end)
	}
	out.WriteString(text[at:end])
	return out.String()
}

// Error returns err with a text without secrets. What err wraps is still found
// by [errors.Is] and [errors.As], and has its own text.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := r.Text(text); clean != text {
		return &cleanError{clean, err}
	}
	return err
}

type cleanError struct {
	text  string
	cause error
}

func (e *cleanError) Error() string { return e.text }

func (e *cleanError) Unwrap() error { return e.cause }

// Writer returns a writer that passes on to w what it is given, without
// secrets. Each Write is a text of its own.
func (r *Redactor) Writer(w io.Writer) io.Writer { return &writer{r, w} }

type writer struct {
	redactor *Redactor
	to       io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	text := string(p)
	clean := w.redactor.Text(text)
	if clean == text {
		return w.to.Write(p)
	}
	if _, err := io.WriteString(w.to, clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// JSON returns a JSON text without secrets, which is a JSON text again: only
// what strings say, names included, is changed, and a number that is a secret
// becomes a string. What is not JSON comes back as a string that says it.
func (r *Redactor) JSON(data json.RawMessage) json.RawMessage {
	clean, _ := r.JSONWith(data, nil)
	return clean
}

// JSONWith is JSON with a suspect as of [Redactor.Pieces]. It also returns how
// many secrets were found.
func (r *Redactor) JSONWith(data json.RawMessage, suspect func(word string) bool) (clean json.RawMessage, found int) {
	if len(data) == 0 {
		return data, 0
	}
	if !json.Valid(data) {
		text := string(data)
		found = r.Pieces([]*string{&text}, suspect)
		return quote(text), found
	}
	clean = Within(data, func(text string) string {
		found += r.Pieces([]*string{&text}, suspect)
		return text
	})
	return clean, found
}

// Body returns what a server sent without secrets: JSON stays JSON, and all else
// is a text.
func (r *Redactor) Body(data []byte) []byte {
	if json.Valid(data) {
		return r.JSON(data)
	}
	return []byte(r.Text(string(data)))
}
