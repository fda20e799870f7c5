package canon_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/tandem-llm/tandem/internal/canon"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// full sets every field of a request.
func full() provider.Request {
	return provider.Request{
		Model: "m", Use: []string{"local"},
		Messages: []provider.Message{
			{Role: provider.RoleUser, Text: "look", Images: []provider.Image{{Data: []byte("png"), MIME: "image/png"}, {URL: "https://pictures.example/1"}}},
			{Role: provider.RoleAssistant, ToolCalls: []provider.ToolCall{{ID: "1", Name: "f", Arguments: json.RawMessage(`{"a":1}`)}}},
			{Role: provider.RoleTool, Text: "4", ToolCallID: "1", ToolName: "f"},
		},
		Temperature: provider.Ptr(0.5), TopP: provider.Ptr(0.9), Seed: provider.Ptr(int64(7)), MaxTokens: provider.Ptr(9), Stop: []string{"\n"},
		Schema: &provider.Schema{Name: "s", JSON: json.RawMessage(`{"type":"object"}`), Strict: true},
		Tools:  []provider.Tool{{Name: "f", Description: "does", Parameters: json.RawMessage(`{"type":"object"}`)}}, ToolChoice: "auto",
		Think: provider.ThinkOn, Privacy: provider.PrivacyLocal, Options: map[string]any{"top_k": 20, "a": true}, NoStream: true,
	}
}

func key(t *testing.T, r provider.Request, targets ...canon.Target) string {
	t.Helper()
	form := canon.Of(&r, targets)
	k, err := form.Key()
	if err != nil || len(k) != 64 {
		t.Fatalf("%q, %v", k, err)
	}
	return k
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
		"Schema.JSON":      func(r *provider.Request) { r.Schema.JSON = json.RawMessage(`{}`) },
		"Schema.Strict":    func(r *provider.Request) { r.Schema.Strict = false },
		"Tools":            func(r *provider.Request) { r.Tools = nil },
		"Tool.Name":        func(r *provider.Request) { r.Tools[0].Name = "g" },
		"Tool.Description": func(r *provider.Request) { r.Tools[0].Description = "" },
		"Tool.Parameters":  func(r *provider.Request) { r.Tools[0].Parameters = json.RawMessage(`{}`) },
		"Message":          func(r *provider.Request) { r.Messages = r.Messages[:2] },
		"Message.Role":     func(r *provider.Request) { r.Messages[0].Role = provider.RoleSystem },
		"Message.Text":     func(r *provider.Request) { r.Messages[0].Text = "Look" },
		"Image.Data":       func(r *provider.Request) { r.Messages[0].Images[0].Data = []byte("pnG") },
		"Image.MIME":       func(r *provider.Request) { r.Messages[0].Images[0].MIME = "" },
		"Image.URL":        func(r *provider.Request) { r.Messages[0].Images[1].URL += "2" },
		"ToolCall.ID":      func(r *provider.Request) { r.Messages[1].ToolCalls[0].ID = "2" },
		"ToolCall.Name":    func(r *provider.Request) { r.Messages[1].ToolCalls[0].Name = "g" },
		"ToolCall.Args":    func(r *provider.Request) { r.Messages[1].ToolCalls[0].Arguments = json.RawMessage(`{"a":2}`) },
		"ToolCallID":       func(r *provider.Request) { r.Messages[2].ToolCallID = "" },
		"ToolName":         func(r *provider.Request) { r.Messages[2].ToolName = "" },
	} {
		r := full()
		change(&r)
		k := key(t, r)
		if other, same := keys[k]; same {
			t.Errorf("a change of %s gives the key of %s", name, other)
		}
		keys[k] = name
	}
	a := canon.Target{Name: "local", Model: "m", Endpoint: "http://h", NumCtx: 4096, Options: map[string]any{"k": 1}}
	for _, change := range []func(*canon.Target){
		func(*canon.Target) {}, func(t *canon.Target) { t.Name = "other" }, func(t *canon.Target) { t.Model = "n" },
		func(t *canon.Target) { t.Endpoint = "" }, func(t *canon.Target) { t.NumCtx = 8192 }, func(t *canon.Target) { t.Options = nil },
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
	r.Options["x"] = math.NaN()
	form := canon.Of(&r, nil)
	if _, err := form.Key(); err == nil {
		t.Error("NaN has a key")
	}
}
