package chain

import (
	"context"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// weigher answers with a kibibyte, and weighs the live heap at some calls.
type weigher struct {
	atOnce
	at   func(call int) bool
	mu   sync.Mutex
	call int
	heap []uint64
}

const weigherAnswer = 1 << 10

func (w *weigher) Chat(_ context.Context, _ provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		w.mu.Lock()
		w.call++
		if w.at(w.call) {
			w.heap = append(w.heap, liveHeap())
		}
		w.mu.Unlock()
		yield(provider.Chunk{
			Text: strings.Repeat("x", weigherAnswer), Finish: provider.FinishStop,
			Usage: &provider.Usage{InputTokens: 1, OutputTokens: 1},
			Route: &provider.Route{Provider: "at once", Model: "none", Local: true, Reason: "asked directly"},
		}, nil)
	}
}

func liveHeap() uint64 {
	runtime.GC() // what a sync.Pool holds goes with the second
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What each keeps of an item is its value, and nothing of how it came to be:
// neither its messages nor its events, usage and route.
func TestEachKeepsTheValuesOnly(t *testing.T) {
	const items, slack = 10_000, 1 << 20
	list := make([]any, items)
	for i := range list {
		list[i] = "what is to be read of this item, which is not short, " + strings.Repeat("y", 500)
	}
	c := mustNew(t, Step{Name: "read", Prompt: "Read {item}", Each: "items", Concurrency: 8})
	for _, tt := range []struct {
		name string
		run  func(p provider.Provider) (last any, err error)
	}{
		{"Run", func(p provider.Provider) (last any, err error) {
			for e, err := range c.Run(t.Context(), p, map[string]any{"items": list}) {
				if err != nil {
					return nil, err
				}
				if e.Type == StepEnd {
					last = e.Result.Value
				}
			}
			return last, nil
		}},
		{"Output", func(p provider.Provider) (any, error) {
			out, err := c.Output(t.Context(), p, map[string]any{"items": list})
			return out.Value, err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &weigher{at: func(call int) bool { return call%(items/5) == 0 }}
			before := liveHeap()
			value, err := tt.run(w)
			if values, ok := value.([]any); err != nil || !ok || len(values) != items || len(values[items-1].(string)) != weigherAnswer {
				t.Fatalf("the value is not a list of %d answers: %T, %v", items, value, err)
			}
			if len(w.heap) != 5 {
				t.Fatalf("weighed %d times", len(w.heap))
			}
			for i, heap := range w.heap {
				done := uint64(i+1) * items / 5
				if limit := before + done*weigherAnswer + slack; heap > limit {
					t.Errorf("after %d items the heap is %d KiB, and the answers %d KiB with %d KiB before them", done, heap>>10, done*weigherAnswer>>10, before>>10)
				}
				t.Logf("after %d items: %d KiB above the answers", done, (int64(heap)-int64(before)-int64(done*weigherAnswer))>>10)
			}
		})
	}
}
