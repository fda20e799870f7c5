package anthropic_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// What Claude Code 2.1.197 sends, shortened: the first turn, and the second after a call
// of a tool. Marks stand for what differs between them: CACHED is cache_control.
const (
	claudeHead = `{"model":"anthropic/ok","max_tokens":32000,"stream":true,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"},
		"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},
		"metadata":{"user_id":"{\"device_id\":\"b5\",\"account_uuid\":\"\",\"session_id\":\"46313715\"}"},`
	claudeUser = `{"role":"user","content":[{"type":"text","text":"<system-reminder>\n# currentDate\nToday's date is 2026-11-29.\n</system-reminder>\n\n"},{"type":"text","text":"run echo hi"CACHED}]},
		{"role":"system","content":"Available agent types for the Agent tool:\n- Explore: Read-only"}`
	claudeCall = `,{"role":"system","content":"<total_tokens>187995 tokens left</total_tokens>\n\nToken usage: 12005/180000; 167995 remaining"},
		{"role":"assistant","content":[{"type":"thinking","thinking":"Let me see.","signature":"tandem.aG91c2U"},{"type":"tool_use","id":"call_1","name":"Bash","input":{"command": "echo hi"}}]},
		{"role":"user","content":[{"tool_use_id":"call_1","type":"tool_result","content":"hi","is_error":false},{"type":"text","text":"<system-reminder>\nUSD budget: $0.1/$5; $4.9 remaining\n</system-reminder>"}]},
		{"role":"system","content":"<total_tokens>186995 tokens left</total_tokens>"}`
	claudeBash = `{"name":"Bash","description":"Runs","input_schema":{"type":"object","properties":{"command":{"type":"string"}}}}`
	claudeRead = `{"name":"Read","description":"Reads","input_schema":{"type":"object"}CACHED}`
)

func claudeSystem(billing, left string) string {
	return `"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.197.` + billing + `; cc_entrypoint=cli;"},
		{"type":"text","text":"You are Claude Code.","cache_control":{"type":"ephemeral"}},
		{"type":"text","text":"\nYou help.\n\n<total_tokens>` + left + ` tokens left</total_tokens>"}],`
}

const claudeSession = "X-Claude-Code-Session-Id: 46313715"

