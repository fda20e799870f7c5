package provider

import (
	"runtime"
	"strings"
	"testing"
)

func TestCollectDropsWhatBeganAgain(t *testing.T) {
	r, err := Collect(func(yield func(Chunk, error) bool) {
		for _, c := range []Chunk{
			{Text: "The pres", Thinking: "Hm."},
			{ToolCalls: []ToolCall{{Name: "f"}}},
			{Text: "The president", Restart: true},
			{Text: " is", Finish: FinishStop},
		} {
			if !yield(c, nil) {
				return
			}
		}
	})
	if err != nil || r.Text != "The president is" || r.Thinking != "" || r.ToolCalls != nil || r.Finish != FinishStop {
		t.Errorf("got %+v, %v; want the second answer alone", r, err)
	}
}

func TestCollectKeepsTextThatWasThinking(t *testing.T) {
	r, err := Collect(func(yield func(Chunk, error) bool) {
		for _, c := range []Chunk{{Thinking: "Hm. "}, {Text: "So "}, {Text: "what?"}, {Text: "Paris", Restart: true, Thought: true}, {Text: ".", Finish: FinishStop}} {
			if !yield(c, nil) {
				return
			}
		}
	})
	if err != nil || r.Text != "Paris." || r.Thinking != "Hm. So what?" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// An answer in many pieces is put together in about three times its size, of
// which one stays, and doubling it doubles that.
func TestCollectGrowsWithTheAnswer(t *testing.T) {
	for _, piece := range []int{1, 4, 300, 4095, 16 << 10, 3 << 20} {
		text := strings.Repeat("x", piece)
		took := func(size int) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := Collect(func(yield func(Chunk, error) bool) {
				for n := 0; n < size; n += piece {
					if !yield(Chunk{Text: text, Thinking: text}, nil) {
						return
					}
				}
				yield(Chunk{Finish: FinishStop}, nil)
			})
			runtime.ReadMemStats(&after)
			if err != nil || len(r.Text) < size || r.Text != r.Thinking || strings.Trim(r.Text, "x") != "" {
				t.Fatalf("pieces of %d: %d bytes, %v", piece, len(r.Text), err)
			}
			return after.TotalAlloc - before.TotalAlloc
		}
		const size = 6 << 20
		if got := took(size); got > 2*3*size+8<<20 {
			t.Errorf("pieces of %d bytes: %d MiB took %d MiB", piece, 2*size>>20, got>>20)
		}
		if one, two := took(size), took(2*size); two > 3*one {
			t.Errorf("pieces of %d bytes: %d took %d, and twice as much %d", piece, size, one, two)
		}
	}
}
