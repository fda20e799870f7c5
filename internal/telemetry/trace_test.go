package telemetry_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

func attrs(list []*commonpb.KeyValue) map[string]string {
	return values(list, func(kv *commonpb.KeyValue) string {
		switch v := kv.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			return v.StringValue
		case *commonpb.AnyValue_IntValue:
			return fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_DoubleValue:
			return fmt.Sprint(v.DoubleValue)
		case *commonpb.AnyValue_BoolValue:
			return fmt.Sprint(v.BoolValue)
		case *commonpb.AnyValue_ArrayValue:
			var parts []string
			for _, p := range v.ArrayValue.Values {
				parts = append(parts, p.GetStringValue())
			}
			return strings.Join(parts, ",")
		}
		return "?"
	})
}

func wantAttrs(t *testing.T, where string, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if have, ok := got[k]; !ok || (v != "*" && have != v) {
			t.Errorf("%s: %s is %q (there: %v), want %q", where, k, have, ok, v)
		}
	}
}

// without fails if any of the secrets was sent to the collector.
func (r *receiver) without(t *testing.T, secrets ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if strings.Contains(r.raw.String(), s) {
			t.Errorf("the collector was sent %q", s)
		}
	}
}

func TestAskIsOneSpan(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, "local", "", "top_p: 0.9\nseed: 7\nmax_tokens: 50\nstop: [END, FIN]")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=red%20team, x-other = 1")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	t.Setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	code, out, errs := w.run(t.Context(), "ask", "--temperature", "0", secret)
	if code != 0 || out != "from small\n" || strings.Contains(errs, "telemetry") {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
	s := r.span(t, "chat small")
	if s.Kind != tracepb.Span_SPAN_KIND_CLIENT || s.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("kind %s, status %s", s.Kind, s.Status)
	}
	if got := fmt.Sprintf("%x-%x", s.TraceId, s.ParentSpanId); got != "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331" {
		t.Errorf("the parent is %s, not TRACEPARENT's", got)
	}
	got := attrs(s.Attributes)
	wantAttrs(t, "span", got, map[string]string{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "ollama", "gen_ai.request.model": "small", "gen_ai.response.model": "small",
		"gen_ai.request.temperature": "0", "gen_ai.request.top_p": "0.9", "gen_ai.request.seed": "7", "gen_ai.request.max_tokens": "50",
		"gen_ai.request.stop_sequences": "END,FIN", "gen_ai.response.finish_reasons": "stop",
		"gen_ai.usage.input_tokens": "7", "gen_ai.usage.output_tokens": "3", "server.address": "127.0.0.1", "server.port": "*",
		"tandem.route.provider": "local", "tandem.route.local": "true", "tandem.route.reason": "first choice", "tandem.route.first_token": "*",
	})
	for _, name := range []string{"gen_ai.input.messages", "gen_ai.output.messages", "error.type"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s is %q, and should not be there", name, v)
		}
	}
	if len(s.Events) != 1 {
		t.Fatalf("%d events, want one attempt", len(s.Events))
	}
	wantAttrs(t, "event", attrs(s.Events[0].Attributes), map[string]string{
		"tandem.attempt.provider": "local", "tandem.attempt.outcome": "answered", "tandem.attempt.duration": "*",
	})
	wantAttrs(t, "resource", attrs(r.traces[0].Resource.Attributes), map[string]string{
		"service.name": "tandem", "deployment.environment.name": "test", "telemetry.sdk.language": "go",
	})
	r.without(t, secret, canary, "from small")
	for i, h := range r.headers {
		if h.Get("X-Team") != "red team" || h.Get("X-Other") != "1" {
			t.Errorf("%s came with headers %v", r.paths[i], h)
		}
	}
	measured(t, r)
}

func measured(t *testing.T, r *receiver) {
	t.Helper()
	found := map[string]string{}
	for _, rm := range r.metrics {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				for _, p := range m.GetHistogram().DataPoints {
					a := attrs(p.Attributes)
					wantAttrs(t, m.Name, a, map[string]string{
						"gen_ai.operation.name": "chat", "gen_ai.provider.name": "ollama", "gen_ai.request.model": "small", "server.address": "127.0.0.1",
					})
					found[m.Name+" "+a["gen_ai.token.type"]] = fmt.Sprintf("%s %d", m.Unit, p.Count)
					if a["gen_ai.token.type"] == "input" && p.GetSum() != 7 {
						t.Errorf("%v input tokens, want 7", p.GetSum())
					}
					if len(p.BucketCounts) != len(p.ExplicitBounds)+1 {
						t.Errorf("%s: %d counts for %d bounds", m.Name, len(p.BucketCounts), len(p.ExplicitBounds))
					}
				}
			}
		}
	}
	want := map[string]string{
		"gen_ai.client.operation.duration ": "s 1", "gen_ai.client.operation.time_to_first_chunk ": "s 1",
		"gen_ai.client.token.usage input": "{token} 1", "gen_ai.client.token.usage output": "{token} 1",
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("measured %v, want %v", found, want)
	}
}

