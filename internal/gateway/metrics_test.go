package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// scrape is what Prometheus reads at a gateway, by name and labels: of a histogram its
// count and its sum.
func scrape(t *testing.T, url string, header ...string) map[string]float64 {
	t.Helper()
	r := gatewaytest.Do(t, http.MethodGet, url+"/metrics", "", header...)
	if r.Status != http.StatusOK || r.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("%d, %s: %s", r.Status, r.Header.Get("Content-Type"), r.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(r.Body))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, r.Body)
	}
	out := map[string]float64{}
	for name, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
		for _, m := range f.GetMetric() {
			labels := ""
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					labels += "|" + l.GetName() + "=" + l.GetValue()
				}
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				out[name+labels] = m.GetCounter().GetValue()
			case dto.MetricType_GAUGE:
				out[name+labels] = m.GetGauge().GetValue()
			case dto.MetricType_HISTOGRAM:
				h := m.GetHistogram()
				out[name+"_count"+labels], out[name+"_sum"+labels] = float64(h.GetSampleCount()), h.GetSampleSum()
				buckets := h.GetBucket()
				if last := buckets[len(buckets)-1]; last.GetCumulativeCount() != h.GetSampleCount() || !slices.IsSortedFunc(buckets, func(a, b *dto.Bucket) int {
					return int(a.GetCumulativeCount()) - int(b.GetCumulativeCount()) //nolint:gosec // few
				}) {
					t.Errorf("the buckets of %s: %v", name, buckets)
				}
			default:
				t.Errorf("%s is a %s", name, f.GetType())
			}
		}
	}
	return out
}

