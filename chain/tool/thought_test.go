package tool_test

import (
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// What turns out to have been thinking is not said to the model as its text, nor
// is it part of the answer.
func TestTextThatWasThinking(t *testing.T) {
	calls := 0
	call := wants("weather", `{"city":"Delhi"}`)
	call.Restart, call.Thought = true, true
	s := &script{turns: [][]provider.Chunk{
		turn(says("I should "), says("look."), call),
		turn(says("Easy."), provider.Chunk{Text: "Sunny.", Restart: true, Thought: true}),
	}}
	r, err := provider.Collect(tool.Loop(s, tool.Options{Tools: []tool.Tool{weather(t, &calls)}, Confirm: tool.Always}).Chat(t.Context(), hello()))
	if err != nil || r.Text != "Sunny." || calls != 1 || len(s.requests()) != 2 {
		t.Fatalf("%+v, %v, %d calls", r, err, calls)
	}
	if m := s.requests()[1].Messages[1]; m.Text != "" || m.Thinking != "I should look." {
		t.Errorf("the model was told that it said %q and thought %q", m.Text, m.Thinking)
	}
}
