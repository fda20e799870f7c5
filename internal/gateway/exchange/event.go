package exchange

import (
	"bytes"
	"encoding/json"
	"io"
)

// WriteEvent writes a server-sent event; name may be empty.
func WriteEvent(w io.Writer, name string, v any) error {
	e, ok := w.(*eventWriter)
	if !ok {
		e = &eventWriter{to: w}
	}
	return e.event(name, v)
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
	if e.json == nil || e.buf.Cap() > mostKept {
		e.buf = bytes.Buffer{}
		e.json = json.NewEncoder(&e.buf)
	}
	e.buf.Reset()
	if name != "" {
		e.buf.WriteString("event: " + name + "\n")
	}
	e.buf.WriteString("data: ")
	if err := e.json.Encode(v); err != nil { // with the end of the line
		return err
	}
	e.buf.WriteByte('\n')
	_, err := e.to.Write(e.buf.Bytes())
	return err
}