// What calls come to.
func TestMetricsOfCalls(t *testing.T) {
	const (
		chat   = "/v1/chat/completions"
		prompt = `"messages":[{"role":"user","content":"canary-prompt"}]`
		asked  = "|gen_ai_operation_name=chat|gen_ai_provider_name=openai|gen_ai_request_model=ok|provider=house"
	)
	for _, c := range []struct {
		name  string
		path  string
		body  string
		first string // the model of a provider that is asked before; empty: none is
		want  map[string]float64
	}{
		{"an answer", chat, `{` + prompt + `}`, "", map[string]float64{
			"tandem_calls_total|dialect=openai|outcome=answered":                    1,
			"gen_ai_client_operation_duration_seconds_count" + asked:                1,
			"gen_ai_client_token_usage_sum|gen_ai_token_type=input":                 12,
			"gen_ai_client_token_usage_sum|gen_ai_token_type=output":                5,
			"gen_ai_server_time_to_first_token_seconds_count":                       0,
			"tandem_prefix_hits_total|model=ok|provider=house":                      1,
			"tandem_cached_input_tokens_total|model=ok|provider=house":              4,
			"tandem_cost_usd_total":                                                 0.002*8 + 0.001*4 + 0.004*5,
			"tandem_fallbacks_total":                                                0,
			"tandem_http_requests_total|route=POST /v1/chat/completions|status=200": 1,
			"tandem_circuit_breaker_state|provider=house|state=closed":              1,
			"tandem_circuit_breaker_state|provider=house|state=open":                0,
			"tandem_queue_length|provider=house":                                    0,
			"tandem_calls_in_flight":                                                0,
		}},
		{"a stream", chat, `{"stream":true,` + prompt + `}`, "", map[string]float64{
			"gen_ai_server_time_to_first_token_seconds_count" + asked:   1,
			"gen_ai_server_time_per_output_token_seconds_count" + asked: 1,
			"tandem_calls_total|dialect=openai|outcome=answered":        1,
		}},
		{"Anthropic's dialect", "/v1/messages", `{"max_tokens":9,` + prompt + `}`, "", map[string]float64{
			"tandem_calls_total|dialect=anthropic|outcome=answered":  1,
			"gen_ai_client_operation_duration_seconds_count" + asked: 1,
		}},
		{"Ollama's dialect", "/api/chat", `{` + prompt + `}`, "", map[string]float64{
			"tandem_calls_total|dialect=ollama|outcome=answered":      1,
			"gen_ai_server_time_to_first_token_seconds_count" + asked: 1,
		}},
		{"vectors", "/v1/embeddings", `{"model":"ok","input":"canary-prompt"}`, "", map[string]float64{
			"gen_ai_client_operation_duration_seconds_count|gen_ai_operation_name=embeddings": 1,
			"gen_ai_client_token_usage_sum|gen_ai_token_type=input":                           3,
		}},
		{"another one stands in", chat, `{` + prompt + `}`, "down", map[string]float64{
			"tandem_fallbacks_total|from=first|reason=unavailable|to=house": 1,
			"gen_ai_client_operation_duration_seconds_count" + asked:        1,
			"gen_ai_client_operation_duration_seconds_count":                1,
			"tandem_calls_total|dialect=openai|outcome=answered":            1,
		}},
		{"it is busy", chat, `{` + prompt + `}`, "busy", map[string]float64{"tandem_fallbacks_total|from=first|reason=rate_limited|to=house": 1}},
		{"nobody answers", chat, `{"model":"down",` + prompt + `}`, "", map[string]float64{
			"tandem_calls_total|code=unavailable|dialect=openai|outcome=failed":     1,
			"gen_ai_client_operation_duration_seconds_count|error_type=unavailable": 1,
			"gen_ai_client_token_usage_count":                                       0,
			"tandem_http_requests_total|route=POST /v1/chat/completions|status=503": 1,
		}},
		{"it breaks off", chat, `{"model":"cut","stream":true,` + prompt + `}`, "", map[string]float64{
			"tandem_calls_total|code=truncated|dialect=openai|outcome=failed": 1,
			"gen_ai_server_time_to_first_token_seconds_count":                 0,
		}},
		{"a model that there is not", chat, `{"model":"canary-model",` + prompt + `}`, "", map[string]float64{
			"tandem_calls_total":                                                    0,
			"gen_ai_client_operation_duration_seconds_count":                        0,
			"tandem_http_requests_total|route=POST /v1/chat/completions|status=404": 1,
		}},
		{"a path that there is not", "/canary-path", `{}`, "", map[string]float64{"tandem_http_requests_total|route=/|status=404": 1}},
		{"another site", chat, `{` + prompt + `}`, "site", map[string]float64{
			"tandem_http_refused_total|code=cross_site":     1,
			"tandem_http_requests_total|route=-|status=403": 1,
			"tandem_calls_total":                            0,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := gatewaytest.NewEngine(t)
			header := []string(nil)
			if c.first == "site" {
				c.first, header = "", []string{"Origin: https://canary.example"}
			}
			use, first := "house", ""
			if c.first != "" {
				use, first = "first, house", fmt.Sprintf("- {name: first, kind: openai, base_url: '%s/v1', model: %s, local: true}\n", e.URL, c.first)
			}
			s := gatewaytest.Open(t, fmt.Sprintf("use: [%s]\nretries: 0\nproviders:\n%s- {name: house, kind: openai, base_url: '%s/v1', model: ok, price: {input: 2000, cached_input: 1000, output: 4000}}\n", use, first, e.URL))
			url, _ := guarded(t, s, nil, io.Discard)
			_ = gatewaytest.Post(t, url+c.path, c.body, header...)
			got := scrape(t, url)
			for want, n := range c.want {
				sum := 0.0
				for series, v := range got {
					if has(series, want) {
						sum += v
					}
				}
				if fmt.Sprintf("%.6f", sum) != fmt.Sprintf("%.6f", n) {
					t.Errorf("%s is %v, not %v", want, sum, n)
				}
			}
			for series := range got {
				if strings.Contains(series, "canary") {
					t.Errorf("a request is in %q", series)
				}
			}
			if t.Failed() {
				t.Logf("%v", got)
			}
		})
	}
}

// has reports whether a series has that name and those labels, NAME|LABEL=VALUE….
func has(series, want string) bool {
	have := strings.Split(series, "|")
	for i, part := range strings.Split(want, "|") {
		if i == 0 && part != have[0] || !slices.Contains(have, part) {
			return false
		}
	}
	return true
}

