package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// httpStatus is how a server at a URL answered a call last, which the SDK keeps to itself.
// Calls of a session run at the same time, and each has its own.
type httpStatus struct{ last atomic.Int32 } // 0: it did not

type statusKey struct{}

// withStatus returns a context for one call, and what is noted of its answers.
func withStatus(ctx context.Context) (context.Context, *httpStatus) {
	s := &httpStatus{}
	return context.WithValue(ctx, statusKey{}, s), s
}

// statusTransport notes how a server answers.
type statusTransport struct{ http.RoundTripper }

// RoundTrip makes one HTTP call.
func (t *statusTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if s, ok := req.Context().Value(statusKey{}).(*httpStatus); ok {
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		s.last.Store(int32(status)) //nolint:gosec // three digits
	}
	return resp, err
}

// CloseIdleConnections closes the connections that no call is using.
func (t *statusTransport) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// explain says in plain words why a server at a URL gave no answer.
func (s *httpStatus) explain(err error) error {
	status := int(s.last.Load())
	said := fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch {
	case provider.KindOf(err) != "": // refused before anything was sent
		return err
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("it refused (%s); give it the right key with `headers` in the configuration", said)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return fmt.Errorf("no MCP server at that address (%s); check `url` in the configuration", said)
	case status >= 300 && status < 400:
		return fmt.Errorf("it redirects to another address (%s), which is not followed; set `url` to that address if it is right", said)
	case status >= 400:
		return fmt.Errorf("it failed (%s); try again later", said)
	case status == 0 && !errors.Is(err, errTimeout):
		return httpx.Plain(err)
	}
	return err
}
