package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// vile is what a stranger writes to do something to a terminal, or to hide
// something on it.
const vile = "x\x1b]0;owned\x07\x1b[35mA\x1bP1$r\x1b\\\x1b_apc\x1b\\\b\b\rB\u009b35m\u0085\u0090q\u009c\u202e\u2066\u200f\u061cC\u200b\u2060\ufeff\u00ad\u200cD\u200d\U000e0041\U000e007fE"

// vileServer answers every question with it: in the text, cut into letters, in
// the model's name, in errors and in headers.
func vileServer(t *testing.T) *httptest.Server {
	quoted := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "id\xc2\x9b35m\x9b\xe2\x80\xae")
		switch {
		case strings.HasSuffix(r.URL.Path, "/models"):
			fmt.Fprintf(w, `{"object":"list","data":[{"id":%s,"object":"model"}]}`, quoted("m"+vile))
		case strings.HasPrefix(r.URL.Path, "/bad/"):
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":{"message":%s,"type":%[1]s,"code":%[1]s}}`, quoted(vile))
		case strings.HasPrefix(r.URL.Path, "/api/version"):
			fmt.Fprintf(w, `{"version":%s}`, quoted("1"+vile))
		case strings.HasPrefix(r.URL.Path, "/api/tags"), strings.HasPrefix(r.URL.Path, "/api/ps"):
			fmt.Fprintf(w, `{"models":[{"name":%s,"model":%[1]s,"size":1,"digest":%[1]s,"details":{"family":%[1]s,"parameter_size":%[1]s,"quantization_level":%[1]s}}]}`, quoted(vile))
		case strings.HasPrefix(r.URL.Path, "/api/show"):
			fmt.Fprintf(w, `{"license":%s,"template":%[1]s,"details":{"family":%[1]s},"model_info":{"general.architecture":%[1]s},"capabilities":["completion",%[1]s]}`, quoted(vile))
		case r.Header.Get("Accept") != "text/event-stream" && !streams(r):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"model":"big","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}]}`, quoted(vile))
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			part := func(delta, finish string) {
				fmt.Fprintf(w, "data: {\"model\":%s,\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", quoted("big"), delta, finish)
			}
			for _, letter := range strings.Split("**"+vile+"**\n", "") {
				part(`{"content":`+quoted(letter)+`}`, "null")
			}
			part(`{}`, `"stop"`)
			fmt.Fprint(w, "data: [DONE]\n\n")
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// streams reports whether an answer is to come in pieces.
func streams(r *http.Request) bool {
	data, err := io.ReadAll(r.Body)
	return err == nil && strings.Contains(string(data), `"stream":true`)
}

// what we write ourselves: colours, and the line and cursor of an editor.
var ownSequences = regexp.MustCompile(`\x1b\[(\??[0-9]*(;[0-9]+)*)[mKJCAhl]`)

// harmless fails the test where something that was to be kept from the terminal
// has reached it.
func harmless(t *testing.T, shown string) {
	t.Helper()
	for _, bad := range []string{"\x1b[35m", "\x1b]", "\x1bP", "\x1b_"} {
		if strings.Contains(shown, bad) {
			t.Errorf("%q is shown in %q", bad, shown)
		}
	}
	for i, r := range ownSequences.ReplaceAllString(shown, "") {
		if r != '\n' && r != '\r' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf)) || r >= 0xe0000 && r < 0xe0080 {
			t.Fatalf("%U is shown at %d: %q", r, i, shown)
		}
	}
}

