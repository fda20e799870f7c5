package canon_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/tandem-llm/tandem/internal/canon"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// full sets every field of a request.
func full() provider.Request {
	r := before()
	r.Completion = &provider.Completion{Raw: true, Suffix: "s", Template: "t"}
	r.Messages[1].From = "other"
	r.Messages[1].Thinking, r.Messages[1].ToolCalls[0].Extra = "hm", json.RawMessage(`{"google":{}}`)
	r.Messages[0].Images = append(r.Messages[0].Images, provider.Image{Bytes: 4, SHA256: "05"})
	return r
}

// before sets every field that requests had when testdata/keys.json was made.
func before() provider.Request {
	return provider.Request{
		Model: "m", Use: []string{"local"},
		Messages: []provider.Message{
			{Role: provider.RoleUser, Text: "look", Images: []provider.Image{{Data: []byte("png"), MIME: "image/png"}, {URL: "https://pictures.example/1"}}},
			{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{{ID: "1", Name: "f", Arguments: json.RawMessage(`{"a":1}`)}}},
			{Role: provider.RoleTool, Text: "4", ToolCallID: "1", ToolName: "f"},
		},
		Temperature: provider.Ptr(0.5), TopP: provider.Ptr(0.9), Seed: provider.Ptr(int64(7)), MaxTokens: provider.Ptr(9), Stop: []string{"\n"},
		Schema: &provider.Schema{Checked: true, Name: "s", JSON: json.RawMessage(`{"type":"object"}`), Strict: true},
		Tools:  []provider.Tool{{Name: "f", Description: "does", Parameters: json.RawMessage(`{"type":"object"}`)}}, ToolChoice: "auto",
		Think: provider.ThinkOn, Privacy: provider.PrivacyLocal, Options: map[string]any{"top_k": 20, "a": true}, NoStream: true,
	}
}

func key(t *testing.T, r provider.Request, targets ...provider.Candidate) string {
	t.Helper()
	k, err := canon.Key(&r, targets)
	if err != nil || len(k) != 64 {
		t.Fatalf("%q, %v", k, err)
	}
	return k
}

// The keys were made by the program of 2026-11-28: its recordings and its cache
// are still found.
func TestKeysStayTheSame(t *testing.T) {
	data, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []struct{ Name, Key, JSON string }
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	a := provider.Candidate{Name: "local", Model: "m", Endpoint: "http://h", NumCtx: 4096, Options: map[string]any{"k": 1, "<": "&"}}
	b := provider.Candidate{Name: "openai", NumCtx: -1}
	plain := provider.Request{Messages: []provider.Message{provider.User("hi <b>&\u2028 é")}}
	questions := map[string]struct {
		req        provider.Request
		candidates []provider.Candidate
	}{
		"full": {before(), nil}, "full with targets": {before(), []provider.Candidate{a, b}}, "full, no candidate": {before(), []provider.Candidate{}},
		"plain": {plain, nil}, "plain with a target": {plain, []provider.Candidate{b}},
		"nothing": {}, "nothing with a target": {candidates: []provider.Candidate{a}},
	}
	if len(want) != len(questions) {
		t.Fatalf("%d keys for %d questions", len(want), len(questions))
	}
	for _, w := range want {
		q := questions[w.Name]
		data, err := canon.JSON(&q.req, q.candidates)
		var got bytes.Buffer
		json.HTMLEscape(&got, data)
		if err != nil || got.String() != w.JSON {
			t.Errorf("%s: %v\n%s, want\n%s", w.Name, err, got.String(), w.JSON)
		}
		if k, err := canon.Key(&q.req, q.candidates); k != w.Key {
			t.Errorf("%s: key %s, want %s (%v)", w.Name, k, w.Key, err)
		}
	}
}

