package httpx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
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
	out  []byte // what Read has still to give of it
	next func() error
	err  error
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

func (f *frames) Close() error { return f.body.Close() }

// readLine returns the next line without its end, valid until the next call.
// At the end of the body it returns what is left, with io.EOF.
func (f *frames) readLine() ([]byte, error) {
	f.line = f.line[:0]
	for {
		part, err := f.r.ReadSlice('\n')
		if e := f.call.countStream(len(part)); e != nil {
			return nil, e
		}
		if len(f.line)+len(part) > f.max {
			return nil, ErrTooLarge
		}
		if err == nil && len(f.line) == 0 {
			return trimEnd(part), nil
		}
		f.line = append(f.line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return trimEnd(f.line), err
	}
}

func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// newLineReader passes on whole lines of JSON. A line that the end of the body
// cut short is io.ErrUnexpectedEOF, an error object an InBandError.
func newLineReader(c *Call, body io.ReadCloser, maxLine int) io.ReadCloser {
	f := newFrames(c, body, maxLine)
	f.next = func() error {
		line, err := f.readLine()
		if err != nil && err != io.EOF {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return err
		}
		if !json.Valid(line) {
			c.Failure = bytes.Clone(line[:min(len(line), maxFailure)])
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return &NotAPIError{Got: "a line that is not JSON"}
		}
		if apierror.InBand(line) {
			c.Failure = bytes.Clone(line[:min(len(line), maxFailure)])
			return &InBandError{}
		}
		c.eventArrived(line)
		if c.Chat {
			line = keepHalves(line)
		}
		f.buf = append(append(f.buf[:0], line...), '\n')
		f.out = f.buf
		return err
	}
	return f
}

// newSSEReader passes on server-sent events in the one form that go-openai
// reads without fail: `data: {…}`, one line, no comments. An error object, or
// an event called error, is an InBandError.
func newSSEReader(c *Call, body io.ReadCloser, maxLine int) io.ReadCloser {
	s := &sse{frames: newFrames(c, body, maxLine)}
	s.next = s.nextEvent
	return s
}

type sse struct {
	*frames
	data    []byte // the event's data so far
	bare    []byte // JSON without `data:` before it, so far
	isError bool
	begun   bool
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
			if e := s.addField(line); e != nil {
				return e
			}
		}
		if len(line) == 0 || err == io.EOF {
			if e := s.endBare(); e != nil {
				return e
			}
		}
		if err == io.EOF {
			return s.endStream()
		}
		if len(line) == 0 && len(s.data) > 0 {
			return s.dispatch()
		}
	}
}

// addField adds one line to the event.
func (s *sse) addField(line []byte) error {
	if line[0] == '{' || line[0] == '[' || len(s.bare) > 0 && !bytes.HasPrefix(line, []byte("data:")) {
		s.bare = append(s.bare, line[:min(len(line), maxFailure-len(s.bare))]...)
		return nil
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		if len(s.data) > 0 {
			s.data = append(s.data, ' ')
		}
		if len(s.data)+len(value) > s.max {
			return ErrTooLarge
		}
		s.data = append(s.data, bytes.TrimSpace(value)...)
	case "event":
		s.isError = string(bytes.TrimSpace(value)) == "error"
	case "error": // llama.cpp once sent `error: {…}`
		s.isError = true
		s.data = append(s.data, value...)
	}
	return nil
}

// endBare ends what came without `data:` before it. Servers that fail before they
// stream, and gateways, send an error so; anything else is no event.
func (s *sse) endBare() error {
	bare := s.bare
	if s.bare = s.bare[:0]; len(bare) == 0 || !apierror.Instead(bare) {
		return nil
	}
	s.call.Failure = bytes.Clone(bare)
	return &InBandError{}
}

// endStream ends the stream: an event without its empty line counts if it is whole.
func (s *sse) endStream() error {
	if len(s.data) == 0 {
		return io.EOF
	}
	if string(s.data) != "[DONE]" && !json.Valid(s.data) {
		return io.ErrUnexpectedEOF
	}
	if err := s.dispatch(); err != nil {
		return err
	}
	return io.EOF
}

// dispatch passes the event on.
func (s *sse) dispatch() error {
	data, isError := s.data, s.isError
	s.data, s.isError = s.data[:0], false
	if string(data) == "[DONE]" {
		s.call.Done = true
		s.out = append(s.buf[:0], "data: [DONE]\n\n"...)
		return nil
	}
	if isError || apierror.InBand(data) {
		s.call.Failure = bytes.Clone(data[:min(len(data), maxFailure)])
		return &InBandError{}
	}
	if !json.Valid(data) {
		s.call.Failure = bytes.Clone(data[:min(len(data), maxFailure)])
		return &NotAPIError{Got: "an event that is not JSON"}
	}
	s.call.eventArrived(data)
	if s.call.Chat {
		data = keepHalves(data)
	}
	s.buf = append(s.buf[:0], "data: "...)
	s.buf = append(s.buf, renameReasoning(data)...)
	s.buf = append(s.buf, "\n\n"...)
	s.out = s.buf
	return nil
}
