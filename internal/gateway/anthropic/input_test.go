package anthropic_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

func user(blocks string) string {
	return `{"model":"ok","messages":[{"role":"user","content":` + blocks + `}]}`
}

// Bad input is refused with its place, and nothing is asked.
func TestBadInput(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	called := `{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"x","input":{}}]}`
	for body, want := range map[string]string{
		"":                             "the body is empty",
		"{":                            "line 1, column 2: the JSON is cut short",
		"[]":                           "has to be an object, not an array",
		`{"messages":[]} {}`:           "line 1, column 17: the body has more",
		"{\"model\":\"\xff\"}":         "not UTF-8",
		`{"model":"ok"}`:               "messages: it is missing",
		`{"model":"ok","messages":[]}`: "messages: it is empty",
		`{"model":5,"messages":[]}`:    "model: it has to be a string, not a number",
		`{"messages":[{"role":"system","content":"a"}]}`:    "messages: there is no message of the user",
		`{"messages":[{"content":"a"}]}`:                    "messages[0].role: it is missing",
		`{"messages":[{"role":"tool","content":"a"}]}`:      "messages[0].role: it has to be user, assistant or system",
		`{"messages":[{"role":"user"}]}`:                    "messages[0].content: it is missing",
		user(`5`):                                           "messages[0].content: it has to be a string or an array of blocks, not a number",
		user(`""`):                                          "messages[0].content: it is empty",
		user(`[]`):                                          "messages[0].content: it is empty",
		user(`[{"text":"a"}]`):                              "messages[0].content[0].type: it is missing",
		user(`["a"]`):                                       "messages[0].content[0]: it has to be an object, not a string",
		user(`[{"type":"text","text":5}]`):                  "messages[0].content[0].text: it has to be a string",
		user(`[{"type":"search_result"}]`):                  `messages[0].content[0].type: a content block of type "search_result" is not supported`,
		user(`[{"type":"container_upload"}]`):               `messages[0].content[0].type: a content block of type "container_upload"`,
		user(`[{"type":"image"}]`):                          "messages[0].content[0].source: it is missing",
		user(`[{"type":"image","source":{"type":"file"}}]`): `messages[0].content[0].source.type: a picture from "file"`,
		user(`[{"type":"image","source":{"type":"url","url":"file:///etc/passwd"}}]`):                                                              "messages[0].content[0].source.url: it has to be an https URL",
		user(`[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"?"}}]`):                                                  "messages[0].content[0].source.data: the picture's data is not base64",
		user(`[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}]`):                                  "messages[0].content[0].source.media_type: PDF documents are not supported",
		user(`[{"type":"document","source":{"type":"url","url":"https://example.com/a"}}]`):                                                        "messages[0].content[0].source.type: a document from",
		user(`[{"type":"document","citations":{"enabled":true},"source":{"type":"text","data":"a"}}]`):                                             "messages[0].content[0].citations.enabled: citations are not supported",
		user(`[{"type":"tool_result","content":"a"}]`):                                                                                             "messages[0].content[0].tool_use_id: it is missing",
		user(`[{"type":"tool_result","tool_use_id":"t9","content":"a"}]`):                                                                          `messages[0].content[0].tool_use_id: no message before this one has a tool_use block with the id "t9"`,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]}`:                                                          "messages[1].role: the last message cannot be the assistant's",
		`{"messages":[` + called + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"search_result"}]}]}]}`: "messages[2].content[0].content[0].type: a content block",
		ask("ok", `,"system":5`):                                                              "system: it has to be a string or an array of text blocks",
		ask("ok", `,"system":[{"type":"image"}]`):                                             "system[0].type: it has to be text",
		ask("ok", `,"temperature":1.5`):                                                       "temperature: it has to be a number from 0 to 1",
		ask("ok", `,"top_k":-1`):                                                              "top_k: it has to be from 0",
		ask("ok", `,"stop_sequences":"x"`):                                                    "stop_sequences: it has to be an array, not a string",
		`{"max_tokens":0,"messages":[{"role":"user","content":"a"}]}`:                         "max_tokens: it has to be from 1",
		ask("ok", `,"thinking":{"type":"deep"}`):                                              "thinking.type: it has to be enabled, adaptive or disabled",
		ask("ok", `,"output_config":{"format":{"type":"xml"}}`):                               "output_config.format.type: it has to be json_schema",
		ask("ok", `,"output_config":{"format":{"type":"json_schema"}}`):                       "output_config.format.schema: it is missing",
		ask("ok", `,"tools":[{"name":"a"}]`):                                                  "tools[0].input_schema: it is missing",
		ask("ok", `,"tools":[{"input_schema":{}}]`):                                           "tools[0].name: it is missing",
		ask("ok", `,"tools":[{"name":"a","input_schema":{}},{"name":"a","input_schema":{}}]`): `tools[1].name: there are two tools named "a"`,
		ask("ok", tools+`,"tool_choice":{"type":"tool","name":"other"}`):                      `tool_choice.name: there is no tool "other"`,
		ask("ok", tools+`,"tool_choice":{"type":"some"}`):                                     "tool_choice.type: it has to be auto, any, none or tool",
		ask("ok", `,"tool_choice":{"type":"any"}`):                                            "tool_choice.type: it is any, and there is no tool",
		ask("ok", `,"tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"tool","name":"web_search"}`): `tool_choice.name: the tool "web_search" is one of Anthropic's own`,
		ask("ok", `,"mcp_servers":[{"type":"url","url":"https://x.example"}]`):                                                       "unsupported parameter mcp_servers",
		ask("ok", `,"inference_geo":"us"`): "unsupported parameter inference_geo",
	} {
		r := gatewaytest.Post(t, url+path, body)
		got := decode[struct {
			Type  string
			Error struct{ Message, Type string }
		}](t, r.Body)
		if r.Status != 400 || !strings.Contains(got.Error.Message, want) || got.Error.Type != "invalid_request_error" || got.Type != "error" {
			t.Errorf("%s: %d %s, want %s", body, r.Status, r.Body, want)
		}
	}
	if len(e.Requests(chat)) > 0 {
		t.Error("something was asked")
	}
	if r := gatewaytest.Post(t, url+path, ask("ok", `,"newest":1`), "X-Tandem-Strict: 1"); r.Status != 400 || !strings.Contains(r.Body, "unknown parameter newest") {
		t.Errorf("strict: %d %s", r.Status, r.Body)
	}
}

