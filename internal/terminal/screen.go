package terminal

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// screen is a standard stream that is a terminal. Everything that the program
// writes there goes through it, so that no path to a terminal is forgotten: what
// a model, a server, a file or a user's argument brought does nothing to it (see
// chatui.Filter). Our own colours are written with mark in place of ESC, which
// nobody else knows. A stream that is not a terminal gets everything byte for byte.
type screen struct {
	file   *os.File
	mark   []byte
	filter chatui.Filter
	held   []byte // what may be the beginning of a mark
	buf    []byte
}

// newMark returns what stands for ESC in this process.
func newMark() string { return "\x1b" + rand.Text() }

// Write writes what of p may be shown.
func (s *screen) Write(p []byte) (int, error) {
	n := len(p)
	if len(s.held) > 0 {
		p = append(s.held, p...)
		s.held = nil
	}
	s.buf = s.buf[:0]
	for len(p) > 0 {
		at := bytes.IndexByte(p, s.mark[0])
		if at < 0 {
			s.buf = s.filter.Append(s.buf, p)
			break
		}
		s.buf, p = s.filter.Append(s.buf, p[:at]), p[at:]
		switch {
		case bytes.HasPrefix(p, s.mark):
			s.buf, p = append(s.buf, 0x1b), p[len(s.mark):]
		case bytes.HasPrefix(s.mark, p):
			s.held, p = bytes.Clone(p), nil
		default:
			s.buf, p = s.filter.Append(s.buf, p[:1]), p[1:]
		}
	}
	if _, err := s.file.Write(s.buf); err != nil {
		return 0, err
	}
	return n, nil
}

// unmarked is a standard stream that is not a terminal: colours that the user asked
// for with --color always, and everything else byte for byte.
type unmarked struct {
	w    io.Writer
	mark []byte
}

// Write writes p.
func (u *unmarked) Write(p []byte) (int, error) {
	if !bytes.Contains(p, u.mark) {
		return u.w.Write(p)
	}
	if _, err := u.w.Write(bytes.ReplaceAll(p, u.mark, []byte{0x1b})); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Raw is the stream below Out or Err, for what has been made safe already and
// moves the cursor: an editor, a progress bar, formatted text.
func Raw(w io.Writer) io.Writer {
	switch s := w.(type) {
	case *screen:
		return s.file
	case *unmarked:
		return s.w
	}
	return w
}

// WriteJSON writes v as JSON on one line. On a terminal, what must not be shown there is
// written as escapes: the value stays the same.
func WriteJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	data := b.Bytes()
	if _, ok := w.(*screen); ok {
		data = escapeHidden(data)
	}
	_, err := w.Write(data)
	return err
}

// escapeHidden writes what a terminal must not be shown in JSON as its escapes:
// it is in strings only.
func escapeHidden(data []byte) []byte {
	if bytes.IndexFunc(data, chatui.Hidden) < 0 {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for _, r := range string(data) {
		switch {
		case !chatui.Hidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
