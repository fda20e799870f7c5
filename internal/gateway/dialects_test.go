package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// Each client gets the list of models, and its errors, in its own dialect.
func TestDialects(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gateway.New(gateway.Config{Stack: gatewaytest.Stack(t, e, "ok")})
	t.Cleanup(func() { _ = s.Close() })
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	anthropics := []string{"Anthropic-Version: 2023-06-01"}
	for _, c := range []struct {
		method, path string
		header       []string
		status       int
		want         string
	}{
		{http.MethodGet, "/v1/models", nil, 200, `"object":"list"`},
		{http.MethodGet, "/v1/models", anthropics, 200, `"type":"model"`},
		{http.MethodGet, "/v1/models/ok", nil, 200, `"object":"model"`},
		{http.MethodGet, "/v1/models/ok", anthropics, 200, `"type":"model"`},
		{http.MethodGet, "/v1/messages", nil, 405, `"message":"/v1/messages does not take GET: use POST"`},
		{http.MethodPost, "/v1/messages/batches", nil, 404, `"type":"not_found_error"`},
		{http.MethodPost, "/v1/complete", anthropics, 404, `"type":"not_found_error"`},
		{http.MethodPost, "/v1/nothing", nil, 404, `"code":"not_found"`},
		{http.MethodHead, "/", nil, 200, ""},
	} {
		r := gatewaytest.Do(t, c.method, srv.URL+c.path, "", c.header...)
		if r.Status != c.status || !strings.Contains(r.Body, c.want) {
			t.Errorf("%s %s, %q: %d %s", c.method, c.path, c.header, r.Status, r.Body)
		}
	}
}
