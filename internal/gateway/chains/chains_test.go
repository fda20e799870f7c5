package chains_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
)

const president = `name: president
description: Two steps.
steps:
  - {name: president, prompt: 'Who rules {country}?', model: echo}
  - {name: changes, prompt: 'Changes by {president}', model: echo}
`

// serve serves a folder of chains in front of an engine.
func serve(t *testing.T, files map[string]string) (url, dir string, e *gatewaytest.Engine) {
	t.Helper()
	dir, e = t.TempDir(), gatewaytest.NewEngine(t)
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	s := gatewaytest.Stack(t, e, "ok")
	own := chains.New(chains.NewFolder(dir, nil))
	x := gatewaytest.Exchange(s, exchange.Config{Chains: own})
	mux := http.NewServeMux()
	openai.New(x, nil).Register(mux)
	chains.NewLangServe(own, x).Register(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, dir, e
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ask(model, content string) string {
	text, _ := json.Marshal(content)
	return `{"model":"` + model + `","messages":[{"role":"user","content":` + string(text) + `}]}`
}

// A chain is a model: its variables come from the message, from JSON in it, or from a
// header.
func TestAChainIsAModel(t *testing.T) {
	url, _, e := serve(t, map[string]string{
		"president.yaml": president,
		"two.yaml":       "name: two\nprompt: '{a} and {b}'\nmodel: echo\n",
		"none.yaml":      "name: none\nprompt: 'Hello'\nmodel: echo\n",
		"set.yaml":       "name: set\ninputs:\n  lang: {type: text, default: en}\n  tone: {type: text, default: dry}\nprompt: '{lang} {tone}'\nmodel: echo\n",
		"data.yaml":      "name: data\ninputs: {data: map}\nprompt: '{data}'\nmodel: echo\n",
		"sum.yaml":       "name: sum\ninputs:\n  text: text\n  lang: {type: text, default: en}\nprompt: '{lang}: {text}'\nmodel: echo\n",
	})
	for _, c := range []struct {
		model, content, header string
		status                 int
		want                   string
	}{
		{"chain:president", "India", "", 200, `"content":"Changes by Who rules India?"`},
		{"chain:president", `{"country":"India"}`, "", 200, `"content":"Changes by Who rules India?"`},
		{"chain:president", "ignored", `X-Tandem-Vars: {"country":"Peru"}`, 200, "Who rules Peru?"},
		{"chain:two", `{"a":"x","b":"y"}`, "", 200, `"content":"x and y"`},
		{"chain:two", "x", "", 400, `the chain has the variables a, b: send them as a JSON object`},
		{"chain:two", "x", `X-Tandem-Vars: [1]`, 400, "x-tandem-vars has to be a JSON object"},
		{"chain:two", "x", `X-Tandem-Vars: {"a":"x","b":"y","c":"z"}`, 400, "c"},
		{"chain:none", "anything", "", 200, `"content":"Hello"`},
		{"chain:none", `{"a": 1}`, "", 200, `"content":"Hello"`},
		// A wrong name is not the chain's text.
		{"chain:president", `{"contry":"India"}`, "", 400, `the chain has no variable \"contry\"; its variables are country, so send {\"country\":\"…\"}`},
		{"chain:president", `{"land":"India"}`, "", 400, `no variable \"land\"`},
		{"chain:president", `{"year":2026}`, "", 400, `no variable \"year\"`},
		{"chain:president", `{"country":"India","year":2026}`, "", 400, `no variable \"year\"`},
		{"chain:president", `{}`, "", 400, "country"},
		{"chain:two", `{"a":"x","c":"y"}`, "", 400, `no variable \"c\"; its variables are a, b`},
		{"chain:two", `{"c":"x","d":"y"}`, "", 400, `no variable \"c\", \"d\"`},
		{"chain:set", `{"language":"de"}`, "", 400, `no variable \"language\"; its variables are lang, tone`},
		{"chain:set", "Hello", "", 400, `the chain's variables lang, tone all have a value, so it is unknown which one the text is for: send {} to run the chain with their values, or name one, such as {\"lang\":\"…\"}`},
		{"chain:set", "{}", "", 200, `"content":"en dry"`},
		{"chain:set", "", "", 200, `"content":"en dry"`},
		{"chain:set", `{"tone":"warm"}`, "", 200, `"content":"en warm"`},
		{"chain:set", "ignored", `X-Tandem-Vars: {"lang":"de"}`, 200, `"content":"de dry"`},
		{"chain:sum", `{"text":"x","lange":"de"}`, "", 400, `no variable \"lange\"`},
		{"chain:sum", `{"lang":"de","body":"x"}`, "", 400, `no variable \"body\"`},
		// A text that is a JSON object is.
		{"chain:president", `{"name":"x","age":3}`, "", 200, `Who rules {\"name\":\"x\",\"age\":3}?`},
		{"chain:president", `{"items":[1,2]}`, "", 200, `Who rules {\"items\":[1,2]}?`},
		{"chain:president", `{"order":{"id":1}}`, "", 200, `Who rules {\"order\":{\"id\":1}}?`},
		{"chain:president", `{"country":"{\"land\":\"India\"}"}`, "", 200, `Who rules {\"land\":\"India\"}?`},
		{"chain:president", `[1,2]`, "", 200, "Who rules [1,2]?"},
		{"chain:president", `{"land":"India"`, "", 200, "Who rules {"},
		{"chain:data", `{"name":"x"}`, "", 200, `{'name': 'x'}`},
		{"chain:data", `{"data":{"name":"x"}}`, "", 200, `{'name': 'x'}`},
		{"chain:data", `{"data":{"name":"x"},"more":1}`, "", 400, `no variable \"more\"`},
		{"chain:sum", `{"name":"x","age":3}`, "", 200, `en: {\"name\"`},
		{"chain:absent", "x", "", 404, `there is no chain \"absent\"; chains: data, none, president, set, sum, two`},
		{"chain:../two", "x", "", 404, "there is no chain"},
	} {
		var header []string
		if c.header != "" {
			header = []string{c.header}
		}
		r := gatewaytest.Post(t, url+"/v1/chat/completions", ask(c.model, c.content), header...)
		if r.Status != c.status || !strings.Contains(r.Body, c.want) {
			t.Errorf("%s %s %s: %d %s", c.model, c.content, c.header, r.Status, r.Body)
		}
	}
	if n := e.Chats("echo"); n != 28 {
		t.Errorf("the engine was asked %d times", n)
	}
	r := gatewaytest.Post(t, url+"/v1/chat/completions", strings.Replace(ask("chain:president", "India"), "{", `{"stream":true,`, 1))
	if events := gatewaytest.Events(r.Body); events[len(events)-1] != "[DONE]" || !strings.Contains(r.Body, "Changes by") || !strings.Contains(r.Body, `"provider":"house"`) {
		t.Errorf("streamed %s", r.Body)
	}
}

// What a request forbids, no step of a chain allows.
func TestAChainIsTightened(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "out.yaml"), "name: out\nprompt: hi\nuse: [hosted]\n")
	s := gatewaytest.Open(t, "use: [house, hosted]\nretries: 0\nproviders:\n- {name: house, kind: openai, base_url: '"+e.URL+"/v1', model: ok, local: true}\n- {name: hosted, kind: openai, base_url: '"+e.URL+"/v1', model: ok}\n")
	own := chains.New(chains.NewFolder(dir, nil))
	x := gatewaytest.Exchange(s, exchange.Config{Chains: own})
	mux := http.NewServeMux()
	openai.New(x, nil).Register(mux)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for header, status := range map[string]int{"": 200, "X-Tandem-Use: house": 403, "X-Tandem-Use: hosted": 200, "X-Tandem-Privacy: local": 403} {
		var h []string
		if header != "" {
			h = []string{header}
		}
		if r := gatewaytest.Post(t, srv.URL+"/v1/chat/completions", ask("chain:out", "x"), h...); r.Status != status {
			t.Errorf("%s: %d %s", header, r.Status, r.Body)
		}
	}
}

