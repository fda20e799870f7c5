package mcp

import (
	"errors"
	"io"
	"net/http"
	"net/url"
)

// bounded is a client whose answers are bounded, and that sends header along.
func bounded(c *http.Client, header http.Header) *http.Client {
	out := *c
	out.Transport = &boundedTransport{inner: c.Transport, header: header}
	return &out
}

type boundedTransport struct {
	inner  http.RoundTripper
	header http.Header
}

// RoundTrip makes one HTTP call.
func (t *boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if len(t.header) > 0 {
		req = req.Clone(req.Context())
		for name, values := range t.header {
			req.Header[name] = values
		}
	}
	resp, err := t.inner.RoundTrip(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: mostBody}
	return resp, nil
}

var errTooLarge = errors.New("the server sent more than an answer can be")

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read reads as much as the answer may still have.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
