package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/tandem-llm/tandem/internal/cli"
	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) {
	for _, name := range os.Environ() { // the machine's own collector is nobody's business
		if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "OTEL_") || name == "TRACEPARENT" {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

const (
	canary = "sk-canary-DO-NOT-LEAK-0f3b"
	secret = "the-secret-of-the-prompt"
)

// receiver is an OTLP collector.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	raw     bytes.Buffer // all bodies, decompressed
	headers []http.Header
	paths   []string
	spans   []*tracepb.Span
	traces  []*tracepb.ResourceSpans
	metrics []*metricspb.ResourceMetrics
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if q.Header.Get("Content-Encoding") == "gzip" {
			var z *gzip.Reader
			if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
				body, err = io.ReadAll(z)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		r.headers = append(r.headers, q.Header)
		r.paths = append(r.paths, q.URL.Path)
		var td tracepb.TracesData
		var md metricspb.MetricsData
		switch {
		case err != nil:
		case strings.HasSuffix(q.URL.Path, "traces"):
			if err = proto.Unmarshal(body, &td); err == nil {
				r.traces = append(r.traces, td.ResourceSpans...)
				for _, rs := range td.ResourceSpans {
					for _, ss := range rs.ScopeSpans {
						r.spans = append(r.spans, ss.Spans...)
					}
				}
			}
		default:
			if err = proto.Unmarshal(body, &md); err == nil {
				r.metrics = append(r.metrics, md.ResourceMetrics...)
			}
		}
		if err != nil || q.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s: %v, content type %q", q.URL.Path, err, q.Header.Get("Content-Type"))
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

// span returns the one span of that name.
func (r *receiver) span(t *testing.T, name string) *tracepb.Span {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*tracepb.Span
	var names []string
	for _, s := range r.spans {
		names = append(names, s.Name)
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans are called %q, want 1; there are %q", len(found), name, names)
	}
	return found[0]
}

// world is a home with a configuration, two servers, and a collector.
type world struct {
	t    *testing.T
	args []string
}

// newWorld writes a configuration: `local`, an Ollama that answers unless
// localHost says somewhere else, and `hosted`, an OpenAI-compatible server.
func newWorld(t *testing.T, use, localHost, top string) *world {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, home)
	}
	t.Setenv("TANDEM_KEYRING", "file")
	t.Setenv("HOSTED_KEY", canary)
	if localHost == "" {
		localHost = ollamaFake(t)
	}
	file := filepath.Join(home, "config.yaml")
	text := fmt.Sprintf(`%s
use: %s
providers:
  - {name: local, kind: ollama, host: "%s", managed: false, model: small}
  - {name: hosted, kind: openai, base_url: "%s/v1", model: big, api_key: "env:HOSTED_KEY", local: true}
`, top, use, localHost, openaiFake(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, args: []string{"--config", file}}
}

// run runs one command and returns its exit code and what it wrote.
func (w *world) run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(ctx, append(w.args[:len(w.args):len(w.args)], args...), os.Environ(), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func ollamaFake(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/api/version":
			fmt.Fprint(w, `{"version":"0.17.4"}`)
		case "/api/show":
			fmt.Fprint(w, `{"details":{},"model_info":{},"capabilities":["completion"]}`)
		case "/api/chat":
			fmt.Fprintln(w, `{"model":"small","message":{"role":"assistant","content":"from "},"done":false}`)
			fmt.Fprintln(w, `{"model":"small","message":{"role":"assistant","content":"small"},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}`)
		default:
			fmt.Fprint(w, `{"models":[]}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func openaiFake(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("refuse me")) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s, for %s","code":"invalid_api_key"}}`, canary, secret)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"model":"big-2","choices":[{"index":0,"delta":{"content":"from big"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}`+"\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// attributes are a span's or an event's, as text.
func values[T interface{ GetKey() string }](list []T, value func(T) string) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		out[kv.GetKey()] = value(kv)
	}
	return out
}

var inRun = provider.Run{ID: "run-1", Chain: "president"}
