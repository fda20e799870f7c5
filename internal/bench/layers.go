package bench

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/cache"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/record"
	"github.com/tandem-llm/tandem/provider/router"
	"github.com/tandem-llm/tandem/provider/structured"
)

// Layer is something that stands between a caller and an adapter.
type Layer struct {
	Name string
	// Wrap puts it around an adapter. dir is empty, and the layer's own.
	Wrap func(p provider.Provider, dir string) (provider.Provider, error)
	// Files says that each call reads or writes files: fewer are made in a
	// round, and no aim covers it.
	Files bool
}

// layers are what is measured: the adapter alone, which is the floor, and one
// line for each layer.
func layers() []Layer {
	return []Layer{
		{Name: "adapter alone", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) { return p, nil }},
		{Name: "router", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			return router.New(router.Config{Use: []string{p.Name()}, Targets: []router.Target{{Provider: p}}})
		}},
		{Name: "ledger", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			return ledger.New(p, ledger.Config{}), nil
		}},
		{Name: "structured, no schema", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			return structured.New(p, structured.Config{}), nil
		}},
		{Name: "tool loop, no tools", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			return tool.Loop(p, tool.Options{}), nil
		}},
		{Name: "ledger, with a budget", Files: true, Wrap: func(p provider.Provider, dir string) (provider.Provider, error) {
			perDay := 1e6
			writer := store.NewWriter(store.New(dir))
			price := 1.0
			return closing{ledger.New(p, ledger.Config{
				Book: store.NewBook(writer, store.Limits{PerDay: &perDay}), Budget: true,
				Tariff: ledger.Tariff{Model: fakeModel, Override: ledger.PriceOverride{Input: &price, Output: &price}},
			}), writer}, nil
		}},
		{Name: "router, skipping an open circuit breaker", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			r, err := router.New(router.Config{Use: []string{"down", p.Name()}, Targets: []router.Target{{Provider: down{}}, {Provider: p}}})
			for range 5 {
				if _, err := provider.Collect(r.Chat(context.Background(), stillRequest())); err != nil {
					return nil, err
				}
			}
			return r, err
		}},
		{Name: "cache, hit", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			return cache.New(p, cache.Config{Store: &cache.Memory{}}), nil
		}},
		{Name: "cache, miss", Wrap: func(p provider.Provider, _ string) (provider.Provider, error) {
			return cache.New(p, cache.Config{Store: &forgetful{}}), nil
		}},
		{Name: "record", Files: true, Wrap: func(p provider.Provider, dir string) (provider.Provider, error) {
			return record.New(p, record.Config{Dir: dir})
		}},
		{Name: "replay", Files: true, Wrap: func(p provider.Provider, dir string) (provider.Provider, error) {
			r, err := record.New(p, record.Config{Dir: dir})
			if err != nil {
				return nil, err
			}
			if _, err := provider.Collect(r.Chat(context.Background(), stillRequest())); err != nil {
				return nil, err
			}
			return record.Replay("replay", record.PlayerConfig{Dir: dir})
		}},
	}
}

// closing is a layer that holds a file open.
type closing struct {
	provider.Provider
	io.Closer
}

// free gives back what a layer holds.
func free(p provider.Provider) error {
	if c, ok := p.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// down is a provider that never answers.
type down struct{ still }

func (down) Name() string { return "down" }

func (down) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		yield(provider.Chunk{}, provider.Errorf(provider.Unavailable, "down", "", "nothing is listening there"))
	}
}

// forgetful is a store that keeps nothing.
type forgetful struct{ cache.Memory }

// Put keeps nothing.
func (*forgetful) Put(context.Context, string, []byte) error { return nil }

// still is an adapter without a server: three pieces of text and an end.
type still struct{}

var _ provider.Provider = still{}

func (still) Name() string { return "still" }

func (still) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (still) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		for _, text := range [...]string{"Hello", " wörld", "."} {
			if !yield(provider.Chunk{Text: text}, nil) {
				return
			}
		}
		yield(provider.Chunk{
			Finish: provider.FinishStop, Usage: &provider.Usage{InputTokens: 7, OutputTokens: 3},
			Route: &provider.Route{Provider: "still", Model: fakeModel, Endpoint: "still://", Local: true, Reason: "asked directly", FirstToken: 1, Total: 1},
		}, nil)
	}
}

// stillRequest is a question that a cache may keep the answer to.
func stillRequest() provider.Request {
	return provider.Request{
		Model: fakeModel, Messages: []provider.Message{provider.System("You are terse."), provider.User(streamPrompt)},
		Temperature: provider.Ptr(0.0), MaxTokens: provider.Ptr(100),
	}
}

// whole rounds, so that a few allocations of the runtime's own are none a call.
func whole(x float64) float64 { return math.Round(x) + 0 } // no -0

// LayerRow is what a layer costs for each call, above the adapter alone.
type LayerRow struct {
	Layer   string  `json:"layer"`
	Alone   Spread  `json:"alone_ns"`   // one call at a time
	Crowded Spread  `json:"crowded_ns"` // of processor time and waiting, 64 at once
	Allocs  float64 `json:"allocs"`
	Bytes   float64 `json:"bytes"`
	Files   bool    `json:"files,omitempty"` // it reads or writes files: no aim covers it
}

// Layers measures every layer in turn, rounds times, calls each time; of a layer
// with files a fiftieth.
func Layers(ctx context.Context, rounds, calls int) ([]LayerRow, error) {
	dir, err := os.MkdirTemp("", "tandem-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	all := layers()
	alone, crowded := make([][]Sample, len(all)), make([][]Sample, len(all))
	for round := range rounds {
		for i, l := range all {
			p, err := l.Wrap(still{}, filepath.Join(dir, fmt.Sprint(i, "-", round)))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			work := func(ctx context.Context) (string, error) {
				r, err := provider.Collect(p.Chat(ctx, stillRequest()))
				return r.Text, err
			}
			n := calls
			if l.Files {
				n = calls / 50
			}
			one, err := Measure(ctx, work, n, 1)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			many, err := Measure(ctx, work, n, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			if err := free(p); err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			alone[i], crowded[i] = append(alone[i], one), append(crowded[i], many)
		}
	}
	rows := make([]LayerRow, 0, len(all)-1)
	for i, l := range all[1:] {
		above := func(of [][]Sample, field func(Sample) float64) Spread {
			a, b := make([]float64, rounds), make([]float64, rounds)
			for r := range rounds {
				a[r], b[r] = field(of[i+1][r]), field(of[0][r])
			}
			return spread(subtract(a, b))
		}
		rows = append(rows, LayerRow{
			Layer: l.Name, Files: l.Files, Alone: above(alone, wall), Crowded: above(crowded, wall),
			Allocs: whole(above(alone, allocs).Median), Bytes: whole(above(alone, size).Median),
		})
	}
	return rows, nil
}
