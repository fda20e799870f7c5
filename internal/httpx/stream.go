package httpx

import (
	"bufio"
	"bytes"
	"io"
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

// maxRest is how much may come behind the end of a stream whose connection is kept.
const maxRest = 4 << 10

// Rest reads what comes behind the end.
func (f *frames) Rest() { _, _ = io.CopyN(io.Discard, f.r, maxRest) } // an error ends the connection

// readLine returns the next line without its end (LF, CR or both), valid until
// the next call. At the end of the body it returns what is left, with io.EOF.
func (f *frames) readLine() ([]byte, error) {
	f.line = f.line[:0]
	for {
		if f.r.Buffered() == 0 && f.call.waits != nil {
			f.call.waits()
		}
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
