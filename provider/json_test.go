package provider_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// everything is a request in which every field is set.
func everything() provider.Request {
	return provider.Request{
		Model: "m", Use: []string{"local", "openai"}, Temperature: provider.Ptr(0.0), TopP: provider.Ptr(0.9), Seed: provider.Ptr(int64(7)),
		MaxTokens: provider.Ptr(12), Stop: []string{"\n", "<end>"}, ToolChoice: "required", Think: provider.ThinkLow, Privacy: provider.PrivacyLocal,
		Options: map[string]any{"top_k": 40.0, "a": "b"}, NoStream: true,
		Completion: &provider.Completion{Raw: true, Suffix: "s", Template: "t"},
		Schema:     &provider.Schema{Name: "s", JSON: json.RawMessage(`{"type":"object","properties":{"z":{},"a":{}}}`), Strict: true},
		Tools:      []provider.Tool{{Name: "t", Description: "d", Parameters: json.RawMessage(`{"z":1,"a":2}`)}},
		Messages: []provider.Message{
			provider.System("be brief"),
			{Role: provider.RoleUser, Text: "look", Images: []provider.Image{{Data: []byte{1, 2, 3}, MIME: "image/png"}, {URL: "https://a.test/x.png"}}},
			{Role: provider.RoleAssistant, Thinking: "hm", From: "local", ToolCalls: []provider.ToolCall{
				{ID: "c1", Name: "t", Arguments: json.RawMessage(`{"b": 1,"a":2}`), Extra: json.RawMessage(`{"google":{"thought_signature":"abc"}}`)},
			}},
			{Role: provider.RoleTool, Text: "done", ToolCallID: "c1", ToolName: "t"},
		},
	}
}

func TestARequestComesBackFromItsJSON(t *testing.T) {
	want := everything()
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got provider.Request
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as\n%+v, want\n%+v", got, want)
	}
	for i := range reflect.ValueOf(want).NumField() {
		if reflect.ValueOf(want).Field(i).IsZero() {
			t.Errorf("%s is not set in this test", reflect.TypeOf(want).Field(i).Name)
		}
	}
}

// The keys of recordings and caches are digests of these bytes: files of
// earlier versions are found by them.
func TestTheCanonicalFormStaysAsItIs(t *testing.T) {
	r := everything()
	data, err := r.CanonicalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`{"completion":{"raw":true,"suffix":"s","template":"t"},"max_tokens":12,"messages":[{"role":"system","text":"be brief"},
{"images":[{"bytes":3,"mime":"image/png","sha256":"039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"},{"url":"https://a.test/x.png"}],"role":"user","text":"look"},
{"role":"assistant","thinking":"hm","tool_calls":[{"arguments":"{\"b\": 1,\"a\":2}","extra":{"google":{"thought_signature":"abc"}},"id":"c1","name":"t"}]},
{"role":"tool","text":"done","tool_call_id":"c1","tool_name":"t"}],"model":"m","options":{"a":"b","top_k":40},"privacy":"local",
"schema":{"json":{"type":"object","properties":{"z":{},"a":{}}},"name":"s","strict":true},"seed":7,"stop":["\n","<end>"],"temperature":0,"think":"low",
"tool_choice":"required","tools":[{"description":"d","name":"t","parameters":{"z":1,"a":2}}],"top_p":0.9,"use":["local","openai"]}`, "\n", "")
	if string(data) != want {
		t.Errorf("canonical:\n%s\nwant:\n%s", data, want)
	}
	var back provider.Request
	if err := json.Unmarshal(data, &back); err != nil || back.Validate() == nil {
		t.Errorf("a request whose image is a digest is read (%v), and must not be valid to send", err)
	}
}

func TestToolCallsOfOlderFilesAreRead(t *testing.T) {
	for _, text := range []string{
		`{"ID":"c1","Name":"t","Arguments":{"a":1}}`,
		`{"id":"c1","name":"t","arguments":{"a":1}}`,
		`{"id":"c1","name":"t","arguments":"{\"a\":1}"}`,
	} {
		var c provider.ToolCall
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.ID != "c1" || c.Name != "t" || string(c.Arguments) != `{"a":1}` {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}

func TestBrokenArgumentsAreKept(t *testing.T) {
	want := provider.ToolCall{Name: "t", Arguments: json.RawMessage(`{"a": tru`)}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got provider.ToolCall
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v", data, got, err)
	}
}

func TestAChunkComesBackFromItsJSON(t *testing.T) {
	want := provider.Chunk{
		Text: "a", Thinking: "b", ToolCalls: []provider.ToolCall{{ID: "c", Name: "t"}}, Restart: true, Finish: provider.FinishStop,
		Usage: &provider.Usage{InputTokens: 1, CachedTokens: 2, OutputTokens: 3, ThinkingTokens: 4},
		Route: &provider.Route{Provider: "local", Attempts: []provider.Attempt{{Provider: "local", Outcome: provider.OutcomeAnswered}}},
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got provider.Chunk
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v", data, got, err)
	}
	if u := `"usage":{"input_tokens":1,"cached_tokens":2,"output_tokens":3,"thinking_tokens":4}`; !strings.Contains(string(data), u) {
		t.Errorf("%s: want %s", data, u)
	}
}

// What was written comes back with the same digits and is written the same again,
// wherever it lies; what float64 holds is still one.
func TestOptionsKeepTheirDigits(t *testing.T) {
	for _, number := range []string{
		"0", "-0", "40", "-1", "0.7", "1e-7", "9007199254740992", "9007199254740993", "-9007199254740993", "1152921504606846976",
		"9223372036854775807", "-9223372036854775808", "18446744073709551615", "100000000000000000000000", "123456789012345678901234567890",
	} {
		for _, form := range []string{`{"a":%s}`, `{"a":[1,%s]}`, `{"a":{"b":[{"c":%s}]}}`} {
			options := strings.ReplaceAll(form, "%s", number)
			var r provider.Request
			if err := json.Unmarshal([]byte(`{"messages":[],"options":`+options+`}`), &r); err != nil {
				t.Fatal(err)
			}
			data, err := r.CanonicalJSON()
			if want := `{"messages":[],"options":` + options + `}`; err != nil || string(data) != want {
				t.Errorf("%s, %v, want %s", data, err, want)
			}
			var c provider.Candidate
			if err := json.Unmarshal([]byte(`{"name":"n","options":`+options+`}`), &c); err != nil {
				t.Fatal(err)
			}
			if data, err := json.Marshal(c); err != nil || string(data) != `{"name":"n","options":`+options+`}` {
				t.Errorf("a candidate: %s, %v", data, err)
			}
		}
	}
	var o provider.Options
	if err := json.Unmarshal([]byte(`{"a":40,"b":1.50,"c":1e3,"d":9007199254740993,"e":null,"f":"1","g":1E400}`), &o); err != nil {
		t.Fatal(err)
	}
	if want := (provider.Options{"a": 40.0, "b": 1.5, "c": 1000.0, "d": json.Number("9007199254740993"), "e": nil, "f": "1", "g": json.Number("1E400")}); !reflect.DeepEqual(o, want) {
		t.Errorf("%#v, want %#v", o, want)
	}
	for _, bad := range []string{`[]`, `1`, `{"a":}`} {
		if err := json.Unmarshal([]byte(bad), &o); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	if o = nil; json.Unmarshal([]byte("null"), &o) != nil || o != nil {
		t.Errorf("null is %v", o)
	}
}
