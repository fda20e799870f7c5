package guard

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// isUpload reports whether the request brings files as a form, to a path that takes some.
func (g *Guard) isUpload(x *request) bool {
	types := x.Header["Content-Type"]
	if g.cfg.Uploads == nil || x.Method != http.MethodPost || len(types) != 1 || !g.cfg.Uploads(x.Request) {
		return false
	}
	kind, _, err := mime.ParseMediaType(types[0])
	return err == nil && kind == "multipart/form-data"
}

// checkUpload wants a header that a page may send to no other site without asking it
// first: a form it may. Clients of OpenAI's API always send one. The browser's own words
// about the page were checked before.
func checkUpload(x *request) *Refusal {
	if len(sentKeys(x.Header)) == 0 {
		return refusef(http.StatusUnauthorized, CodeNoKey,
			"a file has to come with a key, so that no web page can send one unasked; send `Authorization: Bearer KEY`, with any KEY where this server has none")
	}
	if encoding := strings.Join(x.Header["Content-Encoding"], ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refusef(http.StatusUnsupportedMediaType, CodeWrongEncoding, "a form with files must not have a content encoding; send it as it is")
	}
	return nil
}

// upload is a body that the handler reads as it comes. It has an end, in size and time.
type upload struct {
	io.Reader
	io.Closer
	x     *request
	ended bool // all of it was read
}

// readUpload lets the handler read the body itself. A handler has to read it to its end,
// so that net/http sees when the client leaves.
func (g *Guard) readUpload(x *request) (*upload, *Refusal) {
	limits := g.cfg.Limits
	if x.ContentLength > limits.Upload {
		return nil, refusef(http.StatusRequestEntityTooLarge, CodeTooLarge, "the file is larger than %s, which is the limit of this server", size(limits.Upload))
	}
	_ = x.w.control.EnableFullDuplex() // a refusal may come before the end
	_ = x.w.control.SetReadDeadline(time.Now().Add(limits.UploadTime))
	return &upload{Reader: http.MaxBytesReader(x.plain, x.Body, limits.Upload), Closer: x.Body, x: x}, nil
}

// Read reads on. At the end the time to send it is over, too.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		u.ended = true
		u.x.w.bodyRead = true
		_ = u.x.w.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// finish takes and drops what the client still sends, if the handler did not want it.
func (u *upload) finish(g *Guard) {
	if u == nil || u.ended {
		return
	}
	_ = u.x.w.FlushError()
	_ = u.x.w.control.SetReadDeadline(time.Now().Add(min(lingerTime, g.cfg.Limits.UploadTime)))
	_, _ = io.CopyN(io.Discard, u.x.Body, g.cfg.Limits.Upload)
}
