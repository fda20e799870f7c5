package httpx

import (
	"io"
	"net/http"
	"time"
)

// BoundedClient is a [PlainClient] that sends header along with every call, over
// what the call has, and whose answers have at most most bytes: more is
// ErrTooLarge. It is for an SDK that reads answers by itself, such as MCP's.
func BoundedClient(p Policy, connect time.Duration, header http.Header, most int64) *http.Client {
	c := PlainClient(p, connect)
	c.Transport = &boundedTransport{RoundTripper: c.Transport, header: header, most: most}
	return c
}

type boundedTransport struct {
	http.RoundTripper
	header http.Header
	most   int64
}

// RoundTrip makes one HTTP call.
func (t *boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if len(t.header) > 0 {
		req = req.Clone(req.Context())
		for name, values := range t.header {
			req.Header[name] = values
		}
	}
	resp, err := t.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: t.most}
	return resp, nil
}

// CloseIdleConnections closes the connections that no call is using.
func (t *boundedTransport) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read reads as much as the answer may still have.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)]) // one more, to meet the end
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
