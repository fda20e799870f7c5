package provider

import "testing"

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