// What cannot change the answer is taken, and named.
func TestIgnored(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	r := gatewaytest.Post(t, url+path, ask("ok", `,"metadata":{"user_id":"u"},"service_tier":"auto","context_management":{"edits":[]},"newest":{"a":1},"mcp_servers":[],
		"thinking":{"type":"adaptive"},"output_config":{"effort":"high"},"cache_control":{"type":"ephemeral"},
		"tools":[{"type":"bash_20250124","name":"bash"},{"type":"custom","name":"a","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`))
	if r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	for _, name := range []string{"metadata", "service_tier", "context_management", "newest", "output_config.effort", "cache_control", "tools[0] (bash_20250124)", "tool_choice.disable_parallel_tool_use"} {
		if !strings.Contains(r.Header.Get("X-Tandem-Ignored"), name) {
			t.Errorf("%s is not among %q", name, r.Header.Get("X-Tandem-Ignored"))
		}
	}
	if !strings.Contains(r.Header.Get("X-Tandem-Notes"), "the tool bash was left out") {
		t.Errorf("notes %q", r.Header.Get("X-Tandem-Notes"))
	}
	sent := e.Requests(chat)[0].Body
	if list, _ := sent["tools"].([]any); len(list) != 1 {
		t.Errorf("sent %v", sent)
	}
	if sent["reasoning_effort"] != nil {
		t.Errorf("thinking was asked of a model that is not known to think: %v", sent)
	}
}
