package ollama_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// What clients send is answered, and what of it is not used is named. The bodies are
// those of the clients' sources, cut short.
func TestWhatClientsSend(t *testing.T) {
	g := newGPU(t)
	url := inFrontOf(t, g, exchange.Config{})
	const tool = `"tools":[{"type":"function","function":{"name":"HassTurnOn","description":"on","parameters":{"type":"object","properties":{"name":{"type":"string"}}}}}]`
	for _, c := range []struct {
		client, path, body string
		ignored            string
		sent               []string // parts of what the engine gets
	}{
		{
			"Zed", chat, `{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"Hi","images":null}],"stream":true,"keep_alive":-1,"options":{"num_ctx":16384,"stop":[],"temperature":1.0,"top_p":null},"tools":[],"think":false}`,
			"keep_alive",
			[]string{`"num_ctx":16384`, `"temperature":1`},
		},
		{
			"Home Assistant", chat, `{"model":"m","messages":[{"role":"system","content":""},{"role":"user","content":"Hi"}],` + tool + `,"stream":true,"keep_alive":"300s","options":{"num_ctx":8192},"think":false}`,
			"keep_alive",
			[]string{`"HassTurnOn"`},
		},
		{
			"Home Assistant, data", chat, `{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"keep_alive":-1,"options":{"num_ctx":8192},"format":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}`,
			"keep_alive",
			[]string{`"format":{`},
		},
		{
			"Continue", chat, `{"model":"m:latest","raw":false,"options":{"num_predict":4096,"num_ctx":8192,"mirostat":1,"num_thread":4},"keep_alive":1800,"messages":[{"role":"user","content":"Hi"}],"stream":true}`,
			"raw, keep_alive, options.mirostat, options.num_thread",
			[]string{`"num_predict":4096`},
		},
		{
			"Open WebUI", chat, `{"model":"m","messages":[{"role":"user","content":"Hi"}],"options":{"seed":0,"repeat_penalty":1.1,"num_predict":-2},"stream":true,"keep_alive":"24h0m0s"}`,
			"keep_alive",
			[]string{`"seed":0`, `"repeat_penalty":1.1`},
		},
		{
			"Aider through LiteLLM", chat, `{"model":"m","messages":[{"role":"user","content":"Hi"}],"options":{"num_ctx":9000,"temperature":0},"stream":false}`,
			"",
			[]string{`"temperature":0`},
		},
		{"ollama CLI", generate, `{"model":"m","prompt":"Hi","suffix":"","system":"","template":"","context":null,"format":"","options":{},"think":null}`, "", []string{`"Hi"`}},
		{"ollama-python", chat, `{"model":"m","stream":false,"options":{},"messages":[{"role":"user","content":"Hi"}],"tools":[],"think":null,"logprobs":null,"top_logprobs":null,"keep_alive":"-1"}`, "keep_alive", nil},
		{"langchain-ollama", chat, `{"model":"m","stream":true,"options":{"mirostat":null,"num_ctx":null,"stop":null},"keep_alive":null,"messages":[{"role":"user","content":"Hi","images":[]}],"format":"","tools":[],"think":null}`, "", nil},
	} {
		before := len(g.sent)
		r := gatewaytest.Post(t, url+c.path, c.body)
		lines := gatewaytest.Lines(r.Body)
		if last := parse(t, lines[len(lines)-1]); r.Status != 200 || at(last, "done") != true {
			t.Errorf("%s: %d %s", c.client, r.Status, r.Body)
			continue
		}
		if have := r.Header.Get("X-Tandem-Ignored"); have != c.ignored {
			t.Errorf("%s: ignored is %q, want %q", c.client, have, c.ignored)
		}
		if len(g.sent) == before {
			t.Errorf("%s: the engine was not asked", c.client)
			continue
		}
		for _, part := range c.sent {
			if !strings.Contains(g.sent[len(g.sent)-1], part) {
				t.Errorf("%s: the engine gets %s, without %s", c.client, g.sent[len(g.sent)-1], part)
			}
		}
	}
}

// A key of the gateway's engine, and the text of a prompt, are in no error and no call.
func TestNothingOfAPromptIsKept(t *testing.T) {
	const canary = "canary-7d1f"
	e := gatewaytest.NewEngine(t)
	url, x := serve(t, e, exchange.Config{})
	for _, model := range []string{"ok", "busy", "cut", "invalid", "badtool", "nobody"} {
		r := gatewaytest.Post(t, url+chat, `{"model":"`+model+`","messages":[{"role":"user","content":"`+canary+`"}]}`)
		if strings.Contains(r.Body, canary) {
			t.Errorf("%s: %s", model, r.Body)
		}
	}
	for _, c := range x.Recent(10) {
		if data, err := json.Marshal(c); err != nil || strings.Contains(string(data), canary) {
			t.Errorf("kept is %s, %v", data, err)
		}
	}
}
