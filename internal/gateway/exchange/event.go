package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// WriteEvent writes a server-sent event; name may be empty.
func WriteEvent(w io.Writer, name string, v any) error { return eventsOf(w).event(name, v) }

func eventsOf(w io.Writer) *eventWriter {
	if e, ok := w.(*eventWriter); ok {
		return e
	}
	return &eventWriter{to: w}
}

// eventWriter writes a stream of events, and uses its memory for each of them again.
type eventWriter struct {
	to   io.Writer
	buf  bytes.Buffer
	json *json.Encoder // into buf
}

// mostKept is how large an event may be whose memory is kept for the next one, bytes.
const mostKept = 16 << 10

// Write writes what is no event.
func (e *eventWriter) Write(data []byte) (int, error) { return e.to.Write(data) }

func (e *eventWriter) event(name string, v any) error {
	e.reset()
	if err := e.put(name, v); err != nil {
		return err
	}
	return e.send()
}

func (e *eventWriter) reset() {
	if e.json == nil || e.buf.Cap() > mostKept {
		e.buf = bytes.Buffer{}
		e.json = json.NewEncoder(&e.buf)
	}
	e.buf.Reset()
}

// put writes an event into the memory.
func (e *eventWriter) put(name string, v any) error {
	if name != "" {
		e.buf.WriteString("event: ")
		e.buf.WriteString(name)
		e.buf.WriteByte('\n')
	}
	e.buf.WriteString("data: ")
	if err := e.json.Encode(v); err != nil { // with the end of the line
		return err
	}
	e.buf.WriteByte('\n')
	return nil
}

func (e *eventWriter) send() error {
	_, err := e.to.Write(e.buf.Bytes())
	return err
}

// Frame is what the events of a stream have in common that differ in one text alone. To
// write such a text takes a fraction of what encoding the event takes.
type Frame struct{ head, tail []byte }

// FrameText is the text of a frame's example that the texts of events are put in place of.
const FrameText = "\x00"

// NewFrame is the frame of events like the example, which has [FrameText] as one of its
// texts, behind whatever else a user or a model wrote.
func NewFrame(name string, example any) (Frame, error) {
	var e eventWriter
	e.reset()
	if err := e.put(name, example); err != nil {
		return Frame{}, err
	}
	mark := []byte(`"\u0000"`)
	at := bytes.LastIndex(e.buf.Bytes(), mark)
	if at < 0 {
		return Frame{}, fmt.Errorf("the example of the event %q does not have the text", name)
	}
	return Frame{head: e.buf.Bytes()[:at:at], tail: e.buf.Bytes()[at+len(mark):]}, nil
}

// IsZero reports whether the frame is none.
func (f Frame) IsZero() bool { return f.head == nil }

// Write writes an event with its text.
func (f Frame) Write(w io.Writer, text string) error {
	e := eventsOf(w)
	e.reset()
	e.buf.Write(f.head)
	e.text(text)
	e.buf.Write(f.tail)
	return e.send()
}

// text writes a text as JSON into the memory, as an encoder would.
func (e *eventWriter) text(s string) {
	if !isPlain(s) {
		quoted, _ := json.Marshal(s) // a text always has a JSON form
		e.buf.Write(quoted)
		return
	}
	b := append(e.buf.AvailableBuffer(), '"')
	from := 0
	for i := range len(s) {
		sign := s[i]
		switch sign {
		case '"', '\\':
		case '\n':
			sign = 'n'
		case '\r':
			sign = 'r'
		case '\t':
			sign = 't'
		default:
			continue
		}
		b = append(append(b, s[from:i]...), '\\', sign)
		from = i + 1
	}
	b = append(append(b, s[from:]...), '"')
	e.buf.Write(b)
}

// isPlain reports whether a text has no sign that JSON writes as a number, which are
// those that could end a script in a page, too.
func isPlain(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == '<' || c == '>' || c == '&' {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			return false
		}
		i += size
	}
	return true
}
