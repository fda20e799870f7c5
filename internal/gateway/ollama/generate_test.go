package ollama_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// A text is filled in or continued as Ollama does it. The bodies are those of the
// clients' sources.
func TestTextsAreContinued(t *testing.T) {
	g := newGPU(t)
	url := inFrontOf(t, g, exchange.Config{})
	for _, c := range []struct {
		client, body string
		sent         map[string]any // what the engine gets
	}{
		{
			"Continue, a model that inserts", `{"model":"m","prompt":"return ","suffix":"\n}","options":{"temperature":0.01,"num_predict":2048,"stop":["\n\n"],"num_ctx":4096,"num_thread":4},"keep_alive":1800}`,
			map[string]any{"prompt": "return ", "suffix": "\n}", "raw": nil, "stream": true},
		},
		{
			"Continue, any model", `{"model":"m","prompt":"<fim_prefix>return <fim_suffix>\n}<fim_middle>","raw":true,"options":{"temperature":0.01},"keep_alive":1800,"stream":true}`,
			map[string]any{"prompt": "<fim_prefix>return <fim_suffix>\n}<fim_middle>", "suffix": "", "raw": true},
		},
		{
			"llm-ls, without a stream", `{"model":"m","prompt":"return ","raw":true,"stream":false,"options":{"num_predict":60}}`,
			map[string]any{"prompt": "return ", "raw": true, "stream": false},
		},
		{
			"ollama run --template", `{"model":"m","prompt":"Hi","suffix":"","system":"Be brief.","template":"{{ .System }} {{ .Prompt }}","context":null,"options":{}}`,
			map[string]any{"prompt": "Hi", "system": "Be brief.", "template": "{{ .System }} {{ .Prompt }}"},
		},
	} {
		r := gatewaytest.Post(t, url+generate, c.body)
		var text string
		var last map[string]any
		for _, line := range gatewaytest.Lines(r.Body) {
			last = parse(t, line)
			piece, _ := last["response"].(string)
			text += piece
		}
		if r.Status != 200 || text != "a + b" || last["done"] != true || last["done_reason"] != "stop" || last["prompt_eval_count"] != 99.0 {
			t.Errorf("%s: %d %s", c.client, r.Status, r.Body)
			continue
		}
		var sent map[string]any
		if err := json.Unmarshal([]byte(g.sent[len(g.sent)-1]), &sent); err != nil {
			t.Fatal(err)
		}
		for name, want := range c.sent {
			if name == "stream" && want == false { // an unstreamed answer is asked for as a stream
				continue
			}
			if sent[name] != want {
				t.Errorf("%s: the engine gets %s %v, want %v", c.client, name, sent[name], want)
			}
		}
	}
}

// What cannot be continued or filled in is refused in Ollama's words, and no engine is
// asked.
func TestTextsThatAreNotContinued(t *testing.T) {
	g := newGPU(t)
	gpu := inFrontOf(t, g, exchange.Config{})
	e := gatewaytest.NewEngine(t)
	hosted, _ := serve(t, e, exchange.Config{})
	for _, c := range []struct{ name, url, body, says string }{
		{"a model without insert", gpu, `{"model":"other:7b","prompt":"a","suffix":"c"}`, "does not support insert"},
		{"raw with a system message", gpu, `{"model":"m","prompt":"a","raw":true,"system":"s"}`, "raw mode does not support template, system, or context"},
		{"raw with a template", gpu, `{"model":"m","prompt":"a","raw":true,"template":"t"}`, "raw mode does not support template, system, or context"},
		{"raw with a format", gpu, `{"model":"m","prompt":"a","raw":true,"format":"json"}`, "format: it does not go with suffix, raw and template"},
		{"a suffix with a system message", gpu, `{"model":"m","prompt":"a","suffix":"c","system":"s"}`, "no system message with a suffix"},
		{"a suffix with an image", gpu, `{"model":"m","prompt":"a","suffix":"c","images":["cG5n"]}`, "images"},
		{"no text", gpu, `{"model":"m","prompt":"a","suffix":7}`, "suffix: it has to be a string, not a number"},
		{"an API of chats", hosted, `{"model":"ok","prompt":"a","suffix":"c"}`, "answers chats, and cannot complete text"},
		{"an API of chats, raw", hosted, `{"model":"ok","prompt":"a","raw":true}`, "answers chats, and cannot complete text"},
	} {
		r := gatewaytest.Post(t, c.url+generate, c.body)
		text, _ := at(parse(t, r.Body), "error").(string)
		if r.Status != 400 || !strings.Contains(text, c.says) || r.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s: %d %s", c.name, r.Status, r.Body)
		}
	}
	if len(g.sent) > 0 || len(e.Requests(upstream)) > 0 {
		t.Errorf("an engine was asked: %q", g.sent)
	}
}