func TestRunIsATree(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, "local", "", "")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL+"/")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_SERVICE_NAME", "lesson")
	file := filepath.Join(t.TempDir(), "president.yaml")
	text := "name: president\nsteps:\n  - {name: who, prompt: 'Who presides {country}?'}\n  - {name: changes, prompt: 'What did {who} change?', use: hosted}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := w.run(provider.WithRun(t.Context(), inRun), "run", file, "-p", "country="+secret); code != 0 || out != "from big\n" {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
	run, who, changes := r.span(t, "run president"), r.span(t, "step who"), r.span(t, "step changes")
	small, big := r.span(t, "chat small"), r.span(t, "chat big")
	for _, c := range []struct{ child, parent *tracepb.Span }{{who, run}, {changes, run}, {small, who}, {big, changes}} {
		if string(c.child.ParentSpanId) != string(c.parent.SpanId) || string(c.child.TraceId) != string(run.TraceId) {
			t.Errorf("%s is not a child of %s", c.child.Name, c.parent.Name)
		}
		if c.child.StartTimeUnixNano < c.parent.StartTimeUnixNano || c.child.EndTimeUnixNano > c.parent.EndTimeUnixNano {
			t.Errorf("%s is not within %s", c.child.Name, c.parent.Name)
		}
	}
	if len(run.ParentSpanId) != 0 || len(r.spans) != 5 {
		t.Errorf("%d spans, run's parent %x", len(r.spans), run.ParentSpanId)
	}
	wantAttrs(t, "step", attrs(changes.Attributes), map[string]string{
		"tandem.run.id": "*", "tandem.chain.name": "president", "tandem.step.name": "changes", "tandem.step.index": "1",
	})
	wantAttrs(t, "chat", attrs(big.Attributes), map[string]string{
		"gen_ai.provider.name": "openai", "gen_ai.response.model": "big-2", "tandem.route.provider": "hosted",
	})
	wantAttrs(t, "resource", attrs(r.traces[0].Resource.Attributes), map[string]string{"service.name": "lesson"})
	r.without(t, secret, canary)
}

func TestFallbackAndFailure(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, "[local, hosted]", stacktest.Nobody(t), "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", r.URL+"/custom/traces")
	if code, out, errs := w.run(t.Context(), "ask", "hello"); code != 0 || out != "from big\n" {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
	s := r.span(t, "chat small") // as it was asked
	wantAttrs(t, "span", attrs(s.Attributes), map[string]string{
		"gen_ai.provider.name": "openai", "gen_ai.request.model": "small", "gen_ai.response.model": "big-2",
		"tandem.route.provider": "hosted", "tandem.route.reason": "fallback", "tandem.route.local": "true",
	})
	if len(s.Events) != 2 {
		t.Fatalf("%d events, want two attempts", len(s.Events))
	}
	wantAttrs(t, "first", attrs(s.Events[0].Attributes), map[string]string{
		"tandem.attempt.provider": "local", "tandem.attempt.outcome": "failed", "error.type": "unavailable",
	})
	wantAttrs(t, "second", attrs(s.Events[1].Attributes), map[string]string{"tandem.attempt.provider": "hosted", "tandem.attempt.outcome": "answered"})
	if len(r.metrics) != 0 || r.paths[0] != "/custom/traces" {
		t.Errorf("metrics %d, path %s; only traces were asked for, there", len(r.metrics), r.paths[0])
	}

	if code, _, _ := w.run(t.Context(), "ask", "-m", "hosted", "refuse me, "+secret); code != 4 {
		t.Fatalf("code %d, want 4", code)
	}
	s = r.span(t, "chat big")
	wantAttrs(t, "failed", attrs(s.Attributes), map[string]string{"error.type": "denied", "gen_ai.provider.name": "openai", "gen_ai.request.model": "big"})
	if s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || s.Status.Message != "denied" {
		t.Errorf("status %v", s.Status)
	}
	r.without(t, secret, canary, "Incorrect")
}

