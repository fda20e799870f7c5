package httpx

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/tandem-llm/tandem/internal/apierror"
)

// lines reads whole lines of JSON. A line that the end of the body cut short is
// io.ErrUnexpectedEOF, an error object an InBandError. A server may frame its lines as
// events, or answer with one document over many lines.
type lines struct {
	*frames
	line []byte // the document of the line that was read last; nil: it has none
}

// newLineReader passes the lines on.
func newLineReader(c *Call, body io.ReadCloser, maxLine int) *lines {
	l := &lines{frames: newFrames(c, body, maxLine)}
	l.next = func() error {
		err := l.nextLine()
		if l.line != nil {
			l.buf = append(append(l.buf[:0], l.line...), '\n')
			l.out = l.buf
		}
		return err
	}
	return l
}

// Next is the next line's document.
func (l *lines) Next() ([]byte, error) {
	for l.err == nil {
		l.err = l.nextLine()
		if l.line != nil {
			return l.line, nil // an error comes behind it
		}
	}
	return nil, l.err
}

// nextLine reads one line. Its error may come with a line, the last one.
func (l *lines) nextLine() error {
	c := l.call
	l.line = nil
	line, err := l.readLine()
	if err != nil && err != io.EOF {
		c.Data = c.Data || c.begins(line)
		return err
	}
	if line = bytes.TrimSpace(line); !c.Data {
		line = bytes.TrimPrefix(line, utf8BOM)
	}
	if line = unframed(line); len(line) == 0 {
		return err
	}
	if c.InDelta = c.reads(line); c.InDelta {
		c.came()
		l.line = line
		return err
	}
	if err == nil && !c.Data && line[0] == '{' && isCut(line) {
		line, err = l.readRest(line)
	}
	if err != nil && err != io.EOF {
		return err
	}
	if !json.Valid(line) {
		c.Failure = bytes.Clone(line[:min(len(line), maxFailure)])
		if err == io.EOF && isCut(line) {
			c.Data = c.Data || c.begins(line)
			return io.ErrUnexpectedEOF
		}
		return &NotAPIError{Got: "a line that is not JSON"}
	}
	if apierror.InBand(line) {
		c.Failure = bytes.Clone(line[:min(len(line), maxFailure)])
		return &InBandError{}
	}
	line, e := l.bring(line, asEvent)
	if e != nil {
		return e
	}
	if c.Chat {
		line = keepHalves(line)
	}
	l.line = line
	return err
}

// unframed is the JSON in a line of events; of what is around events, nothing.
func unframed(line []byte) []byte {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || line[0] == '{' {
		return line
	}
	switch string(name) {
	case "", "event", "id", "retry":
		return nil
	case "data":
		if value = bytes.TrimSpace(value); string(value) == "[DONE]" {
			return nil
		}
		return value
	}
	return line
}

// readRest reads the lines that follow the first one, up to a whole document or
// the end of the body.
func (f *frames) readRest(first []byte) ([]byte, error) {
	document := bytes.Clone(first)
	for {
		line, err := f.readLine()
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(document)+len(line) > f.max {
			return nil, f.tooLong()
		}
		// One space, for a line does not end within a text; without those
		// before it, a document takes no more than its line would.
		document = append(append(document, ' '), bytes.TrimSpace(line)...)
		if err == io.EOF || len(line) > 0 && line[0] == '}' && json.Valid(document) {
			return document, err
		}
	}
}
