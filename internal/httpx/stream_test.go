package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const testLine = 1 << 10

func reader(d Dialect, c *Call, r io.Reader) io.ReadCloser {
	if d == SSE {
		return newSSEReader(c, io.NopCloser(r), testLine)
	}
	return newLineReader(c, io.NopCloser(r), testLine)
}

func TestFrames(t *testing.T) {
	const a = "data: {\"a\":1}\n\n"
	long := `{"a":"` + strings.Repeat("x", testLine) + `"}`
	for what, tc := range map[string]struct {
		d          Dialect
		in, out    string
		err        error
		done, data bool
	}{
		"events":                    {SSE, a + a + "data: [DONE]\n\n", a + a + "data: [DONE]\n\n", nil, true, true},
		"CRLF":                      {SSE, "data: {\"a\":1}\r\n\r\n", a, nil, false, true},
		"BOM":                       {SSE, "\ufeff" + a, a, nil, false, true},
		"no space":                  {SSE, "data:{\"a\":1}\n\n", a, nil, false, true},
		"over lines":                {SSE, "data: {\ndata: \"a\":1}\n\n", "data: { \"a\":1}\n\n", nil, false, true},
		"comments, other fields":    {SSE, ": hi\nid: 7\nretry: 1\nevent: message\n" + a, a, nil, false, true},
		"comments only":             {SSE, strings.Repeat(": hi\n\n", 1000), "", nil, false, false},
		"no last line":              {SSE, a + "data: {\"a\":1}", a + a, nil, false, true},
		"cut in an event":           {SSE, a + "data: {\"a\":", a, io.ErrUnexpectedEOF, false, true},
		"error in band":             {SSE, a + "data: {\"error\":{}}\n\n" + a, a, &InBandError{}, false, true},
		"error, spaced":             {SSE, "data: { \"error\" : \"x\" }\n\n", "", &InBandError{}, false, false},
		"error null is none":        {SSE, "data: {\"error\":null}\n\n", "data: {\"error\":null}\n\n", nil, false, true},
		"the word in a text":        {SSE, "data: {\"t\":\"\\\"error\\\"\"}\n\n", "data: {\"t\":\"\\\"error\\\"\"}\n\n", nil, false, true},
		"event: error":              {SSE, "event: error\ndata: {\"message\":\"x\"}\n\n", "", &InBandError{}, false, false},
		"error: field":              {SSE, "error: {\"message\":\"x\"}\n\n", "", &InBandError{}, false, false},
		"an error without data:":    {SSE, "{\"error\":\"x\"}\n", "", &InBandError{}, false, false},
		"a bare error, last":        {SSE, a + "{\"code\":429,\"message\":\"x\"}", a, &InBandError{}, false, true},
		"a bare error, indented":    {SSE, "{\n  \"error\": {\n    \"message\": \"x\"\n  }\n}\n", "", &InBandError{}, false, false},
		"a bare list":               {SSE, "[{\n  \"error\": {\"code\": 503,\n    \"message\": \"x\"}\n}\n]\n\n" + a, "", &InBandError{}, false, false},
		"a bare detail":             {SSE, "{\"detail\":\"x\"}\n\n", "", &InBandError{}, false, false},
		"a bare object is an event": {SSE, "{\"a\":1}\n\n" + a, a + a, nil, false, true},
		"an error in a list":        {SSE, "data: [{\"error\":{\"message\":\"x\"}}]\n\n", "", &InBandError{}, false, false},
		"a status, no error":        {SSE, "data: {\"code\":503,\"message\":\"x\"}\n\n", "", &InBandError{}, false, false},
		"bare, too long":            {SSE, "{\"error\":\"" + strings.Repeat("x", testLine-20) + "\n" + strings.Repeat("x\n", 100<<10) + a, "", ErrTooLarge, false, false},
		"garbage":                   {SSE, "data: gremlins\n\n", "", &NotAPIError{}, false, false},
		"no events at all":          {SSE, "gremlins\ngremlins\n", "", nil, false, false},
		"too long an event":         {SSE, a + "data: " + long + "\n\n", a, ErrTooLarge, false, true},
		"too long over lines":       {SSE, strings.Repeat("data: "+strings.Repeat("x", 100)+"\n", 20), "", ErrTooLarge, false, false},
		"CR":                        {SSE, "data: {\"a\":1}\r\rdata: [DONE]\r\r", a + "data: [DONE]\n\n", nil, true, true},
		"DONE in quotes":            {SSE, a + "data: \"[DONE]\"\n\n", a + "data: [DONE]\n\n", nil, true, true},
		"DONE alone":                {SSE, a + "[DONE]\n", a + "data: [DONE]\n\n", nil, true, true},
		"bare lines":                {SSE, "{\"a\":1}\n{\"a\":1}\n[DONE]\n", a + a + "data: [DONE]\n\n", nil, true, true},
		"a bare document":           {SSE, "{\n  \"a\":\n\n    {\"b\": 1}\n}\n", "data: { \"a\": {\"b\": 1} }\n\n", nil, false, true},
		"a bare document, cut":      {SSE, "{\n  \"a\":\n", "", io.ErrUnexpectedEOF, false, false},
		"a log's line":              {SSE, "[INFO] ready\n{oops\n" + a, a, nil, false, true},
		"lines as events":           {NDJSON, ": hi\nevent: message\ndata: {\"a\":1}\n\ndata: [DONE]\n\n", "{\"a\":1}\n", nil, false, true},
		"lines, BOM and CR":         {NDJSON, "\ufeff{\"a\":1}\r{\"b\":2}\r", "{\"a\":1}\n{\"b\":2}\n", nil, false, true},
		"one document":              {NDJSON, "{\n  \"a\": 1\n}\n", "{ \"a\": 1 }\n", nil, false, true},
		"one document, cut":         {NDJSON, "{\n  \"a\": 1\n", "", io.ErrUnexpectedEOF, false, false},
		"lines":                     {NDJSON, "{\"a\":1}\n\n{\"b\":2}\n", "{\"a\":1}\n{\"b\":2}\n", nil, false, true},
		"lines, CRLF":               {NDJSON, "{\"a\":1}\r\n", "{\"a\":1}\n", nil, false, true},
		"lines, no last end":        {NDJSON, "{\"a\":1}", "{\"a\":1}\n", nil, false, true},
		"lines, cut":                {NDJSON, "{\"a\":1}\n{\"a\"", "{\"a\":1}\n", io.ErrUnexpectedEOF, false, true},
		"lines, error":              {NDJSON, "{\"a\":1}\n{\"error\":\"x\"}\n", "{\"a\":1}\n", &InBandError{}, false, true},
		"lines, garbage":            {NDJSON, "gremlins\n", "", &NotAPIError{}, false, false},
		"lines, too long":           {NDJSON, long + "\n", "", ErrTooLarge, false, false},
		"lines, nothing":            {NDJSON, "", "", nil, false, false},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, byte by byte %v", what, slow), func(t *testing.T) {
				var in io.Reader = strings.NewReader(tc.in)
				if slow {
					in = iotest.OneByteReader(in)
				}
				c := &Call{}
				out, err := io.ReadAll(reader(tc.d, c, in))
				if string(out) != tc.out || kind(err) != kind(tc.err) {
					t.Errorf("got %q, %v\nwant %q, %v", out, err, tc.out, tc.err)
				}
				if c.Done != tc.done || c.Data != tc.data {
					t.Errorf("done %v, data %v", c.Done, c.Data)
				}
			})
		}
	}
}

