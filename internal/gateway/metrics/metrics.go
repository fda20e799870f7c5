// Package metrics is what the gateway tells Prometheus. Names are those of
// OpenTelemetry's conventions for generative AI, in Prometheus' spelling, where there is
// one. Nothing of a prompt, a key or a caller is in them, and no request can make series
// without bound.
package metrics

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/natsqueue"
	"github.com/tandem-llm/tandem/internal/stack"
)

// Config is where what is told at a scrape comes from.
type Config struct {
	Stack   func() *stack.Stack       // the current one
	Live    func() []exchange.Call    // the calls in flight
	Waiting func(provider string) int // how many calls wait for a provider
	Ready   func() bool               // whether questions can be answered
	Batches func() (running, waiting int)
	// Cluster is what is known of a cluster of nodes, if one is used; nil: none is.
	Cluster func(context.Context) (seen natsqueue.Seen, used bool)
	Version string // of this program
}

// Metrics counts what the gateway does, and serves the counts. It is safe for concurrent
// use.
type Metrics struct {
	cfg   Config
	began time.Time
	names *names

	duration, first, perToken, tokens *family
	calls, fallbacks                  *family
	cached, hits                      *family
	cost, saved                       *family
	loading, queued                   *family
	requests, refused                 *family
}

// New returns metrics in which nothing has happened yet.
func New(cfg Config) *Metrics {
	asked := []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "provider"}
	and := func(label string) []string { return append(asked[:len(asked):len(asked)], label) }
	target := []string{"provider", "model"}
	return &Metrics{
		cfg: cfg, began: time.Now(), names: newNames(),

		duration: &family{kind: histogram, name: "gen_ai_client_operation_duration_seconds", help: "How long calls took, from the request to the end of the answer.", labels: and("error_type"), bounds: seconds},
		tokens:   &family{kind: histogram, name: "gen_ai_client_token_usage", help: "Tokens of calls, by type: input (cached ones included) and output.", labels: and("gen_ai_token_type"), bounds: tokenCounts},
		first:    &family{kind: histogram, name: "gen_ai_server_time_to_first_token_seconds", help: "How long streams took to their first content.", labels: asked, bounds: firstSeconds},
		perToken: &family{kind: histogram, name: "gen_ai_server_time_per_output_token_seconds", help: "How long streams took for each token after the first.", labels: asked, bounds: tokenSeconds},

		calls:     &family{kind: counter, name: "tandem_calls_total", help: "Calls that have ended, by API and how they ended.", labels: []string{"dialect", "outcome", "code"}},
		fallbacks: &family{kind: counter, name: "tandem_fallbacks_total", help: "Providers that gave no answer to a call which another one then answered, by the kind of failure.", labels: []string{"from", "to", "reason"}},
		hits:      &family{kind: counter, name: "tandem_prefix_hits_total", help: "Calls of whose prompt a part was in the provider's cache.", labels: target},
		cached:    &family{kind: counter, name: "tandem_cached_input_tokens_total", help: "Tokens of prompts that were in the provider's cache.", labels: target},
		cost:      &family{kind: counter, name: "tandem_cost_usd_total", help: "What answers cost, in US dollars, where that is known; of a chain, of all its calls.", labels: target},
		saved:     &family{kind: gauge, name: "tandem_saved_usd", help: "How much more the baseline provider would have cost since the start, in US dollars.", labels: target},
		loading:   &family{kind: histogram, name: "tandem_model_load_wait_seconds", help: "How long answers waited for their model to be loaded, where the provider tells.", labels: target, bounds: waitSeconds},
		queued:    &family{kind: histogram, name: "tandem_queue_wait_seconds", help: "How long calls waited in the queue for a provider.", labels: target[:1], bounds: waitSeconds},
		requests:  &family{kind: counter, name: "tandem_http_requests_total", help: "Requests, by route and status.", labels: []string{"route", "status"}},
		refused:   &family{kind: counter, name: "tandem_http_refused_total", help: "Requests that were refused before they reached their route, by reason.", labels: []string{"code"}},
	}
}

// The bounds of the histograms: the conventions', and those of what is waited for.
var (
	seconds      = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	firstSeconds = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	tokenSeconds = []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5}
	tokenCounts  = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
	waitSeconds  = []float64{0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
)

// contentType is Prometheus' text format, which every scraper reads.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// ServeHTTP serves the metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	for _, f := range m.families() {
		_ = f.write(&b) // a buffer takes all
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // the client may have left
}

// Waited counts a call whose turn came in a provider's queue.
func (m *Metrics) Waited(provider string, took time.Duration) {
	m.queued.observe(took.Seconds(), m.names.provider(provider))
}
