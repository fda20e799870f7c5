package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canaries are keys of the shapes that people have.
func canaries() map[string]string {
	return map[string]string{
		"usual":      "sk-canary-" + strings.Repeat("A1b2C3d4", 4),
		"a password": "gw&" + strings.Repeat("aB3<dE5", 5),
		"long":       "gw_" + strings.Repeat("bcdEfgHijklmno9Z", 9),
		"quotes":     `pa"ss'wo\rd/12%34`,
		"eight":      "k3y!<&>x",
	}
}

// shows reports how a text shows a key, or 8 characters of its beginning.
func shows(text []byte, key string) string {
	key = key[:8]
	asJSON, _ := json.Marshal(key)
	inJSON := string(asJSON[1 : len(asJSON)-1])
	for how, form := range map[string]string{
		"as it is": key, "JSON": inJSON, "JSON twice": strings.ReplaceAll(inJSON, `\`, `\\`), "URL": url.QueryEscape(key), "path": url.PathEscape(key),
		"Go": strings.Trim(fmt.Sprintf("%q", key), `"`), "base64": base64.StdEncoding.EncodeToString([]byte(key))[:10],
		"basic": base64.StdEncoding.EncodeToString([]byte("user:" + key))[7:17],
	} {
		if bytes.Contains(text, []byte(form)) {
			return how
		}
	}
	return ""
}

// echo answers in one of the ways in which servers say a key back.
type echo struct {
	name   string
	answer func(w http.ResponseWriter, key string)
}

func echoes() []echo {
	failing := func(status int, body func(key string) string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, key string) {
			w.Header().Set("X-Request-Id", "id-"+url.QueryEscape(key))
			w.WriteHeader(status)
			fmt.Fprint(w, body(key))
		}
	}
	asError := func(text string) string {
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": text, "code": "nope"}})
		return string(b)
	}
	stream := func(w http.ResponseWriter, events ...any) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			b, _ := json.Marshal(e)
			fmt.Fprintf(w, "data: %s\n\n", b)
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}
	event := func(model, text string, finish any) any {
		return map[string]any{"model": model, "choices": []any{map[string]any{"index": 0, "delta": map[string]any{"content": text}, "finish_reason": finish}}}
	}
	return []echo{
		{"a JSON error", failing(403, func(k string) string { return asError("no: Authorization: Bearer " + k) })},
		{"an error that is cut", failing(403, func(k string) string {
			return asError(strings.Repeat("h", 470) + " Authorization: Bearer " + k + " end")
		})},
		{"a text", failing(500, func(k string) string { return "no key " + k })},
		{"a text, escaped", failing(500, func(k string) string { return "no key " + url.QueryEscape(k) + " in " + asError(asError(k)) })},
		{"a body that is cut", failing(502, func(k string) string { return strings.Repeat(" ", 64<<10-30) + "Bearer " + k + strings.Repeat("z", 99) })},
		{"basic authentication", failing(401, func(k string) string { return asError("Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+k))) })},
		{"a redirect", func(w http.ResponseWriter, k string) {
			w.Header().Set("Location", "https://example.org/"+url.PathEscape(k))
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
		{"no API", func(w http.ResponseWriter, k string) {
			w.Header().Set("Content-Type", "text/"+strings.Map(func(r rune) rune {
				if strings.ContainsRune(`"'<>\/;=, `, r) {
					return -1
				}
				return r
			}, k))
			fmt.Fprint(w, "<p>"+k)
		}},
		{"an error in the stream", func(w http.ResponseWriter, k string) {
			stream(w, map[string]any{"error": map[string]any{"message": "lost " + k}})
		}},
		{"a model and an id", func(w http.ResponseWriter, k string) {
			w.Header().Set("X-Request-Id", "id-"+url.QueryEscape(k))
			stream(w, event("m-"+k, "fine", nil), event("m-"+k, "", "stop"))
		}},
		{"a gateway's headers", func(w http.ResponseWriter, k string) {
			w.Header().Set("X-Litellm-Model-Api-Base", "https://gateway.example/"+k)
			w.Header().Set("X-Openrouter-Provider", k)
			stream(w, event("m", "fine", nil), event("m", "", "stop"))
		}},
		{"a call of a tool", func(w http.ResponseWriter, k string) {
			call := map[string]any{"index": 0, "id": k, "type": "function", "function": map[string]any{"name": k, "arguments": "{}"}}
			stream(w, map[string]any{"model": "m", "choices": []any{map[string]any{"index": 0, "delta": map[string]any{"tool_calls": []any{call}}}}}, event("m", "", "tool_calls"))
		}},
		{"thoughts", func(w http.ResponseWriter, k string) {
			thought := func(text string) any {
				return map[string]any{"model": "m", "choices": []any{map[string]any{"index": 0, "delta": map[string]any{"reasoning_content": text}}}}
			}
			stream(w, thought("it is "+k[:4]), thought(k[4:]+". And "), thought(k), event("m", "fine", nil), event("m", "", "stop"))
		}},
		{"an end that is none", func(w http.ResponseWriter, k string) { stream(w, event("m", "fine", nil), event("m", "", "odd "+k)) }},
		{"the answer", func(w http.ResponseWriter, k string) {
			stream(w, event("m", "it is "+k[:4], nil), event("m", k[4:]+".", nil), event("m", "", "stop"))
		}},
	}
}

// A key that a server says back, in whatever way, is shown in no error and is in
// no file: neither the log, nor the cache, nor a recording, nor a conversation.
func TestAKeyIsShownAndKeptNowhere(t *testing.T) {
	for shape, key := range canaries() {
		for _, e := range echoes() {
			t.Run(shape+"/"+e.name, func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.answer(w, key) }))
				defer server.Close()
				home := t.TempDir()
				t.Setenv("HOME", home)
				t.Setenv("XDG_STATE_HOME", "")
				t.Setenv("XDG_CONFIG_HOME", "")
				t.Setenv("XDG_DATA_HOME", "")
				t.Setenv("TANDEM_KEYRING", "file")
				t.Setenv("CANARY", key)
				t.Chdir(home)
				dir := filepath.Join(home, ".config", "tandem")
				config := "use: p\ncache: on\nretries: 0\ntemperature: 0\nproviders:\n  - {name: p, kind: openai, base_url: \"" + server.URL + "/v1\", model: m, api_key: \"env:CANARY\"}\n"
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
					t.Fatal(err)
				}
				for _, args := range [][]string{
					{"ask", "-v", "hi", "-o", "user=" + key},
					{"ask", "--json", "my key is " + key},
					{"ask", "hi", "--record", "recordings", "-o", "user=" + key},
					{"chat", "hi " + key},
					{"models", "list"},
					{"doctor"},
					{"config", "show"},
					{"logs", "show", "--json"},
				} {
					var out, errs bytes.Buffer
					Main(t.Context(), args, os.Environ(), strings.NewReader(""), &out, &errs)
					if how := shows(errs.Bytes(), key); how != "" {
						t.Errorf("%q shows the key on standard error (%s):\n%s", args[0], how, errs.String())
					}
					if how := shows(out.Bytes(), key); how != "" && e.name != "the answer" && e.name != "thoughts" && e.name != "a call of a tool" {
						t.Errorf("%q shows the key on standard output (%s):\n%s", args[0], how, out.String())
					}
				}
				_ = filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					data, err := os.ReadFile(path)
					if how := shows(data, key); how != "" {
						t.Errorf("%s has the key (%s)", path, how)
					}
					return err
				})
			})
		}
	}
}
