package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/tandem-llm/tandem/provider"
)

// maxConns is how many connections one call may try whose server closes them
// before a byte of the request has left.
const maxConns = 8

// errRepeat is in place of a repetition that net/http was about to make: HTTP/2
// has words for "send it again" (GOAWAY, REFUSED_STREAM), and net/http heeds
// them without end.
var errRepeat = errors.New("the server closed the connection, or refused the request, without an answer")

// staleError is the failure of a kept connection; see [provider.ErrStale].
type staleError struct{ err error }

func (e *staleError) Error() string        { return e.err.Error() }
func (e *staleError) Unwrap() error        { return e.err }
func (e *staleError) Is(target error) bool { return target == provider.ErrStale } //nolint:errorlint // this very one

// requestState is how far a call's request has got. net/http repeats a request by
// itself, over new connections, where it believes that a server has not read
// it; what it may not repeat is decided here, as each connection is had.
type requestState struct {
	opaque     bool // it goes by a round tripper that may tell of no connection
	maxSends   int  // how often the request may leave
	sentBefore int  // how often it has left, over connections before the present one
	conns      int  // connections had
	refused    bool
	cancel     context.CancelCauseFunc // of a request without a body

	kept     bool        // it had carried a call before
	answered atomic.Bool // a byte of an answer came over it
	out      *countedConn
	mark     int64        // bytes that had left over out before
	heads    atomic.Int32 // HTTP/2: heads of requests that were written
	headMark int32
}

// connected takes the next connection in. A request that may leave no more is
// kept from doing so: HTTP/2 looks at the context before it writes, and an
// HTTP/1 connection is this request's own.
func (s *requestState) connected(i httptrace.GotConnInfo) {
	s.sentBefore = s.timesSent()
	s.conns++
	s.kept = i.Reused
	s.answered.Store(false)
	s.out, s.mark = nil, 0
	if c := counted(i.Conn); c != nil && !isHTTP2(i.Conn) {
		s.out, s.mark = c, c.out.Load()
	}
	s.headMark = s.heads.Load()
	if s.sentBefore < s.maxSends && s.conns <= maxConns {
		return
	}
	s.refused = true
	if s.cancel != nil {
		s.cancel(errRepeat)
	}
	if !isHTTP2(i.Conn) {
		_ = i.Conn.Close() // nobody waits for what it would say
	}
}

// timesSent is how often the request has left, as far as that can be told: some of
// it was written.
func (s *requestState) timesSent() int {
	switch {
	case s.conns == 0:
		return 0
	case s.out != nil && s.out.out.Load() == s.mark, s.out == nil && s.heads.Load() == s.headMark:
		return s.sentBefore
	}
	return s.sentBefore + 1
}

// mayResend reports whether the request may leave once more.
func (s *requestState) mayResend() bool { return s.timesSent() < s.maxSends && s.conns < maxConns }

// send makes one HTTP call, and sends the request once: whether to send it
// again is the router's to say. What costs nothing ([Call.Free], and whatever
// has no body) may leave twice where a connection
// that was kept turns out to be closed; what has not left at all is free to
// take another connection. req is changed.
func (t *Transport) send(c *Call, req *http.Request) (*http.Response, error) {
	inner, unknown := t.open, t.opaque
	if t.opts.Offline || t.opts.LocalOnly || c.LocalOnly {
		inner, unknown = t.local, false
	}
	s := &c.state
	s.maxSends, s.opaque = 1, unknown
	bare := req.Body == nil || req.Body == http.NoBody
	c.prompt.Store(!c.Free && !bare)
	if c.Free || bare {
		s.maxSends = 2
	}
	if again := req.GetBody; again != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			if !s.mayResend() {
				s.refused = true
				return nil, errRepeat
			}
			return again()
		}
	}
	if !bare {
		return s.roundTrip(inner, req)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	s.cancel = cancel
	resp, err := s.roundTrip(inner, req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &cancelBody{resp.Body, cancel}
	return resp, nil
}

// roundTrip sends the request, over another connection where the kept one is stale
// and the request may leave again.
func (s *requestState) roundTrip(inner roundTripper, req *http.Request) (*http.Response, error) {
	for {
		resp, err := inner.RoundTrip(req)
		if err == nil {
			return resp, nil
		}
		if s.refused && context.Cause(req.Context()) == errRepeat { //nolint:errorlint // this very one
			err = errRepeat
		}
		if !s.stale(err) {
			return nil, err
		}
		inner.CloseIdleConnections() // they are as old, or older
		again := rewindRequest(req)
		if !s.mayResend() || again == nil {
			return nil, &staleError{err}
		}
		req = again
	}
}

// stale reports whether a call failed because the server had closed the
// connection that was kept for it, before a byte of an answer: llama.cpp's
// server does so now and then, without a word. Most likely the request was not
// read then.
func (s *requestState) stale(err error) bool {
	if !s.kept || s.answered.Load() {
		return false
	}
	return s.refused || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection") // net/http has no name for it
}

// rewindRequest is the request once more, or nil.
func rewindRequest(req *http.Request) *http.Request {
	if req.Context().Err() != nil {
		return nil
	}
	req = req.WithContext(req.Context()) // a copy: net/http may still hold the other
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	req.Body = body
	return req
}

// cancelBody ends its call's context when it is closed.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *cancelBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// countedConn counts the bytes that are written to it.
type countedConn struct {
	net.Conn
	out atomic.Int64 // bytes that left, or are about to
}

// Write writes, and counts what was written.
func (c *countedConn) Write(p []byte) (int, error) {
	c.out.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n - len(p)))
	return n, err
}

// countedDial dials connections that count.
func countedDial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: c}, nil
	}
}

// counted is the counted connection under c, or nil.
func counted(c net.Conn) *countedConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*countedConn)
	return own
}

func isHTTP2(c net.Conn) bool {
	t, ok := c.(*tls.Conn)
	return ok && t.ConnectionState().NegotiatedProtocol == "h2"
}
