package providertest

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
)

// RunWrapper checks a wrapper, or a router, against what the contract says of
// one: that it changes nothing of what the provider inside it yielded. wrap
// puts it around inner, whose answer to each request is the same text, "{}",
// with one Route and one Usage for all calls. Run it with -race.
func RunWrapper(t *testing.T, wrap func(t *testing.T, inner provider.Provider) provider.Provider) {
	t.Run("what is yielded is the provider's own", func(t *testing.T) {
		inner := newSharing()
		before := inner.state(t)
		p := wrap(t, inner)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 8 {
					r, err := provider.Collect(p.Chat(t.Context(), hello()))
					if err != nil || r.Text != "{}" || r.Route == nil {
						t.Errorf("answer %+v, %v", r, err)
						return
					}
				}
			})
		}
		all.Wait()
		if after := inner.state(t); after != before {
			t.Errorf("the wrapper changed the Route or the Usage that a provider yielded; it has to copy what it changes:\n%s\nbecame\n%s", before, after)
		}
	})
}

// sharing is a provider that yields the same pointers to every caller.
type sharing struct {
	route provider.Route
	usage provider.Usage
}

func newSharing() *sharing {
	return &sharing{
		route: provider.Route{
			Provider: "fake", Model: "m", Reason: "asked directly", FirstToken: time.Millisecond, Total: 2 * time.Millisecond,
			Cost: &provider.Cost{USD: provider.Ptr(0.5), Basis: "list"}, Attempts: make([]provider.Attempt, 0, 4),
		},
		usage: provider.Usage{InputTokens: 1, OutputTokens: 1},
	}
}

// state is what of it a wrapper could change.
func (p *sharing) state(t *testing.T) string {
	data, err := json.Marshal([]any{&p.route, p.route.Attempts[:cap(p.route.Attempts)], &p.usage})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (*sharing) Name() string { return "fake" }

func (*sharing) Models(context.Context) ([]provider.Model, error) {
	return []provider.Model{{Name: "m"}}, nil
}

func (p *sharing) Chat(ctx context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		yield(provider.Chunk{Text: "{}", Finish: provider.FinishStop, Usage: &p.usage, Route: &p.route}, nil)
	}
}

// Embed yields the same Route and Usage, too.
func (p *sharing) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	out := provider.EmbedResponse{Usage: &p.usage, Route: &p.route}
	for range req.Input {
		out.Vectors = append(out.Vectors, []float32{1})
	}
	return out, nil
}
