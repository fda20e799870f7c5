package chain

import (
	"context"
	"iter"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// atOnce answers every question with one chunk that has all a last chunk has.
type atOnce struct{}

func (atOnce) Name() string { return "at once" }

func (atOnce) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (atOnce) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		yield(provider.Chunk{
			Text: "Macron", Finish: provider.FinishStop,
			Route: &provider.Route{Provider: "at once", Model: "none", Local: true, Reason: "asked directly"},
		}, nil)
	}
}

// BenchmarkLayer is a chain of two steps on a model in the process, and the same
// two calls by hand: the difference is the chain's own.
func BenchmarkLayer(b *testing.B) {
	c := mustNew(b, president()...)
	b.Run("chain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Output(b.Context(), atOnce{}, map[string]any{"country": "France"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			president, err := provider.Collect(atOnce{}.Chat(b.Context(), provider.Request{
				Messages: []provider.Message{provider.User("Tell me the president of " + "France")},
			}))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := provider.Collect(atOnce{}.Chat(b.Context(), provider.Request{
				Messages: []provider.Message{provider.User("Give me the list of changes made by the " + president.Text)},
			})); err != nil {
				b.Fatal(err)
			}
		}
	})
}
