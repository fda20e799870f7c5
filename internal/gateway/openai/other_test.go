package openai_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// Every model has all that clients ask of one, and Codex finds its own list.
func TestModels(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	r := gatewaytest.Do(t, "GET", url+"/v1/models?client_version=1", "")
	var got struct {
		Object string
		Data   []map[string]any
		Models []any
	}
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil || got.Object != "list" || got.Models == nil || strings.Count(r.Body, `"owned_by":"house"`) != len(gatewaytest.Models) {
		t.Fatalf("%v, %d models: %s", err, len(got.Data), r.Body)
	}
	for _, m := range got.Data {
		for _, name := range []string{"id", "object", "created", "owned_by", "capabilities"} {
			if m[name] == nil || m[name] == "" || m[name] == 0.0 {
				t.Errorf("%v has no %s", m["id"], name)
			}
		}
	}
	for path, want := range map[string]string{
		"ok": `"id":"ok"`, "house/ok": `"id":"ok"`, "tandem": `"id":"tandem"`, "house%2Fok": `"id":"ok"`, "no/such:one": `"code":"model_not_found"`,
	} {
		if r := gatewaytest.Do(t, "GET", url+"/v1/models/"+path, ""); !strings.Contains(r.Body, want) {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
}

// Vectors come as numbers or as OpenAI's base64, in their order, and cost what was counted.
func TestEmbeddings(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, x := serve(t, e, exchange.Config{})
	for _, input := range []string{`"four"`, `["four"]`} {
		r := gatewaytest.Post(t, url+"/v1/embeddings", `{"model":"ok","input":`+input+`,"user":"u"}`)
		if r.Status != 200 || !strings.Contains(r.Body, `"embedding":[4,0.5,-0.25]`) || !strings.Contains(r.Body, `"prompt_tokens":3`) || r.Header.Get("X-Tandem-Ignored") != "user" || r.Header.Get("X-Tandem-Target") != "house/ok" {
			t.Errorf("%d %s %v", r.Status, r.Body, r.Header)
		}
	}
	r := gatewaytest.Post(t, url+"/v1/embeddings", `{"model":"ok","input":["a","four"],"encoding_format":"base64"}`)
	var got struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil || len(got.Data) != 2 {
		t.Fatalf("%v: %s", err, r.Body)
	}
	raw, err := base64.StdEncoding.DecodeString(got.Data[1].Embedding)
	if err != nil || len(raw) != 12 || math.Float32frombits(binary.LittleEndian.Uint32(raw)) != 4 || math.Float32frombits(binary.LittleEndian.Uint32(raw[8:])) != -0.25 {
		t.Errorf("%v: % x", err, raw)
	}
	if c := x.Recent(1)[0]; c.State != exchange.Answered || c.Path != "/v1/embeddings" || c.Usage == nil {
		t.Errorf("the call is kept as %+v", c)
	}
	n := len(e.Requests("/v1/embeddings"))
	for body, want := range map[string]string{
		`{"model":"ok"}`:                                                   "input: it is missing",
		`{"model":"ok","input":[]}`:                                        "input: it is empty",
		`{"model":"ok","input":""}`:                                        "input: it is empty",
		`{"model":"ok","input":["a",""]}`:                                  "input[1]: it is empty",
		`{"model":"ok","input":[1,2]}`:                                     "input[0]: tokens are not accepted",
		`{"model":"ok","input":[[1,2]]}`:                                   "check_embedding_ctx_length=False",
		`{"model":"ok","input":5}`:                                         "input: it has to be an array, not a number",
		`{"model":"ok","input":"a","encoding_format":"hex"}`:               "encoding_format: it has to be float or base64",
		`{"model":"ok","input":"a","dimensions":0}`:                        "dimensions: it has to be from 1",
		`{"model":"nobody","input":"a"}`:                                   "model 'nobody' not found",
		`{"input":"a"}`:                                                    "no model here is known to make embeddings",
		`{"model":"ok","input":["` + strings.Repeat(`a","`, 2048) + `a"]}`: "the limit is 2048",
	} {
		if r := gatewaytest.Post(t, url+"/v1/embeddings", body); r.Status/100 != 4 || !strings.Contains(r.Body, want) {
			t.Errorf("%.80s: %d %s", body, r.Status, r.Body)
		}
	}
	if len(e.Requests("/v1/embeddings")) != n {
		t.Error("something was asked")
	}
}

// Texts that have to stay are not sent to a server that may pass them on.
func TestEmbeddingsStay(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, "use: [away]\nretries: 0\nproviders:\n- {name: away, kind: openai, base_url: '"+e.URL+"/v1', model: ok}\n")
	url := serveStack(t, s, exchange.Config{})
	for _, header := range []string{"X-Tandem-Privacy: local", "X-Tandem-Use: nobody"} {
		if r := gatewaytest.Post(t, url+"/v1/embeddings", `{"model":"ok","input":"canary"}`, header); r.Status < 400 {
			t.Errorf("%s: %d %s", header, r.Status, r.Body)
		}
	}
	if n := len(e.Requests("/v1/embeddings")); n > 0 {
		t.Errorf("sent %d times", n)
	}
}

// The older completions answer a text, whole and streamed, and fail as chats do.
func TestCompletions(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	url, _ := serve(t, e, exchange.Config{})
	post := func(model, more string) gatewaytest.Reply {
		return gatewaytest.Post(t, url+"/v1/completions", `{"model":"`+model+`","prompt":"Hi"`+more+`}`)
	}
	if r := post("ok", ""); r.Status != 200 || !strings.Contains(r.Body, `"object":"text_completion"`) || !strings.Contains(r.Body, `"text":"Hello there."`) || !strings.Contains(r.Body, `"finish_reason":"stop"`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r := post("ok", `,"stream":true,"stream_options":{"include_usage":true}`)
	if events := gatewaytest.Events(r.Body); events[len(events)-1] != "[DONE]" || !strings.Contains(r.Body, `"text":"there."`) || !strings.Contains(r.Body, `"total_tokens":17`) || !strings.Contains(r.Body, `"tandem":{`) {
		t.Errorf("%s", r.Body)
	}
	if r := post("cut", `,"stream":true`); strings.Contains(r.Body, "[DONE]") || !strings.Contains(r.Body, `"code":"truncated"`) {
		t.Errorf("%s", r.Body)
	}
	if r := post("busy", ""); r.Status != 429 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for body, want := range map[string]string{
		`{"model":"ok"}`:                                        "prompt: it is missing",
		`{"model":"ok","prompt":[]}`:                            "prompt: it is empty",
		`{"model":"ok","prompt":""}`:                            "prompt: it is empty",
		`{"model":"ok","prompt":["a","b"]}`:                     "send one per request",
		`{"model":"ok","prompt":[1]}`:                           "tokens are not accepted",
		`{"model":"ok","prompt":"a","suffix":"b"}`:              "answers chats, and cannot complete text (suffix)",
		`{"model":"ok","prompt":"a","echo":true}`:               "unsupported parameter echo",
		`{"model":"ok","prompt":"a","best_of":2}`:               "unsupported parameter best_of",
		`{"model":"ok","prompt":"a","logprobs":1}`:              "unsupported parameter logprobs",
		`{"model":"ok","prompt":"a","max_tokens":-1}`:           "max_tokens: it has to be from 1",
		`{"model":"ok","prompt":"a","logit_bias":{"5":null}}`:   "logit_bias.5: it has to be a number from -100 to 100, not null",
		`{"model":"ok","prompt":"a","logit_bias":{"5":"much"}}`: "logit_bias.5: it has to be a number, not a string",
		`{"model":"ok","prompt":"a","logit_bias":{"5":101}}`:    "logit_bias.5: it has to be a number from -100 to 100",
	} {
		if r := gatewaytest.Post(t, url+"/v1/completions", body); r.Status != 400 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	if r := post("ok", `,"echo":false,"best_of":1,"n":1,"logprobs":null,"suffix":null`); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
