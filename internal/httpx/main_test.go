package httpx

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// proxied counts what went through the proxy of the environment, which stands
// for the whole test run: the standard library reads the environment once.
var proxied atomic.Int64

func TestMain(m *testing.M) {
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		proxied.Add(1)
		_, _ = io.WriteString(w, `{"by":"proxy"}`)
	}))
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		os.Setenv(name, p.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		os.Setenv(name, "192.0.2.0/24,no-such-host.invalid")
	}
	code := m.Run()
	p.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// get makes one call with the transport and reads its body.
func get(t *testing.T, ctx context.Context, o Options, c *Call, url string) (string, error) { //nolint:revive // t first, as helpers have it
	t.Helper()
	tr := NewTransport(o)
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(WithCall(ctx, c), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+canary)
	resp, err := tr.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

const canary = "sk-canary-DO-NOT-LEAK-7f3a"

// serve starts a server for one test.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}
