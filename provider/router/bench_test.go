package router_test

import (
	"context"
	"iter"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// bare answers three words, at no cost of its own.
type bare struct{ name string }

func (b bare) Name() string                                   { return b.name }
func (bare) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (b bare) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if b.name == "dead" {
			yield(provider.Chunk{}, errDead)
			return
		}
		for _, word := range [...]string{"one", " two", " three"} {
			if !yield(provider.Chunk{Text: word}, nil) {
				return
			}
		}
		yield(provider.Chunk{Finish: provider.FinishStop, Usage: &provider.Usage{InputTokens: 7}, Route: &provider.Route{Provider: b.name, Endpoint: "bare://"}}, nil)
	}
}

var errDead = provider.Errorf(provider.Unavailable, "dead", "", "dead")

func benchmark(b *testing.B, p provider.Provider) {
	req := provider.Request{Messages: []provider.Message{provider.User("Who is the Prime Minister of India?")}}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range p.Chat(b.Context(), req) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func benchRouter(b *testing.B, use ...string) *router.Router {
	return mustRouter(b, router.Config{Use: use, Targets: []router.Target{{Provider: bare{"a"}}, {Provider: bare{"dead"}}}})
}

// What a call costs without and with the router around it.
func BenchmarkBare(b *testing.B)   { benchmark(b, bare{"a"}) }
func BenchmarkRouter(b *testing.B) { benchmark(b, benchRouter(b, "a")) }

// Behind a target that is left alone.
func BenchmarkRouterPastAnOpenBreaker(b *testing.B) { benchmark(b, benchRouter(b, "dead", "a")) }

// With many callers at once on one breaker and one budget.
func BenchmarkRouterContended(b *testing.B) {
	r := benchRouter(b, "a")
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
	b.ReportAllocs()
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := provider.Collect(r.Chat(context.Background(), req)); err != nil {
				b.Error(err)
			}
		}
	})
}

// The aim is fewer than 20 allocations a call over the bare provider.
func TestRouterAllocatesLittle(t *testing.T) {
	req := provider.Request{Messages: []provider.Message{provider.User("hi")}}
	count := func(p provider.Provider) float64 {
		return testing.AllocsPerRun(200, func() {
			for range p.Chat(context.Background(), req) {
			}
		})
	}
	r := mustRouter(t, router.Config{Use: []string{"a"}, Targets: []router.Target{{Provider: bare{"a"}}}})
	if own := count(r) - count(bare{"a"}); own >= 20 {
		t.Errorf("%v allocations a call, want fewer than 20", own)
	} else {
		t.Logf("%v allocations a call", own)
	}
}
