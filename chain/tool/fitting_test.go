package tool_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

// A model writes an object within its arguments as JSON text: the tool gets the
// object, and the conversation has it, too. What fits as a text stays one.
func TestValuesWrittenAsText(t *testing.T) {
	var got []string
	save := tool.Tool{
		Name: "save", Parameters: json.RawMessage(`{"type":"object","properties":{"rows":{"type":"array","items":{"type":"object"}},"n":{"type":"integer"},"note":{"type":"string"}},"required":["rows"]}`),
		Call: func(_ context.Context, args json.RawMessage) (tool.Result, error) {
			got = append(got, string(args))
			return tool.Result{Text: "saved"}, nil
		},
	}
	const wrote, want = `{"rows":"[{\"a\": 1}]","n":"2","note":"[3]"}`, `{"rows":[{"a":1}],"n":2,"note":"[3]"}`
	f := &script{turns: [][]provider.Chunk{
		{wants("save", wrote), ends(provider.FinishToolCalls)},
		{wants("save", `{"rows":"two"}`), ends(provider.FinishToolCalls)},
		{says("done"), ends(provider.FinishStop)},
	}}
	var refused int
	p := tool.Loop(f, tool.Options{Tools: []tool.Tool{save}, Confirm: tool.Always, Observe: func(e tool.Event) {
		if e.Outcome == tool.Wrong {
			refused++
		}
	}})
	if _, err := provider.Collect(p.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("save it")}})); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != want || refused != 1 {
		t.Errorf("the tool got %q, want %q once; %d calls were refused, want 1", got, want, refused)
	}
	if again := f.requests()[1].Messages[1].ToolCalls[0].Arguments; string(again) != want {
		t.Errorf("the model is shown %s", again)
	}
	if _, err := save.Run(t.Context(), json.RawMessage(wrote)); err != nil || got[1] != want {
		t.Errorf("outside a loop it gets %s, %v", got[len(got)-1], err)
	}
}
