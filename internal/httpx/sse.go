package httpx

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/tandem-llm/tandem/internal/apierror"
)

// newSSEReader passes on server-sent events in the one form that go-openai
// reads without fail: `data: {…}`, one line, no comments. An error object, or
// an event called error, is an InBandError. JSON that is not framed as an event
// is taken for one: a whole answer, pieces in lines of their own, an error.
func newSSEReader(c *Call, body io.ReadCloser, maxLine int) *sse {
	s := &sse{frames: newFrames(c, body, maxLine)}
	s.next = s.nextEvent
	return s
}

// Events are the events of an answer.
type Events interface {
	// Next is the next event's document, valid until the next call. At the end the
	// error is io.EOF.
	Next() ([]byte, error)
	// Rest reads what comes behind the end, which is little if anything, up to the end
	// of the body: only then is the connection kept for the next call. It may wait, until
	// the call's context ends.
	Rest()
}

type sse struct {
	*frames
	event   []byte // the document of the event that was read last; nil: it is none
	data    []byte // the event's data so far
	bare    bool   // data is JSON that is not framed
	isError bool
	begun   bool
	notSSE  string // what the answer is by its head, where that is no stream
}

// Next is the next event's document.
func (s *sse) Next() ([]byte, error) {
	if s.err == nil {
		s.event = nil
		s.err = s.next()
		if s.event != nil {
			return s.event, nil // an error comes behind it
		}
		if s.err == nil { // it was the word that the stream is whole
			s.err = io.EOF
		}
	}
	return nil, s.err
}

// Read reads the events in the form that the SDK reads.
func (s *sse) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.event = nil
		done := s.call.Done
		s.err = s.next()
		switch {
		case s.event != nil:
			s.buf = append(append(append(s.buf[:0], "data: "...), s.event...), "\n\n"...)
			s.out = s.buf
		case s.call.Done && !done:
			s.out = append(s.buf[:0], "data: [DONE]\n\n"...)
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// nextEvent reads one event. It returns an error at the end of the body.
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
	case "", "id", "retry":
	default:
		s.complain(line)
	}
	return nil
}

// complain notes an event, or a line that is none, which may tell of a failure.
func (s *sse) complain(data []byte) {
	s.call.Complaint = append(s.call.Complaint[:0], data[:min(len(data), maxFailure)]...)
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
		return nil
	}
	if s.call.InDelta = !isError && !bare && s.call.reads(data); s.call.InDelta {
		s.call.came()
		s.call.Document, s.event = false, data
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
	if s.call.Chat && !bytes.Contains(data, deltaWord) && apierror.Complains(data) {
		s.complain(data)
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
	s.event = data
	return nil
}
