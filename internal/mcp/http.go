package mcp

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// statusTransport notes how a server at a URL answered last, which the SDK keeps to
// itself.
type statusTransport struct {
	http.RoundTripper
	last atomic.Int32 // 0: it did not
}

// RoundTrip makes one HTTP call.
func (s *statusTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	s.last.Store(0)
	resp, err := s.RoundTripper.RoundTrip(req)
	if err == nil {
		s.last.Store(int32(resp.StatusCode)) //nolint:gosec // three digits
	}
	return resp, err
}

// CloseIdleConnections closes the connections that no call is using.
func (s *statusTransport) CloseIdleConnections() {
	if c, ok := s.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// statusError says in plain words why a server at a URL gave no answer.
func (s *statusTransport) statusError(err error) error {
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