// Calls under way are told while they are.
func TestMetricsOfCallsInFlight(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := guarded(t, gatewaytest.Stack(t, e, "ok"), nil, io.Discard)
	done := make(chan gatewaytest.Reply)
	go func() {
		done <- gatewaytest.Post(t, url+"/v1/chat/completions", `{"model":"hold","messages":[{"role":"user","content":"x"}]}`)
	}()
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := scrape(t, url); got["tandem_calls_in_flight|state=asking"] != 1 {
		t.Errorf("under way: %v", got)
	}
	close(e.Release)
	if r := <-done; r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if got := scrape(t, url); got["tandem_calls_in_flight|state=asking"] != 0 || got["tandem_calls_total|dialect=openai|outcome=answered"] != 1 {
		t.Errorf("after the end: %v", got)
	}
}

// The metrics are of all calls. With keys, they are for operators only.
func TestWhoReadsMetrics(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := guarded(t, gatewaytest.Stack(t, e, "ok"), keys{
		"sk-canary": {Name: "canary-laptop"}, "sk-canary-operator": {Name: "canary-operator", Operator: true},
	}, io.Discard)
	_ = gatewaytest.Post(t, url+"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, "Authorization: Bearer sk-canary")
	for header, status := range map[string]int{"Accept: text/plain": http.StatusUnauthorized, "Authorization: Bearer sk-wrong": http.StatusUnauthorized, "Authorization: Bearer sk-canary": http.StatusForbidden} {
		if r := gatewaytest.Do(t, http.MethodGet, url+"/metrics", "", header); r.Status != status || strings.Contains(r.Body, "tandem_calls_total") {
			t.Errorf("%q: %d %s", header, r.Status, r.Body)
		}
	}
	got := scrape(t, url, "Authorization: Bearer sk-canary-operator")
	if got["tandem_http_refused_total|code=missing_key"] != 1 || got["tandem_http_refused_total|code=invalid_key"] != 1 || got["tandem_calls_total|dialect=openai|outcome=answered"] != 1 {
		t.Errorf("%v", got)
	}
	for series := range got {
		if strings.Contains(series, "canary") {
			t.Errorf("a key or its name is in %q", series)
		}
	}
}

// The requests of a batch are calls, and it is among those that have not ended.
func TestMetricsOfBatches(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	b := batchingAt(t, gatewaytest.Open(t, fmt.Sprintf("use: [house]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true, price: {input: 1000, output: 1000}}\n", e.URL)), nil)
	held := b.create(requestLine("h", "hold", "x"), "")
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := scrape(t, b.url); got["tandem_batches|state=running"] != 1 || got["tandem_batches|state=waiting"] != 0 {
		t.Errorf("%v", got)
	}
	text := requestLine("bad", "invalid", "x")
	for i := range 3 {
		text += requestLine(fmt.Sprint(i), "ok", "x")
	}
	e.Release <- struct{}{} // a local engine gets one row at a time, at first
	b.until(held.ID, "completed")
	b.until(b.create(text, "").ID, "completed")
	got := scrape(t, b.url)
	for got["tandem_batches|state=running"] != 0 { // it says so a moment before it has left
		got = scrape(t, b.url)
	}
	for name, want := range map[string]float64{
		"tandem_calls_total|dialect=batch|outcome=answered":            4,
		"tandem_calls_total|dialect=batch|outcome=failed|code=invalid": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["tandem_cost_usd_total|provider=house|model=ok"] <= 0 {
		t.Errorf("%v", got)
	}
	var state struct {
		Counts struct {
			Calls, Failed int
			CostUSD       float64 `json:"cost_usd"`
		}
	}
	if b.do("GET", "/ui/api/state", "", &state); state.Counts.Calls != 5 || state.Counts.Failed != 1 || state.Counts.CostUSD <= 0 {
		t.Errorf("%+v", state)
	}
}
