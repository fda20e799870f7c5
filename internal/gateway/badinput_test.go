package gateway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gateway"
	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
)

// bodies are valid requests, with as many members as each API has.
var bodies = map[string]string{
	"/v1/chat/completions":       `{"model":"ok","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]},{"role":"assistant","content":null,"reasoning":"r","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}],"stream":false,"stream_options":{"include_usage":true},"temperature":0.5,"top_p":0.5,"seed":1,"max_tokens":9,"stop":["x"],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{}}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"reasoning_effort":"low","logit_bias":{"1":2},"user":"u","metadata":{"a":"b"}}`,
	"/v1/responses":              `{"model":"ok","store":false,"instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]},{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"}],"stream":false,"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]}],"tool_choice":"auto","text":{"format":{"type":"text"}},"reasoning":{"effort":"low"},"max_output_tokens":9,"temperature":1,"metadata":{}}`,
	"/v1/responses/input_tokens": `{"model":"ok","input":"Hi"}`,
	"/v1/completions":            `{"model":"ok","prompt":["Hi"],"stream":false,"suffix":"","max_tokens":9,"stop":"x"}`,
	"/v1/embeddings":             `{"model":"ok","input":["a","b"],"encoding_format":"base64","dimensions":3}`,
	"/v1/messages":               `{"model":"ok","max_tokens":9,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"x"}]}]}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto"},"thinking":{"type":"enabled","budget_tokens":1024},"stop_sequences":["x"],"metadata":{"user_id":"u"},"output_config":{"effort":"low"}}`,
	"/v1/messages/count_tokens":  `{"model":"ok","messages":[{"role":"user","content":"Hi"}]}`,
	"/api/chat":                  `{"model":"ok","messages":[{"role":"user","content":"Hi","images":["aGk="]},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]},{"role":"tool","content":"x","tool_name":"f"}],"stream":false,"format":"json","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"think":"low","options":{"temperature":1,"num_ctx":9,"stop":["x"],"seed":1,"top_k":1},"keep_alive":"5m"}`,
	"/api/generate":              `{"model":"ok","prompt":"Hi","system":"s","suffix":"","raw":false,"template":"","stream":false,"images":[],"format":"","think":false,"options":{"num_predict":1},"keep_alive":-1}`,
	"/api/embed":                 `{"model":"ok","input":["a"],"dimensions":1,"options":{}}`,
	"/api/embeddings":            `{"model":"ok","prompt":"a"}`,
	"/api/show":                  `{"model":"ok","name":"ok","verbose":false}`,
	"/api/pull":                  `{"model":"ok","stream":false}`,
}

// goTypes are what a reply must not speak of.
var goTypes = regexp.MustCompile(`\b(json\.|\*?[a-z]+\.[A-Z][a-z]+[A-Z]|map\[string\]|interface \{\}|unmarshal|Unmarshal|goroutine|runtime error|nil pointer|strconv|struct field)`)

// isDialects reports whether a failure is one of the dialect's own.
func isDialects(path, body string) bool {
	var o map[string]any
	if json.Unmarshal([]byte(body), &o) != nil {
		return false
	}
	switch {
	case path == "/" || strings.HasPrefix(path, "/api/"):
		text, ok := o["error"].(string)
		return ok && text != ""
	case strings.HasPrefix(path, "/chains/"):
		text, ok := o["detail"].(string)
		return ok && text != ""
	}
	e, ok := o["error"].(map[string]any)
	text, _ := e["message"].(string)
	return ok && text != "" && (!strings.HasPrefix(path, "/v1/messages") || o["type"] == "error")
}

// checkBad fails for a reply that bad input must not have.
func checkBad(t *testing.T, path, body string, r gatewaytest.Reply) {
	t.Helper()
	shown := body[:min(len(body), 300)]
	switch {
	case r.Status == http.StatusOK:
	case r.Status == http.StatusBadGateway && strings.Contains(r.Body, "does not match the schema"): // the engine answers none
	case r.Status >= 500, r.Status < 400:
		t.Errorf("%s %q: %d %s", path, shown, r.Status, r.Body)
	case !isDialects(path, r.Body):
		t.Errorf("%s %q: %d, not of the dialect: %s", path, shown, r.Status, r.Body)
	}
	if m := goTypes.FindString(r.Body); m != "" {
		t.Errorf("%s %q: speaks of %q: %s", path, shown, m, r.Body)
	}
}

// oddValues are values that stand in for any other one.
var oddValues = []string{
	`null`, `true`, `0`, `-1`, `1e400`, `123456789012345678901234567890`, `0.5`, `""`, `"\ud800"`, `"\u0000"`, `[]`, `{}`, `[[]]`, `[null]`, `{"":{}}`, `"x"`, `[{}]`,
	strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200),
}

// replaced are all bodies in which one value is another.
func replaced(body string) (out []string) {
	var root any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	_ = d.Decode(&root) // ours
	const mark = "\x01"
	var walk func(v any, set func(any))
	emit := func(set func(any), old any) {
		set(mark)
		data, _ := json.Marshal(root)
		for _, o := range oddValues {
			out = append(out, strings.Replace(string(data), `"\u0001"`, o, 1))
		}
		set(old)
	}
	walk = func(v any, set func(any)) {
		emit(set, v)
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k], func(x any) { v[k] = x })
			}
		case []any:
			for i := range v {
				walk(v[i], func(x any) { v[i] = x })
			}
		}
	}
	walk(root, func(x any) { root = x })
	return out
}

