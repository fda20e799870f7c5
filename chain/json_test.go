package chain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/provider"
)

func TestStepResultAsJSON(t *testing.T) {
	full := chain.StepResult{
		Name: "both.pro", Text: `["a",2]`, Value: []any{"a", 2}, Thinking: "hm", Finish: provider.FinishStop,
		Usage: &provider.Usage{InputTokens: 3, OutputTokens: 4}, Route: &provider.Route{Provider: "local", Model: "qwen3:8b", Local: true},
		Answered: []chain.Answered{{Provider: "local", Model: "qwen3:8b", Local: true, Calls: 2}}, Took: 5, Chosen: "pro",
		Passages: []retrieve.Passage{{Text: "p", Source: "notes.md", Line: 1, Offset: 2, Score: 0.5, Privacy: provider.PrivacyLocal}},
	}
	for _, tc := range []struct {
		name   string
		result chain.StepResult
		want   string
	}{
		{"a text", chain.StepResult{Name: "a", Text: "x < y", Value: "x < y"}, `{"name":"a","answer":"x < y"}`},
		{"a parsed text", chain.StepResult{Name: "a", Text: "Yes.", Value: "yes"}, `{"name":"a","answer":"Yes.","value":"yes"}`},
		{"a number", chain.StepResult{Name: "a", Text: "3", Value: 3}, `{"name":"a","answer":"3","value":3}`},
		{"a text that looks like a number", chain.StepResult{Name: "a", Text: "3", Value: "3"}, `{"name":"a","answer":"3"}`},
		{"null", chain.StepResult{Name: "a", Text: "null", Value: nil}, `{"name":"a","answer":"null","value":null}`},
		{"an empty list", chain.StepResult{Name: "a", Text: "[]", Value: []any{}}, `{"name":"a","answer":"[]","value":[]}`},
		{"false", chain.StepResult{Name: "a", Text: "false", Value: false}, `{"name":"a","answer":"false","value":false}`},
		{"skipped", chain.StepResult{Name: "a", Value: "", Skipped: true}, `{"name":"a","answer":"","skipped":true}`},
		{"everything", full, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := marshal(tc.result)
			if err != nil || tc.want != "" && string(data) != tc.want {
				t.Errorf("got %s, %v\nwant %s", data, err, tc.want)
			}
			var back chain.StepResult
			if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, tc.result) {
				t.Errorf("read back %+v, %v\nwant %+v", back, err, tc.result)
			}
		})
	}
}

// Every field of a result is in its JSON, so that a new one is not forgotten.
func TestEveryFieldOfAStepResultHasATag(t *testing.T) {
	for f := range reflect.TypeFor[chain.StepResult]().Fields() {
		if f.Tag.Get("json") == "" {
			t.Errorf("%s has no tag", f.Name)
		}
	}
}

func TestEventAsJSON(t *testing.T) {
	result := chain.StepResult{Name: "a", Text: "x", Value: "x"}
	for _, tc := range []struct {
		name  string
		event chain.Event
		want  string
	}{
		{"start", chain.Event{Type: chain.StepStart, Step: "a", Messages: []provider.Message{provider.User("hi")}}, `{"type":"start","index":0,"step":"a","messages":[{"role":"user","text":"hi"}]}`},
		{"chunk", chain.Event{Type: chain.StepChunk, Index: 1, Step: "a.b", Chunk: provider.Chunk{Text: "x"}, Final: true}, `{"type":"chunk","index":1,"step":"a.b","chunk":{"text":"x"},"final":true}`},
		{"empty chunk", chain.Event{Type: chain.StepChunk, Step: "a"}, `{"type":"chunk","index":0,"step":"a","chunk":{}}`},
		{"end", chain.Event{Type: chain.StepEnd, Step: "a[0]", Total: 3, Concurrent: true, Result: &result}, `{"type":"end","index":0,"step":"a[0]","concurrent":true,"total":3,"result":{"name":"a","answer":"x"}}`},
		{"retry", chain.Event{Type: chain.StepRetry, Step: "a", Err: errors.New("no number")}, `{"type":"retry","index":0,"step":"a","error":"no number"}`},
		{"tool", chain.Event{Type: chain.StepTool, Step: "a", Tool: &tool.Event{Round: 1, Name: "sum", Arguments: []byte(`{"a":1}`), Outcome: tool.Done, Text: "1", Took: time.Second}}, `{"type":"tool","index":0,"step":"a","tool":{"round":1,"name":"sum","arguments":{"a":1},"outcome":"done","result":"1","took_ns":1000000000}}`},
		{"tool, no JSON", chain.Event{Type: chain.StepTool, Step: "a", Tool: &tool.Event{Name: "sum", Arguments: []byte(`{"a`), Outcome: tool.Wrong, Err: errors.New("cut")}}, `{"type":"tool","index":0,"step":"a","tool":{"name":"sum","arguments":"{\"a","outcome":"wrong","result":"","error":"cut"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := marshal(tc.event)
			if err != nil || string(data) != tc.want {
				t.Errorf("got %s, %v\nwant %s", data, err, tc.want)
			}
			var back chain.Event
			if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, tc.event) {
				t.Errorf("read back %+v, %v\nwant %+v", back, err, tc.event)
			}
		})
	}
	if _, err := json.Marshal(chain.Event{}); err == nil {
		t.Error("an event of no type has a JSON form")
	}
	if err := json.Unmarshal([]byte(`{"type":"other"}`), new(chain.Event)); err == nil {
		t.Error("an unknown type of event was read")
	}
}

// marshal is json.Marshal with <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