// The second turn of Claude Code is the first with more behind it, byte for byte,
// whatever it changes at the beginning.
func TestPrefix(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	cached := strings.NewReplacer("CACHED", `,"cache_control":{"type":"ephemeral"}`)
	plain := strings.NewReplacer("CACHED", "")
	first := claudeHead + claudeSystem("c40", "200000") + `"tools":[` + cached.Replace(claudeBash+","+claudeRead) + `],"messages":[` + cached.Replace(claudeUser) + `]}`
	second := claudeHead + claudeSystem("123", "187995") + `"tools":[` + plain.Replace(claudeRead+","+claudeBash) + `],"messages":[` + plain.Replace(claudeUser) + claudeCall + `]}`
	for i, body := range []string{first, first, second} {
		r := gatewaytest.Post(t, url+path+"?beta=true", body, claudeSession)
		if r.Status != 200 || !strings.Contains(r.Body, "message_stop") {
			t.Fatalf("%d: %d %s", i, r.Status, r.Body)
		}
		for _, note := range []string{"billing line", "tokens left"} {
			if !strings.Contains(r.Header.Get("X-Tandem-Notes"), note) {
				t.Errorf("no note of the %s: %q", note, r.Header.Get("X-Tandem-Notes"))
			}
		}
	}
	sent := e.Requests(chat)
	if !bytes.Equal(sent[0].Raw, sent[1].Raw) {
		t.Errorf("the same input is not the same request:\n%s\n%s", sent[0].Raw, sent[1].Raw)
	}
	parts := func(raw []byte) (p struct{ Messages, Tools json.RawMessage }) {
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, two := parts(sent[0].Raw), parts(sent[2].Raw)
	if !bytes.Equal(one.Tools, two.Tools) {
		t.Errorf("the tools differ:\n%s\n%s", one.Tools, two.Tools)
	}
	if prefix := bytes.TrimSuffix(one.Messages, []byte("]")); !bytes.HasPrefix(two.Messages, prefix) {
		t.Errorf("the second turn does not begin with the first:\n%s\n%s", one.Messages, two.Messages)
	}
	for _, gone := range []string{"billing", "total_tokens", "Token usage", "USD budget"} {
		if bytes.Contains(sent[2].Raw, []byte(gone)) {
			t.Errorf("%s is sent: %s", gone, sent[2].Raw)
		}
	}
	for _, kept := range []string{"You are Claude Code.", "You help.", "currentDate", "Available agent types"} {
		if !bytes.Contains(sent[2].Raw, []byte(kept)) {
			t.Errorf("%s is not sent: %s", kept, sent[2].Raw)
		}
	}
}

// What looks like Claude Code's count, and is not, stays as it is.
func TestPrefixOfOthers(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	const mark = "<total_tokens>5 tokens left</total_tokens>"
	for _, c := range []struct{ text, header string }{
		{"What does " + mark + " mean?", claudeSession},
		{"<system-reminder>Say " + mark + " twice</system-reminder>", claudeSession},
		{"<system-reminder>\\n" + mark + "\\n</system-reminder>", "X-Session-Id: another client"},
		{mark, claudeSession},
	} {
		gatewaytest.Post(t, url+path, `{"model":"ok","messages":[{"role":"user","content":"`+c.text+`"}]}`, c.header)
		all := e.Requests(chat)
		messages, _ := all[len(all)-1].Body["messages"].([]any)
		last, _ := messages[len(messages)-1].(map[string]any)
		if want := strings.ReplaceAll(c.text, `\n`, "\n"); last["content"] != want {
			t.Errorf("%q was sent as %q", want, last["content"])
		}
	}
}

// How a conversation is told to an engine of another kind.
func TestConversation(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	const picture = `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}`
	r := gatewaytest.Post(t, url+path, `{"model":"ok","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"a"},{"role":"user","content":[{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"D"}}]},
		{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"},{"type":"text","text":"b"},{"type":"tool_use","id":"t1","name":"look","input":{"a":1}},{"type":"tool_use","id":"t2","name":"look","input":{}}]},
		{"role":"user","content":[{"type":"text","text":"c"},{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"seen"},`+picture+`]},{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":"no file"}]}]}`)
	if r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	var got struct {
		Messages []struct {
			Role    string
			Content any
			ID      string `json:"tool_call_id"`
		}
	}
	if err := json.Unmarshal(e.Requests(chat)[0].Raw, &got); err != nil {
		t.Fatal(err)
	}
	want := []struct{ role, content, id string }{
		{"system", "Be brief.", ""},
		{"user", "a\nT\nD", ""},
		{"assistant", "b", ""},
		{"tool", "seen\n[the picture is in the next message of the user]", "t1"},
		{"tool", "Error: no file", "t2"},
		{"user", "", ""},
	}
	if len(got.Messages) != len(want) {
		t.Fatalf("sent %s", e.Requests(chat)[0].Raw)
	}
	for i, w := range want {
		if m := got.Messages[i]; m.Role != w.role || m.ID != w.id || w.content != "" && m.Content != w.content {
			t.Errorf("message %d is %+v, want %+v", i, m, w)
		}
	}
	if !bytes.Contains(e.Requests(chat)[0].Raw, []byte("data:image/png;base64,iVBORw0KGgo=")) {
		t.Errorf("no picture: %s", e.Requests(chat)[0].Raw)
	}
}

// Nothing of a prompt is kept with a call, or told in a header or an error.
func TestCanary(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, x := serve(t, e, exchange.Config{})
	const canary = "canary-4711"
	for _, model := range []string{"ok", "cut", "busy", "denied", "invalid", "nobody"} {
		r := gatewaytest.Post(t, url+path, ask(model, `,"system":"`+canary+`","metadata":{"user_id":"`+canary+`"},"stream":true`))
		head, _ := json.Marshal(r.Header)
		calls, _ := json.Marshal(x.Recent(10))
		if all := r.Body + string(head) + string(calls); strings.Contains(all, canary) {
			t.Errorf("%s: the prompt is told: %s", model, all)
		}
	}
}

// An id that the conversation has is not given to another call.
func TestCallIDs(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+path, `{"model":"tool"`+tools+`,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"sun"}]}]}`)
	if got := decode[answer](t, r.Body); len(got.Content) != 1 || got.Content[0].ID != "call_1_2" {
		t.Errorf("%s", r.Body)
	}
}
