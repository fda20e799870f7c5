package runner

import (
	"iter"
	"runtime"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
)

// What a run keeps of an answer grows with the answer, not with its square.
func TestARunGrowsWithItsAnswer(t *testing.T) {
	took := func(chunks int) uint64 {
		var events iter.Seq2[chain.Event, error] = func(yield func(chain.Event, error) bool) {
			yield(chain.Event{Type: chain.StepStart, Step: "s"}, nil)
			for range chunks {
				yield(chain.Event{Type: chain.StepChunk, Step: "s", Chunk: provider.Chunk{Text: "word", Thinking: "hm"}, Final: true}, nil)
			}
			yield(chain.Event{}, provider.Errorf(provider.Truncated, "", "", "cut"))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o := outcome{names: []string{"s"}}
		err := o.collect(events, nil)
		runtime.ReadMemStats(&after)
		if err == nil || len(o.cut.Text) != 4*chunks || len(o.cut.Thinking) != 2*chunks {
			t.Fatalf("%d bytes of %d chunks, %v", len(o.cut.Text), chunks, err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if one, two := took(20_000), took(40_000); two > 3*one {
		t.Errorf("20,000 chunks took %d bytes, and twice as many %d", one, two)
	}
}
