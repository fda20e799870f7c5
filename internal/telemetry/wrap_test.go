package telemetry_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/telemetry"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

func wrap(t testing.TB, p provider.Provider, endpoint string) (provider.Provider, func()) {
	t.Helper()
	tel := telemetry.New(telemetry.Options{
		Getenv: func(name string) string { return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}[name] },
	})
	wrapped := tel.Wrap(p, func(string) telemetry.System {
		return telemetry.System{Name: "fake", ProviderName: "ollama", Model: "m"}
	})
	if wrapped == p {
		t.Fatal("nothing was wrapped")
	}
	t.Cleanup(tel.Close) // once more does no harm
	return wrapped, tel.Close
}

func TestTheWrapperKeepsTheContract(t *testing.T) {
	r := newReceiver(t)
	providertest.TestLive(t, providertest.Live{
		New: func(t *testing.T) provider.Provider {
			p, _ := wrap(t, &providertest.Fake{
				List:    []provider.Model{{Name: "m", Capabilities: []provider.Capability{provider.CanChat}}},
				Answers: []providertest.Answer{providertest.Text("red", " orange", " yellow", " green", " blue")},
			}, r.URL)
			return p
		},
		Model: "m", Endpoint: "fake://fake", Seed: true, Lists: true, Can: []provider.Capability{provider.CanChat},
	})
	p, _ := wrap(t, &providertest.Fake{}, r.URL)
	if _, ok := provider.As[*providertest.Fake](p); !ok {
		t.Error("what is inside is not found")
	}
}

func question() provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User("hi")}}
}

func TestHowAnAnswerIsLeft(t *testing.T) {
	for want, ask := range map[string]func(provider.Provider){
		"canceled": func(p provider.Provider) { // the consumer leaves the loop
			for range p.Chat(context.Background(), question()) {
				break
			}
		},
		"deadline_exceeded": func(p provider.Provider) {
			ctx, cancel := context.WithTimeout(context.Background(), 0)
			defer cancel()
			_, _ = provider.Collect(p.Chat(ctx, question()))
		},
		"": func(p provider.Provider) { _, _ = provider.Collect(p.Chat(context.Background(), question())) },
	} {
		r := newReceiver(t)
		p, closed := wrap(t, &providertest.Fake{Answers: []providertest.Answer{providertest.Text("a", "b")}}, r.URL)
		ask(p)
		closed()
		if got := attrs(r.span(t, "chat m").Attributes)["error.type"]; got != want {
			t.Errorf("error.type is %q, want %q", got, want)
		}
		ask(p) // after the end it answers still, unseen
		if len(r.spans) != 1 {
			t.Errorf("%d spans, want 1", len(r.spans))
		}
	}
}

func TestManyRunsAtOnce(t *testing.T) {
	r := newReceiver(t)
	p, closed := wrap(t, &providertest.Fake{}, r.URL)
	const n = 300 // more than are kept open
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ctx := provider.WithRun(t.Context(), provider.Run{ID: fmt.Sprint(i), Chain: "c", Step: "s"})
			if _, err := provider.Collect(p.Chat(ctx, question())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	closed()
	names := map[string]int{}
	for _, s := range r.spans {
		names[s.Name]++
	}
	if names["run c"] != n || names["step s"] != n || names["chat m"] != n {
		t.Errorf("spans %v, want %d of each", names, n)
	}
}

// TestGRPCIsNotLinked: it would cost every start of the program 1 ms.
func TestGRPCIsNotLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "github.com/tandem-llm/tandem/cmd/tandem").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "go.opentelemetry.io/otel/sdk/trace") || strings.Contains(string(out), "google.golang.org/grpc") {
		t.Error("the program links gRPC, or no OpenTelemetry at all")
	}
}

// BenchmarkAnswer compares an answer with and without telemetry.
func BenchmarkAnswer(b *testing.B) {
	fake := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("a", "b", "c")}}
	traced, _ := wrap(b, fake, "http://127.0.0.1:1")
	for name, p := range map[string]provider.Provider{"bare": fake, "traced": traced} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := provider.Collect(p.Chat(context.Background(), question())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
