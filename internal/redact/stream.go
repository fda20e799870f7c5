package redact

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Stream returns a writer for a text that comes in pieces, which passes it on to
// w without secrets. What may be the beginning of one waits for what follows: as
// many words as the longest secret has, at most a line. In a word of more than
// mostWaiting bytes, up to 7 characters of a secret may pass.
func (r *Redactor) Stream(w io.StringWriter) io.StringWriter { return &stream{redactor: r, to: w} }

type stream struct {
	redactor *Redactor
	to       io.StringWriter
	waiting  string
}

// mostWaiting is how much of a text without white space waits, in bytes.
const mostWaiting = 4 << 10

func (s *stream) WriteString(text string) (int, error) {
	s.waiting += text
	end := s.certain()
	if end == 0 {
		return len(text), nil
	}
	out := s.redactor.Text(s.waiting[:end])
	s.waiting = s.waiting[end:]
	if _, err := s.to.WriteString(out); err != nil {
		return 0, err
	}
	return len(text), nil
}

// certain is how much of what waits no longer has to.
func (s *stream) certain() int {
	if len(s.waiting) > mostWaiting {
		return len(s.waiting)
	}
	words, ascii := s.redactor.words()
	ends := func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\n' || words == 1 && ascii && r >= utf8.RuneSelf
	}
	line := strings.LastIndexByte(s.waiting, '\n') + 1
	at := len(s.waiting)
	size := 0
	for range words {
		at = strings.LastIndexFunc(s.waiting[:at], ends)
		if at < line {
			return line
		}
		_, size = utf8.DecodeRuneInString(s.waiting[at:])
	}
	end := at + size
	for _, hit := range merge(append(s.redactor.compiled().find(s.waiting), shapes(s.waiting)...)) {
		if hit.start < end && end < hit.end {
			return hit.start
		}
	}
	return end
}

// words is how many words a secret has at most, at least 1, and whether all are
// ASCII: then the letters of a script without spaces end a word.
func (r *Redactor) words() (most int, ascii bool) {
	most, ascii = 1, true
	for _, secret := range r.List() {
		most = max(most, len(strings.Fields(secret)))
		ascii = ascii && strings.IndexFunc(secret, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	}
	return most, ascii
}