// A file that changes is read again; a broken one keeps its last good version, and says so.
func TestFilesAreReadAnew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	var warned []string
	f := chains.NewFolder(dir, func(text string) { warned = append(warned, text) })
	eventually := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	has := func(description string) func() bool {
		return func() bool { l := f.List(); return len(l) == 1 && l[0].Description == description }
	}
	write(t, path, "name: c\ndescription: first\nprompt: hi\n")
	eventually("the file is not found", has("first"))
	write(t, path, "name: c\ndescription: second one\nprompt: hi\n")
	eventually("the change is not seen", has("second one"))
	write(t, path, "name: c\nprompt: '{'\n")
	stale := ""
	eventually("the broken file is not noticed", func() bool {
		c, why, err := f.Find("c")
		stale = why
		return err == nil && c != nil && why != ""
	})
	if !strings.Contains(stale, "c.yaml:2") || len(warned) != 1 || !has("second one")() {
		t.Errorf("%q, warned %q, %v", stale, warned, f.List())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	eventually("the chain is still there", func() bool { return len(f.List()) == 0 })
}

// LangServe's routes answer in LangServe's forms.
func TestLangServe(t *testing.T) {
	url, _, _ := serve(t, map[string]string{
		"president.yaml": president,
		"list.yaml":      "name: list\nprompt: 'a, b'\nmodel: echo\nparse: list\n",
		"cut.yaml":       "name: cut\nprompt: 'x'\nmodel: cut\n",
	})
	base := url + "/chains/president/"
	if r := gatewaytest.Post(t, base+"invoke", `{"input":{"country":"India"},"config":{},"kwargs":{}}`); r.Status != 200 || !strings.Contains(r.Body, `"output":"Changes by Who rules India?"`) || r.Header.Get("X-Tandem-Target") == "" {
		t.Errorf("invoke: %d %s", r.Status, r.Body)
	}
	if r := gatewaytest.Post(t, base+"c/abc/invoke", `{"input":"Peru"}`); !strings.Contains(r.Body, "Who rules Peru?") {
		t.Errorf("a text for the only variable: %s", r.Body)
	}
	if r := gatewaytest.Post(t, url+"/chains/list/invoke", `{"input":{}}`); !strings.Contains(r.Body, `"output":["a","b"]`) {
		t.Errorf("a value: %s", r.Body)
	}
	if r := gatewaytest.Post(t, base+"batch", `{"inputs":[{"country":"India"},{"country":"Peru"}]}`); !strings.Contains(r.Body, `"output":["Changes by Who rules India?","Changes by Who rules Peru?"]`) {
		t.Errorf("batch: %s", r.Body)
	}
	r := gatewaytest.Post(t, base+"stream", `{"input":{"country":"India"}}`)
	if events := gatewaytest.Events(r.Body); events[0] != `data: "Changes by Who rules India?"` || !strings.HasSuffix(r.Body, "event: end\n\n") {
		t.Errorf("stream: %s", r.Body)
	}
	r = gatewaytest.Post(t, url+"/chains/list/stream", `{"input":{}}`)
	if events := gatewaytest.Events(r.Body); events[0] != `data: ["a","b"]` {
		t.Errorf("stream of a value: %s", r.Body)
	}
	r = gatewaytest.Post(t, url+"/chains/cut/stream", `{"input":{}}`)
	if !strings.Contains(r.Body, "event: error\ndata: {\"message\":") || !strings.Contains(r.Body, `"status_code":`) || strings.Contains(r.Body, "event: end") {
		t.Errorf("a stream that breaks off: %s", r.Body)
	}
	r = gatewaytest.Post(t, base+"stream_events", `{"input":{"country":"India"}}`)
	for _, want := range []string{`"event":"on_chain_start"`, `"event":"on_chat_model_stream"`, `"name":"changes"`, `"event":"on_chain_end"`, "event: end"} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("stream_events has no %s: %s", want, r.Body)
		}
	}
	r = gatewaytest.Post(t, base+"stream_log", `{"input":{"country":"India"}}`)
	for _, want := range []string{`"path":"/streamed_output/-"`, `"op":"replace","path":"/final_output","value":"Changes by Who rules India?"`} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("stream_log has no %s: %s", want, r.Body)
		}
	}
	for path, want := range map[string]string{
		"input_schema": `"required":["country"]`, "output_schema": `"title":"presidentOutput"`, "config_schema": `"type":"object"`,
	} {
		if r := gatewaytest.Do(t, http.MethodGet, base+path, ""); r.Status != 200 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	for body, want := range map[string]string{`{}`: "input: it is missing", `{"input":{}}`: "country", `[]`: "an object", `{"input":{"country":"x","no":1}}`: "no"} {
		if r := gatewaytest.Post(t, base+"invoke", body); r.Status != 400 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
}