// TestNothingHostileReachesATerminal runs commands at a terminal with hostile
// arguments, files, configuration and servers.
func TestNothingHostileReachesATerminal(t *testing.T) {
	server := vileServer(t)
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	yamlVile := `"x\e]0;owned\a\e[35mA\b\r\x9b35m\u0085\u202e\u2066\u200f\u200b\ufeff\U000E0041"`
	cfg := write("vile.yaml", fmt.Sprintf(`use: [p]
providers:
  - {name: p, kind: openai, base_url: '%s/v1', model: %s}
  - {name: bad, kind: openai, base_url: '%[1]s/bad/v1', model: %[2]s}
  - {name: local, kind: ollama, host: '%[3]s', managed: false, model: %[2]s}
`, server.URL, "big", strings.TrimPrefix(server.URL, "http://")))
	wrong := write("wrong.yaml", "use: [p]\nproviders:\n  - {name: p, kind: openai, base_url: 'http://127.0.0.1:1/v1', model: "+yamlVile+"}\n")
	chain := write("c.yaml", "steps:\n  - name: a\n    prompt: \"say {x} "+strings.Trim(yamlVile, `"`)+"\"\n  - name: b\n    prompt: \"{a}\"\n")
	broken := write("b.yaml", "steps:\n  - name: a\n    prompt: \"{x} {% if \u202e\u200b %} "+strings.Trim(yamlVile, `"`)+"\"\n    format: jinja2\n  - nam\u202ee: \"\u009b\"\n")
	vileFile := write("f\x1b[35m\u202e\u200b.yaml", "steps: 3\n")
	for _, args := range [][]string{
		{"ask", "hi"},
		{"ask", "hi", "--json"},
		{"ask", "-m", "bad", "hi"},
		{"ask", "-m", "bad", "hi", "--json"},
		{"ask", "-m", "bad/" + vile, "hi", "-v"},
		{"run", chain, "-p", "x=" + vile},
		{"run", chain, "-p", "x=" + vile, "--json"},
		{"run", chain, "-p", "x=1", "--dry-run"},
		{"run", chain, "--graph"},
		{"run", broken},
		{"run", vileFile},
		{"run", home + "/none\x1b[35m\u202e\x9b.yaml"},
		{"run", chain, "-p", vile + "=1"},
		{"chain", "check", broken, vileFile},
		{"prompt", "render", chain},
		{"prompt", "check", vileFile},
		{"config", "show"},
		{"config", "explain", "use"},
		{"config", "explain", "use", "--json"},
		{"config", "path"},
		{"config", "check", wrong},
		{"config", "trust"},
		{"models", "list"},
		{"models", "list", "--json"},
		{"models", "show", "local"},
		{"models", "show", "p"},
		{"models", "ps"},
		{"doctor"},
		{"doctor", "--json"},
		{"cost"},
		{"logs", "list"},
		{"logs", "list", "--json"},
		{"logs", "show"},
		{"logs", "show", "--json"},
		{"logs", "search", "x"},
		{"chat", vile, "--no-save", "--plain"},
		{"chats", "list"},
		{"keys", "rm", vile},
		{"engine", "status", vile},
		{"tools", "list", vile},
		{vile},
		{"ask", "--" + vile},
		{"ask", "--temperature", vile, "x"},
		{"chats", "show", vile},
		{"collections", "rm", vile},
		{"embed", vile, vile},
		{"similar", vile, vile},
		{"completion", "bash"},
		{"completion", vile},
		{"__complete", "ask", vile},
		{"help", vile},
		{"ask", "--help"},
	} {
		t.Run(strings.Map(func(r rune) rune {
			if r > 0x20 && r < 0x7f {
				return r
			}
			return '_'
		}, strings.ReplaceAll(strings.Join(args, " "), home, "")), func(t *testing.T) {
			s := atTerminal(t, f, home, append(args[:len(args):len(args)], "--config", cfg)...)
			if args[0] == "chat" {
				s.expect(ready)
				s.types("a\u202eb\u200b\u200fc")
				s.expect(`abc`)
				s.types("\x03\x03\x03")
			}
			s.ends()
			if s.all.Len() == 0 {
				t.Error("it says nothing")
			}
			harmless(t, s.all.String())
			if args[0] == "ask" && args[len(args)-1] == "--json" && !strings.Contains(s.all.String(), `\u202e`) {
				t.Errorf("the JSON lacks what it should hold as an escape: %s", s.all.String())
			}
		})
	}
}
