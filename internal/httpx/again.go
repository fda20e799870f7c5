package httpx

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
)

// hungUp reports whether a call failed because the server had closed the
// connection that was kept for it, before a byte of an answer: llama.cpp's
// server does so now and then, without a word. The request was most
// likely not read then, and it may be sent once more. Only to this machine's
// own servers: one elsewhere may charge for both.
func hungUp(call *Call, req *http.Request, err error) bool {
	if !call.reused || req.GetBody == nil || !isHere(req.URL.Hostname()) {
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection") // net/http has no name for it
}

func isHere(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// once sends the request once more.
func once(inner http.RoundTripper, req *http.Request) (*http.Response, error) {
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	req = req.WithContext(req.Context()) // a copy: the request is its maker's own
	req.Body = body
	return inner.RoundTrip(req)
}
