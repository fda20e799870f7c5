package store

import (
	"database/sql"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// The record in testdata was written by a program of November 2026, when the
// store had types of its own.
func TestARecordOfAnEarlierProgramIsRead(t *testing.T) {
	data, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	s := New(t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	err = s.begin(t.Context(), func(tx *sql.Tx) error {
		r := row{run: Run{ID: "r"}, call: &Call{RunID: "r"}, record: string(data)}
		return r.insert(t.Context(), tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.Run(t.Context(), "r")
	if err != nil || len(run.Calls) != 1 {
		t.Fatalf("%+v, %v", run, err)
	}
	c := run.Calls[0]
	req, whole := c.Request()
	want := provider.Request{
		Model: "m", Use: []string{"local"},
		Messages: []provider.Message{
			{Role: provider.RoleUser, Text: "look", Images: []provider.Image{
				{Bytes: 3, SHA256: "8f8cbb7dcf46e0bc7d53265749a6c17d116093a6ba95e442764060c76fd4a86c", MIME: "image/png"}, {URL: "https://pictures.example/1"},
			}},
			{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{
				{ID: "1", Name: "f", Arguments: json.RawMessage(`{"a":1}`)}, {Name: "g", Arguments: json.RawMessage(`{"a": tru`)},
			}},
			{Role: provider.RoleTool, Text: "4", ToolCallID: "1", ToolName: "f"},
		},
		Temperature: provider.Ptr(0.5), TopP: provider.Ptr(0.9), Seed: provider.Ptr(int64(7)), MaxTokens: provider.Ptr(9), Stop: []string{"\n"},
		Schema: &provider.Schema{Name: "s", JSON: json.RawMessage(`{"type":"object"}`), Strict: true},
		Tools:  []provider.Tool{{Name: "f", Description: "does", Parameters: json.RawMessage(`{"type":"object"}`)}}, ToolChoice: "auto",
		Think: provider.ThinkOn, Privacy: provider.PrivacyLocal, Options: map[string]any{"top_k": 20.0, "a": true}, NoStream: true,
	}
	if !reflect.DeepEqual(req, want) || whole {
		t.Errorf("whole %v\n%+v, want\n%+v", whole, req, want)
	}
	if u := c.Usage; u == nil || *u != (provider.Usage{InputTokens: 4, CachedTokens: 1, OutputTokens: 3, ThinkingTokens: 2}) {
		t.Errorf("usage %+v", u)
	}
	if len(c.ToolCalls) != 2 || string(c.ToolCalls[0].Arguments) != `{"b":1}` || string(c.ToolCalls[1].Arguments) != `{"b": tru` || c.Answer != "an answer" || c.Thinking != "hm" {
		t.Errorf("call %+v", c)
	}
}
