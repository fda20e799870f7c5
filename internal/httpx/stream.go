package httpx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"github.com/tandem-llm/tandem/internal/apierror"
)

// frames reads a stream frame by frame, in bounded memory, and passes whole
// frames on.
type frames struct {
	call *Call
	body io.ReadCloser
	r    *bufio.Reader
	max  int
	line []byte // the line being read
	buf  []byte // the frame passed on
	form []byte // the document in its form, where it was not
	out  []byte // what Read has still to give of it
	next func() error
	err  error

	afterCR bool // the last line ended with CR
}

func newFrames(c *Call, body io.ReadCloser, maxLine int) *frames {
	return &frames{call: c, body: body, r: bufio.NewReader(body), max: maxLine}
}

func (f *frames) Read(p []byte) (int, error) {
	for len(f.out) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.err = f.next()
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// bring brings a document into the call's form. It is valid until the next call.
func (f *frames) bring(document []byte, to shape) ([]byte, error) {
	out, err := f.call.bring(f.form, document, to)
	if err == nil && len(out) > 0 && &out[0] != &document[0] {
		f.form = out
	}
	return out, err
}

func (f *frames) Close() error { return f.body.Close() }

// readLine returns the next line without its end (LF, CR or both), valid until
// the next call. At the end of the body it returns what is left, with io.EOF.
func (f *frames) readLine() ([]byte, error) {
	f.line = f.line[:0]
	for {
		if _, err := f.r.Peek(1); err != nil {
			return f.line, err
		}
		part, _ := f.r.Peek(f.r.Buffered())
		if f.afterCR && part[0] == '\n' { // the other half of the end before it
			part = part[:1]
		}
		n, ended := lineEnd(part)
		_, _ = f.r.Discard(n) // they are there
		if e := f.call.countStream(n); e != nil {
			return nil, e
		}
		half := f.afterCR && part[0] == '\n'
		f.afterCR = ended && part[n-1] == '\r'
		if half {
			continue
		}
		if part = part[:n]; ended {
			part = part[:n-1]
		}
		if len(f.line)+len(part) > f.max {
			return nil, f.tooLong()
		}
		if ended && len(f.line) == 0 {
			return part, nil
		}
		f.line = append(f.line, part...)
		if ended {
			return f.line, nil
		}
	}
}

// tooLong is the error of a line over the limit, which may be the answer's.
func (f *frames) tooLong() error {
	if most := f.call.maxContent; most > 0 && most <= int64(f.max) {
		return &TooLongError{Most: most}
	}
	return ErrTooLarge
}

// lineEnd is how many bytes of data are of its first line, the byte that ends it
// included, and whether there is one.
func lineEnd(data []byte) (n int, ended bool) {
	n = len(data)
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		n, ended = i+1, true
	}
	if i := bytes.IndexByte(data[:n], '\r'); i >= 0 {
		n, ended = i+1, true
	}
	return n, ended
}

// newLineReader passes on whole lines of JSON. A line that the end of the body
// cut short is io.ErrUnexpectedEOF, an error object an InBandError. A server may
// frame its lines as events, or answer with one document over many lines.
func newLineReader(c *Call, body io.ReadCloser, maxLine int) io.ReadCloser {
	f := newFrames(c, body, maxLine)
	f.next = func() error {
		line, err := f.readLine()
		if err != nil && err != io.EOF {
			return err
		}
		if line = bytes.TrimSpace(line); !c.Data {
			line = bytes.TrimPrefix(line, utf8BOM)
		}
		if line = unframed(line); len(line) == 0 {
			return err
		}
		if err == nil && !c.Data && line[0] == '{' && isCut(line) {
			line, err = f.readRest(line)
		}
		if err != nil && err != io.EOF {
			return err
		}
		if !json.Valid(line) {
			c.Failure = bytes.Clone(line[:min(len(line), maxFailure)])
			if err == io.EOF && isCut(line) {
				return io.ErrUnexpectedEOF
			}
			return &NotAPIError{Got: "a line that is not JSON"}
		}
		if apierror.InBand(line) {
			c.Failure = bytes.Clone(line[:min(len(line), maxFailure)])
			return &InBandError{}
		}
		line, e := f.bring(line, asEvent)
		if e != nil {
			return e
		}
		if c.Chat {
			line = keepHalves(line)
		}
		f.buf = append(append(f.buf[:0], line...), '\n')
		f.out = f.buf
		return err
	}
	return f
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

// newSSEReader passes on server-sent events in the one form that go-openai
// reads without fail: `data: {…}`, one line, no comments. An error object, or
// an event called error, is an InBandError. JSON that is not framed as an event
// is taken for one: a whole answer, pieces in lines of their own, an error.
func newSSEReader(c *Call, body io.ReadCloser, maxLine int) *sse {
	s := &sse{frames: newFrames(c, body, maxLine)}
	s.next = s.nextEvent
	return s
}

type sse struct {
	*frames
	data    []byte // the event's data so far
	bare    bool   // data is JSON that is not framed
	isError bool
	begun   bool
	notSSE  string // what the answer is by its head, where that is no stream
}

// nextEvent reads one event into out. It returns an error at the end of the body.
func (s *sse) nextEvent() error {
	for {
		line, err := s.readLine()
		if err != nil && err != io.EOF {
			return err
		}
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, utf8BOM)
		}
		if len(line) > 0 {
			if e := s.addLine(line); e != nil {
				return e
			}
		}
		switch {
		case err == io.EOF:
			return s.endStream()
		case s.bare && len(line) > 0 && bareEnd(line) && json.Valid(s.data), !s.bare && len(line) == 0 && len(s.data) > 0:
			return s.dispatch()
		}
	}
}