// Each field that matters gives another key when it changes; a field that is
// added to the contract must be set in full, and changed here.
func TestEveryFieldMatters(t *testing.T) {
	if unset := providertest.Unset(full()); len(unset) > 0 {
		t.Fatalf("this test knows nothing of %q", unset)
	}
	keys := map[string]string{key(t, full()): "itself"}
	for name, change := range map[string]func(*provider.Request){
		"Model": func(r *provider.Request) { r.Model = "n" }, "Use": func(r *provider.Request) { r.Use = nil },
		"order of Use":   func(r *provider.Request) { r.Use = []string{"local", "openai"} },
		"Temperature":    func(r *provider.Request) { r.Temperature = provider.Ptr(0.0) },
		"no Temperature": func(r *provider.Request) { r.Temperature = nil },
		"TopP":           func(r *provider.Request) { r.TopP = nil }, "Seed": func(r *provider.Request) { r.Seed = provider.Ptr(int64(0)) },
		"no Seed": func(r *provider.Request) { r.Seed = nil }, "MaxTokens": func(r *provider.Request) { r.MaxTokens = nil },
		"Stop": func(r *provider.Request) { r.Stop = nil }, "Think": func(r *provider.Request) { r.Think = "" },
		"Privacy": func(r *provider.Request) { r.Privacy = "" }, "ToolChoice": func(r *provider.Request) { r.ToolChoice = "" },
		"Options": func(r *provider.Request) { r.Options = map[string]any{"top_k": 21, "a": true} },
		"Schema":  func(r *provider.Request) { r.Schema = nil }, "Schema.Name": func(r *provider.Request) { r.Schema.Name = "" },
		"Schema.JSON":         func(r *provider.Request) { r.Schema.JSON = json.RawMessage(`{}`) },
		"Schema.Strict":       func(r *provider.Request) { r.Schema.Strict = false },
		"Tools":               func(r *provider.Request) { r.Tools = nil },
		"Tool.Name":           func(r *provider.Request) { r.Tools[0].Name = "g" },
		"Tool.Description":    func(r *provider.Request) { r.Tools[0].Description = "" },
		"Tool.Parameters":     func(r *provider.Request) { r.Tools[0].Parameters = json.RawMessage(`{}`) },
		"Completion":          func(r *provider.Request) { r.Completion = nil },
		"Completion.Raw":      func(r *provider.Request) { r.Completion.Raw = false },
		"Completion.Suffix":   func(r *provider.Request) { r.Completion.Suffix = "" },
		"Completion.Template": func(r *provider.Request) { r.Completion.Template = "" },
		"Message":             func(r *provider.Request) { r.Messages = r.Messages[:2] },
		"Message.Role":        func(r *provider.Request) { r.Messages[0].Role = provider.RoleSystem },
		"Message.Text":        func(r *provider.Request) { r.Messages[0].Text = "Look" },
		"Image.Data":          func(r *provider.Request) { r.Messages[0].Images[0].Data = []byte("pnG") },
		"Image.MIME":          func(r *provider.Request) { r.Messages[0].Images[0].MIME = "" },
		"Image.SHA256":        func(r *provider.Request) { r.Messages[0].Images[2].SHA256 = "06" },
		"Image.Bytes":         func(r *provider.Request) { r.Messages[0].Images[2].Bytes = 5 },
		"Thinking":            func(r *provider.Request) { r.Messages[1].Thinking = "" },
		"ToolCall.Extra":      func(r *provider.Request) { r.Messages[1].ToolCalls[0].Extra = nil },
		"Image.URL":           func(r *provider.Request) { r.Messages[0].Images[1].URL += "2" },
		"ToolCall.ID":         func(r *provider.Request) { r.Messages[1].ToolCalls[0].ID = "2" },
		"ToolCall.Name":       func(r *provider.Request) { r.Messages[1].ToolCalls[0].Name = "g" },
		"ToolCall.Args":       func(r *provider.Request) { r.Messages[1].ToolCalls[0].Arguments = json.RawMessage(`{"a":2}`) },
		"ToolCallID":          func(r *provider.Request) { r.Messages[2].ToolCallID = "" },
		"ToolName":            func(r *provider.Request) { r.Messages[2].ToolName = "" },
	} {
		r := full()
		change(&r)
		k := key(t, r)
		if other, same := keys[k]; same {
			t.Errorf("a change of %s gives the key of %s", name, other)
		}
		keys[k] = name
	}
	a := provider.Candidate{Name: "local", Model: "m", Endpoint: "http://h", NumCtx: 4096, Options: map[string]any{"k": 1}}
	for _, change := range []func(*provider.Candidate){
		func(*provider.Candidate) {}, func(t *provider.Candidate) { t.Name = "other" }, func(t *provider.Candidate) { t.Model = "n" },
		func(t *provider.Candidate) { t.Endpoint = "" }, func(t *provider.Candidate) { t.NumCtx = 8192 }, func(t *provider.Candidate) { t.Options = nil },
	} {
		b := a
		change(&b)
		k := key(t, full(), b)
		if other, same := keys[k]; same {
			t.Errorf("%+v has the key of %s", b, other)
		}
		keys[k] = "a target"
	}
}

func TestWhatDoesNotMatter(t *testing.T) {
	r := full()
	r.NoStream = false
	r.Schema.JSON = json.RawMessage("{ \"type\" :\n\"object\" }")
	r.Options = map[string]any{"a": true, "top_k": 20}
	if key(t, r) != key(t, full()) {
		t.Error("streaming, white space or the order of options changed the key")
	}
	r = full()
	r.Messages[1].From = "local"
	if key(t, r) != key(t, full()) {
		t.Error("who gave an answer before changed the key")
	}
	r.Options["x"] = math.NaN()
	if _, err := canon.Key(&r, nil); err == nil {
		t.Error("NaN has a key")
	}
}