// kind is an error as far as the adapters tell errors apart.
func kind(err error) string {
	var inBand *InBandError
	var notAPI *NotAPIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &inBand):
		return "in band"
	case errors.As(err, &notAPI):
		return "not the API"
	}
	return err.Error()
}

// chunks gives its data in pieces whose sizes come from a list.
type chunks struct {
	data, sizes []byte
	next        int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := len(c.data)
	if len(c.sizes) > 0 {
		n = int(c.sizes[c.next%len(c.sizes)])%17 + 1
		c.next++
	}
	n = copy(p[:min(n, len(p), len(c.data))], c.data)
	c.data = c.data[n:]
	return n, nil
}

// FuzzFrames: however the network cuts a stream, the same frames and the same
// end come out of it; each is one line of JSON; no memory is held beyond a line.
func FuzzFrames(f *testing.F) {
	for _, in := range []string{
		"data: {\"a\":1}\n\ndata: [DONE]\n\n", "\ufeffdata:{\"a\":\ndata:1}\r\n\r\n", ": hi\n\nevent: error\ndata: {}\n\n",
		"data: {\"a\":\"wörld\",\"reasoning\":\"\"}", "{\"a\":1}\n{\"error\":\"x\"}\n", "{\"a\":\"" + strings.Repeat("x", 2*testLine), "\r\n\r\r\n", "data\ndata:\n\n",
	} {
		f.Add([]byte(in), []byte{0}, true)
		f.Add([]byte(in), []byte{4, 1, 16}, false)
	}
	f.Fuzz(func(t *testing.T, in, sizes []byte, sse bool) {
		d := NDJSON
		if sse {
			d = SSE
		}
		one, two := &Call{Chat: true}, &Call{Chat: true}
		whole, wholeErr := io.ReadAll(reader(d, one, &chunks{data: in}))
		cut := reader(d, two, &chunks{data: in, sizes: sizes})
		pieces, piecesErr := io.ReadAll(cut)
		if !bytes.Equal(whole, pieces) || kind(wholeErr) != kind(piecesErr) || one.Done != two.Done || one.Data != two.Data {
			t.Errorf("whole %q, %v\npieces %q, %v", whole, wholeErr, pieces, piecesErr)
		}
		if !bytes.Equal(one.Failure, two.Failure) {
			t.Errorf("failure %q, and in pieces %q", one.Failure, two.Failure)
		}
		if held := framesOf(cut); cap(held.line) > 8*testLine || cap(held.buf) > 16*testLine {
			t.Errorf("holds %d and %d bytes", cap(held.line), cap(held.buf))
		}
	})
}

func framesOf(r io.Reader) *frames {
	if s, ok := r.(*sse); ok {
		return s.frames
	}
	return r.(*lines).frames
}