func badServer(t testing.TB) string {
	t.Helper()
	e := gatewaytest.NewEngine(t)
	s := gateway.New(gateway.Config{Stack: gatewaytest.Stack(t, e, "ok")})
	t.Cleanup(func() { _ = s.Close() })
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}

// Any value in the place of any other, on every path: an answer, or the dialect's own
// error. Never a failure of the server's, and never a type of Go's.
func TestAnyValueInAnyPlace(t *testing.T) {
	url := badServer(t)
	for path, body := range bodies {
		t.Run(path, func(t *testing.T) {
			for _, bad := range replaced(body) {
				checkBad(t, path, bad, gatewaytest.Post(t, url+path, bad))
			}
		})
	}
}

// Texts that are not a request, and bytes changed at random with a fixed seed.
func TestBodiesThatAreNone(t *testing.T) {
	url := badServer(t)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for path, body := range bodies {
		t.Run(path, func(t *testing.T) {
			list := []string{
				" ", "{", "[]", "null", `"x"`, "7", body + body, body + " x", body[:len(body)/2], strings.Replace(body, `{`, `{"model":"ok",`, 1), "\xff\xfe", strings.Replace(body, "ok", "o\xffk", 1),
				"\ufeff" + body, strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 20_000), `{"model":` + strings.Repeat("9", 5000) + `}`, "<xml/>", "a=b&c=d",
			}
			for range 60 {
				b := []byte(body)
				for range 1 + random.IntN(3) {
					b[random.IntN(len(b))] = byte(random.IntN(256))
				}
				list = append(list, string(b))
			}
			for _, bad := range list {
				checkBad(t, path, bad, gatewaytest.Post(t, url+path, bad))
			}
		})
	}
}

// A path with a method that it does not take is told as 405, with those that it takes in
// Allow, and a path that does not exist as 404; both in the path's dialect.
func TestWrongMethodsAndPaths(t *testing.T) {
	url := badServer(t)
	allows := map[string]string{
		"/": "GET, HEAD", "/v1/models": "GET, HEAD", "/v1/models/ok": "GET, HEAD", "/v1/responses/r": "GET, HEAD, DELETE", "/v1/responses/r/cancel": "POST",
		"/v1/files": "GET, HEAD, POST", "/v1/files/f": "GET, HEAD, DELETE", "/v1/batches/b/cancel": "POST",
		"/api/tags": "GET, HEAD", "/api/blobs/x": "HEAD, POST", "/api/delete": "DELETE",
		"/chains/one/invoke": "POST", "/chains/one/input_schema": "GET, HEAD", "/chains/one/playground": "GET, HEAD", "/chains": "GET, HEAD",
		"/ui/": "GET, HEAD", "/ui/api/state": "GET, HEAD", "/ui/api/calls/x/cancel": "POST",
		"/routes/x": "GET, HEAD", "/metrics": "GET, HEAD", "/healthz": "GET, HEAD", "/readyz": "GET, HEAD",
	}
	for path := range bodies {
		allows[path] = "POST"
	}
	allows["/v1/responses/input_tokens"] = "GET, HEAD, POST, DELETE" // it can be the id of a response
	for path, allow := range allows {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
			if slices.Contains(strings.Split(allow, ", "), method) {
				continue
			}
			r := gatewaytest.Do(t, method, url+path, "")
			if r.Status != http.StatusMethodNotAllowed || r.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q; want %q", method, path, r.Status, r.Header.Get("Allow"), allow)
			}
			if method != http.MethodHead && (!isDialects(path, r.Body) || !strings.Contains(r.Body, "use ")) {
				t.Errorf("%s %s: %s", method, path, r.Body)
			}
		}
	}
	for path := range bodies {
		for _, tail := range []string{"/nothing", "%00", "/%2e%2e/x", "/" + strings.Repeat("x", 5000)} {
			if r := gatewaytest.Post(t, url+path+tail, "{}"); r.Status != http.StatusNotFound && r.Status != http.StatusMethodNotAllowed || goTypes.MatchString(r.Body) {
				t.Errorf("%s: %d %s", fmt.Sprintf("%.60s", path+tail), r.Status, r.Body)
			}
		}
	}
	for _, path := range []string{"/nothing", "/v1/nothing", "/api/nothing", "/chains/one/nothing", "/ui/nothing"} {
		if r := gatewaytest.Post(t, url+path, "{}"); r.Status != http.StatusNotFound || r.Header.Get("Allow") != "" || !isDialects(path, r.Body) {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
}

func FuzzBody(f *testing.F) {
	paths := slices.Sorted(maps.Keys(bodies))
	for i, path := range paths {
		f.Add(i, bodies[path])
	}
	url := badServer(f)
	f.Fuzz(func(t *testing.T, i int, body string) {
		path := paths[(i%len(paths)+len(paths))%len(paths)]
		checkBad(t, path, body, gatewaytest.Post(t, url+path, body))
	})
}