// bareEnd reports whether a line may be the last one of a document: it stands
// alone, or closes what began at the first column.
func bareEnd(line []byte) bool {
	last := line[len(line)-1]
	return (last == '}' || last == ']') && (line[0] == '{' || line[0] == '[' || line[0] == '}' || line[0] == ']')
}

// addLine adds one line to the event.
func (s *sse) addLine(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte{':'})
	switch {
	case string(line) == "[DONE]":
		return s.addData(line)
	case s.bare && (string(name) == "data" || string(name) == "event"): // what began was no JSON
		s.bare, s.data = false, s.data[:0]
	case s.bare, len(s.data) == 0 && startsJSON(line) && (json.Valid(line) || isCut(line)):
		s.bare = true
		return s.addData(line)
	}
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		return s.addData(value)
	case "event":
		s.isError = string(bytes.TrimSpace(value)) == "error"
	case "error": // llama.cpp once sent `error: {…}`
		s.isError = true
		return s.addData(value)
	}
	return nil
}

// startsJSON reports whether a line is the first one of an object, or of a list
// of objects or lists, and not a log's `[INFO]`.
func startsJSON(line []byte) bool {
	switch line[0] {
	case '{':
		return true
	case '[':
		next := firstByte(line[1:])
		return next == 0 || next == '{' || next == '['
	}
	return false
}

// addData adds a line of data to the event.
func (s *sse) addData(value []byte) error {
	if len(s.data) > 0 {
		s.data = append(s.data, ' ')
	}
	if len(s.data)+len(value) > s.max {
		return s.tooLong()
	}
	s.data = append(s.data, bytes.TrimSpace(value)...)
	return nil
}

// endStream ends the stream: an event without its empty line counts if it is whole.
func (s *sse) endStream() error {
	if len(s.data) == 0 {
		if s.notSSE != "" && !s.call.Data && !s.call.Done {
			return &NotAPIError{Got: s.notSSE}
		}
		return io.EOF
	}
	if !isDone(s.data) && !json.Valid(s.data) {
		return io.ErrUnexpectedEOF
	}
	if err := s.dispatch(); err != nil {
		return err
	}
	return io.EOF
}

// isDone reports whether an event's data is the word that the stream is whole.
func isDone(data []byte) bool {
	return string(data) == "[DONE]" || string(data) == `"[DONE]"`
}

// dispatch passes the event on.
func (s *sse) dispatch() error {
	data, isError, bare := s.data, s.isError, s.bare
	s.data, s.isError, s.bare = s.data[:0], false, false
	if isDone(data) {
		s.call.Done = true
		s.out = append(s.buf[:0], "data: [DONE]\n\n"...)
		return nil
	}
	if isError || apierror.InBand(data) || bare && isFailure(data) {
		s.call.Failure = bytes.Clone(data[:min(len(data), maxFailure)])
		return &InBandError{}
	}
	if !json.Valid(data) {
		s.call.Failure = bytes.Clone(data[:min(len(data), maxFailure)])
		return &NotAPIError{Got: "an event that is not JSON"}
	}
	if s.call.Chat && !bytes.Contains(data, choicesWord) && apierror.Instead(data) {
		s.call.Complaint = bytes.Clone(data[:min(len(data), maxFailure)])
	}
	to := asEvent
	if bare && !s.call.Data && bytes.Contains(data, messageWord) {
		to = asDocumentInEvent
	}
	return s.pass(data, to)
}

// pass passes one JSON document on as an event: one of a stream, or a whole answer.
func (s *sse) pass(data []byte, to shape) error {
	s.call.Document = to == asDocumentInEvent
	data, err := s.bring(data, to)
	if err != nil {
		return err
	}
	if s.call.Chat {
		data = keepHalves(data)
	}
	s.buf = append(s.buf[:0], "data: "...)
	s.buf = append(s.buf, data...)
	s.buf = append(s.buf, "\n\n"...)
	s.out = s.buf
	return nil
}