func TestContentIsCapturedOnRequestOnly(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, "local", "", "")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
	if code, _, errs := w.run(t.Context(), "ask", "-s", "Be brief", "Why?"); code != 0 {
		t.Fatalf("code %d, %s", code, errs)
	}
	wantAttrs(t, "span", attrs(r.span(t, "chat small").Attributes), map[string]string{
		"gen_ai.system_instructions": `[{"type":"text","content":"Be brief"}]`,
		"gen_ai.input.messages":      `[{"role":"user","parts":[{"type":"text","content":"Why?"}]}]`,
		"gen_ai.output.messages":     `[{"role":"assistant","parts":[{"type":"text","content":"from small"}],"finish_reason":"stop"}]`,
	})
	if code, _, errs := w.run(t.Context(), "--local-only", "ask", secret); code != 0 {
		t.Fatalf("code %d, %s", code, errs)
	}
	if len(r.spans) != 2 {
		t.Errorf("%d spans, want 2", len(r.spans))
	}
	r.without(t, secret, canary) // what may not leave the machine is not captured
}

// Under privacy local the collector gets no text of the prompt's author: neither
// stop texts, nor a schema, nor what tools are called and say, also where content
// is asked for. Else it gets the stop texts.
func TestNoTextsUnderPrivacyLocal(t *testing.T) {
	for _, local := range []bool{false, true} {
		r := newReceiver(t)
		w := newWorld(t, "local", "", "stop: ["+secret+"]")
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
		t.Setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", fmt.Sprint(local))
		schema := filepath.Join(t.TempDir(), "schema.json")
		if err := os.WriteFile(schema, []byte(`{"type":"object","title":"`+secret+`","properties":{"`+secret+`":{"const":"`+secret+`"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"ask", secret}, {"ask", "--schema", schema, secret}} {
			if local {
				args = append([]string{"--local-only"}, args...)
			}
			w.run(t.Context(), args...) // the answer is not JSON: the second fails
		}
		if len(r.spans) < 2 {
			t.Errorf("%d spans", len(r.spans))
		}
		for _, span := range r.spans {
			if stops := attrs(span.Attributes)["gen_ai.request.stop_sequences"]; (stops != "") == local {
				t.Errorf("privacy local: %v, and the stop texts are %q", local, stops)
			}
		}
		if local {
			r.without(t, secret, canary)
		}
	}
}

func TestTelemetryIsOffUnlessAskedFor(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, "local", "", "")
	for name, env := range map[string]map[string]string{
		"nothing":  {},
		"disabled": {"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL, "OTEL_SDK_DISABLED": "true"},
		"none":     {"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			if code, out, errs := w.run(t.Context(), "ask", "hi"); code != 0 || out != "from small\n" || strings.Contains(errs, "telemetry") {
				t.Errorf("code %d, %q, %q", code, out, errs)
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	if code, _, errs := w.run(t.Context(), "models", "list"); code != 0 {
		t.Errorf("models list: code %d, %s", code, errs)
	}
	if len(r.paths) != 0 {
		t.Errorf("the collector was called: %v", r.paths)
	}
}

func TestMistakesTurnTelemetryOffAndAreSaid(t *testing.T) {
	w := newWorld(t, "local", "", "")
	for name, env := range map[string]map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":           {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"},
		"OTEL_EXPORTER_OTLP_PROTOCOL":           {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "zstd"},
		"OTEL_EXPORTER_OTLP_TIMEOUT":            {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
		"OTEL_EXPORTER_OTLP_HEADERS":            {"OTEL_EXPORTER_OTLP_HEADERS": canary},
		"OTEL_TRACES_EXPORTER":                  {"OTEL_TRACES_EXPORTER": "zipkin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+stacktest.Nobody(t))
			for k, v := range env {
				t.Setenv(k, v)
			}
			code, out, errs := w.run(t.Context(), "ask", "hi")
			if code != 0 || out != "from small\n" || strings.Count(errs, "telemetry is off: "+name) != 1 || strings.Contains(errs, canary) {
				t.Errorf("code %d, %q, %q", code, out, errs)
			}
		})
	}
}

// A collector that is dead, deaf or elsewhere costs a line and nothing else.
func TestTheAnswerDoesNotDependOnTheCollector(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	w := newWorld(t, "local", "", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000") // who waited for it would hang this test
	for name, tc := range map[string]struct{ endpoint, says string }{
		"dead": {"http://" + stacktest.Nobody(t), "nothing is listening there"},
		"deaf": {"http://" + deaf.Addr().String(), "it did not answer in time"},
		"far":  {"http://user:" + canary + "@192.0.2.1:4318", "192.0.2.1:4318 is not on this machine, and offline mode is on"},
		"dns":  {"http://collector.example.com:4318", "offline mode is on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", tc.endpoint)
			code, out, errs := w.run(context.Background(), "--offline", "ask", "hi")
			if code != 0 || out != "from small\n" || strings.Count(errs, "telemetry") != 1 || !strings.Contains(errs, tc.says) || strings.Contains(errs, canary) {
				t.Errorf("code %d, %q, %q", code, out, errs)
			}
		})
	}
}
