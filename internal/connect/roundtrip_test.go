package connect_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/connect"
)

// gateway is what the tests connect to.
func gateway() connect.Gateway {
	return connect.Gateway{URL: "http://127.0.0.1:11500", Model: "qwen3:8b", Window: 32768}
}

// system is a machine with an empty home directory.
func system(t *testing.T) *connect.System {
	t.Helper()
	home := t.TempDir()
	return &connect.System{OS: runtime.GOOS, Home: home, State: filepath.Join(home, "state"), Env: func(string) string { return "" }}
}

func find(t *testing.T, name string) *connect.Client {
	t.Helper()
	c, ok := connect.Find(name)
	if !ok {
		t.Fatalf("there is no client %q", name)
	}
	return c
}

// path is the client's first file.
func path(t *testing.T, s *connect.System, c *connect.Client) string {
	t.Helper()
	set, err := s.Settings(c, gateway())
	if err != nil || len(set.Files) == 0 {
		t.Fatalf("%s: %v, %v", c.Name, set.Files, err)
	}
	return set.Files[0].Path
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// existing are files as users have them.
func existing() []struct{ client, what, text string } {
	return []struct{ client, what, text string }{
		{"claude", "empty", ""},
		{"claude", "an empty object", "{}"},
		{"claude", "an empty object on two lines", "{\n}\n"},
		{"claude", "other settings", "{\n  \"model\": \"opus\",\n  \"permissions\": {\"allow\": [\"Bash(ls:*)\"]},\n  \"env\": {\n    \"FOO\": \"1\"\n  }\n}\n"},
		{"claude", "four spaces, env in the middle", "{\n    \"env\": {\n        \"FOO\": \"1\"\n    },\n    \"model\": \"opus\"\n}\n"},
		{"claude", "an empty env", "{\n  \"env\": {},\n  \"model\": \"opus\"\n}\n"},
		{"claude", "minified", `{"env":{"A":"1"},"model":"opus"}`},
		{"claude", "minified with an empty env", `{"env":{},"model":"opus"}`},
		{"claude", "CRLF", "{\r\n\t\"model\": \"opus\"\r\n}\r\n"},
		{"claude", "a byte order mark", "\ufeff{\n  \"model\": \"opus\"\n}\n"},
		{"claude", "no line end", "{\n  \"model\": \"opus\"\n}"},
		{"claude", "numbers and escapes", "{\n  \"a\": 1.50,\n  \"b\": 1e3,\n  \"c\": \"\\u00e9\\/\"\n}\n"},
		{"cline", "other providers", "{\n  \"version\": 1,\n  \"lastUsedProvider\": \"anthropic\",\n  \"modes\": {},\n  \"providers\": {\n    \"anthropic\": {\n      \"settings\": {\n        \"provider\": \"anthropic\",\n        \"apiKey\": \"sk-ant-theirs\"\n      },\n      \"updatedAt\": \"2026-11-29T06:36:58.204Z\",\n      \"tokenSource\": \"manual\"\n    }\n  }\n}\n"},
		{"opencode", "comments", "// mine\n{\n  \"$schema\": \"https://opencode.ai/config.json\", // the schema\n  /* providers */\n  \"provider\": {\n    // another\n    \"openai\": { \"options\": { \"apiKey\": \"{env:OPENAI_API_KEY}\" } } // end\n  }\n  // last\n}\n// after\n"},
		{"opencode", "trailing commas", "{\n  \"provider\": {\n    \"openai\": {},\n  },\n  \"model\": \"openai/gpt-5\",\n}\n"},
		{"opencode", "a comment in an empty object", "{\n  // nothing yet\n}\n"},
		{"opencode", "only a comment", "// nothing yet\n"},
		{"opencode", "a comment on one line", "{ /* nothing */ }"},
		{"zed", "as Zed makes it", "// Zed settings\n//\n// For information on how to configure Zed, see the Zed\n// documentation: https://zed.dev/docs/configuring-zed\n{\n  \"theme\": {\n    \"mode\": \"system\",\n  },\n  \"language_models\": {\n    \"ollama\": {\n      \"api_url\": \"http://localhost:11434\",\n    },\n  },\n}\n"},
		{"zed", "tabs", "{\n\t\"vim_mode\": true,\n\t\"language_models\": {\n\t\t\"openai_compatible\": {\n\t\t\t\"Other\": {\"api_url\": \"https://example.com/v1\", \"available_models\": []}\n\t\t}\n\t}\n}\n"},
		{"vscode", "an empty list", "[]"},
		{"vscode", "another group", "[\n\t{\n\t\t\"name\": \"Ollama\",\n\t\t\"vendor\": \"ollama\",\n\t\t\"url\": \"http://localhost:11434\"\n\t}\n]"},
		{"vscode", "another group with a comment", "[\r\n  { \"name\": \"OpenAI\", \"vendor\": \"openai\", \"apiKey\": \"${input:chat.lm.secret.1}\" }, // mine\r\n]\r\n"},
		{"codex", "empty", ""},
		{"codex", "other providers", "# mine\nmodel = \"gpt-5\" # the best\nmodel_provider = \"openai\"\n\n[model_providers.azure]\nname = \"Azure\"\nbase_url = \"https://x.openai.azure.com\"\nenv_key = \"AZURE_KEY\"\n\n# tools\n[mcp_servers.files]\ncommand = \"npx\"\nargs = [\n  \"-y\", # yes\n  \"files\",\n]\n"},
		{"codex", "no line end", "model = \"gpt-5\"\n[tui]\ntheme = 'dark'"},
		{"codex", "CRLF", "model = \"gpt-5\"\r\n\r\n[projects.\"/home/me/x\"]\r\ntrust_level = \"trusted\"\r\n"},
		{"codex", "texts on several lines", "notify = [\"a\",\n  \"b\"]\ninstructions = \"\"\"\n[model_providers.tandem]\nname = 1\n\"\"\"\nwhen = 1979-05-27T07:32:00Z\nsize = 1_000\n"},
		{"codex", "lists of tables", "[[hooks.after]]\ncommand = \"a\"\n\n[[hooks.after]]\ncommand = \"b\"\n\n\n"},
		{"continue", "as Continue makes it", "name: Local Config\nversion: 1.0.0\nschema: v1\nmodels: []\n"},
		{"continue", "other models", "name: Mine\nversion: 0.0.1\nschema: v1\n# what I use\nmodels:\n  - name: GPT # best\n    provider: openai\n    apiKey: ${{ secrets.OPENAI }}\n    chatOptions:\n      baseSystemMessage: |\n        You are terse.\n\n        - name: Tandem\n  # an old one\n  - name: Old\n    provider: ollama\n\n# rules\nrules:\n  - Be kind\n"},
		{"continue", "items as far left as the key", "name: Mine\nversion: 0.0.1\nschema: v1\nmodels:\n- name: GPT\n  provider: openai\n- name: B\n  provider: ollama\ncontext:\n- provider: code\n"},
		{"continue", "anchors", "%YAML 1.1\n---\nname: Mine\nversion: 0.0.1\nschema: v1\nd: &d\n  provider: openai\nmodels:\n  - name: A\n    <<: *d\n"},
		{"continue", "no models", "name: Mine\nversion: 0.0.1\nschema: v1\n"},
		{"continue", "models without a value", "name: Mine\nversion: 0.0.1\nmodels:\nschema: v1\n"},
		{"continue", "models without a value at the end", "name: Mine\nversion: 0.0.1\nschema: v1\nmodels:"},
		{"continue", "models null", "name: Mine\nversion: 0.0.1\nschema: v1\nmodels: null # none\nrules: []\n"},
		{"continue", "CRLF", "name: Mine\r\nversion: 0.0.1\r\nschema: v1\r\nmodels:\r\n  - name: A\r\n    provider: openai\r\n"},
		{"continue", "a byte order mark, no line end", "\ufeffname: Mine\nversion: 0.0.1\nschema: v1\nmodels:\n  - name: A\n    provider: openai"},
		{"continue", "a dash on a line of its own", "name: Mine\nversion: 0.0.1\nschema: v1\nmodels:\n  -\n    name: A\n    provider: openai\n"},
		{"aider", "comments only", "##########\n# Sample\n#model: x\n"},
		{"aider", "other settings", "dark-mode: true\nread: [CONVENTIONS.md]\n\nalias:\n  - \"fast:gpt-5-mini\"\n"},
		{"llm", "other models", "- model_id: other\n  model_name: other\n  api_base: https://example.com/\n  headers:\n    apikey: theirs\n"},
		{"llm", "an empty list", "[]\n"},
	}
}

// What is written is taken back byte for byte, also without the backup where the entry
// can be told from the rest, a second write changes nothing, and everything that was
// there is there in between.
func TestWriteAndUndo(t *testing.T) {
	for _, tc := range existing() {
		t.Run(tc.client+"/"+tc.what, func(t *testing.T) {
			s, c := system(t), find(t, tc.client)
			file := path(t, s, c)
			put(t, file, tc.text, 0o640)
			if _, err := s.Write(c, gateway()); err != nil {
				t.Fatal(err)
			}
			written := get(t, file)
			if written == tc.text {
				t.Fatal("nothing was written")
			}
			rest := written // every line of the user's is there, in order
			for _, line := range strings.FieldsFunc(tc.text, func(r rune) bool { return strings.ContainsRune("\r\n{}[],", r) }) {
				if line = strings.TrimSpace(line); line == "null # none" || line == "models: null # none" {
					continue
				}
				_, after, ok := strings.Cut(rest, line)
				if !ok {
					t.Errorf("%q is not there any more:\n%s", line, written)
				}
				rest = after
			}
			if crlf := strings.Count(tc.text, "\r\n"); crlf > 0 && strings.Count(written, "\r\n") != strings.Count(written, "\n") {
				t.Errorf("line ends are mixed: %q", written)
			}
			changes, err := s.Write(c, gateway())
			if err != nil || get(t, file) != written {
				t.Errorf("a second write: %v\n%s", err, get(t, file))
			}
			for _, change := range changes {
				if change.Did != connect.Unchanged {
					t.Errorf("a second write: %+v", change)
				}
			}
			changes, err = s.Undo(c)
			if err != nil || len(changes) == 0 || changes[0].Did != connect.Restored {
				t.Errorf("undo: %+v, %v", changes, err)
			}
			if got := get(t, file); got != tc.text {
				t.Errorf("undo left %q, want %q", got, tc.text)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if names, err := filepath.Glob(filepath.Dir(file) + "/*"); err != nil || c.Name != "aider" && len(names) > 1 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

// Without the backup, or after an edit, only our entries go.
func TestUndoOfAnEditedFile(t *testing.T) {
	for _, tc := range existing() {
		t.Run(tc.client+"/"+tc.what, func(t *testing.T) {
			s, c := system(t), find(t, tc.client)
			file := path(t, s, c)
			put(t, file, tc.text, 0o600)
			if _, err := s.Write(c, gateway()); err != nil {
				t.Fatal(err)
			}
			comment := map[bool]string{true: "\n# edited\n", false: "\n \n"}[strings.HasSuffix(file, "ml")]
			put(t, file, get(t, file)+comment, 0o600)
			changes, err := s.Undo(c)
			if err != nil || changes[0].Did != connect.TakenOut && changes[0].Did != connect.Restored {
				t.Fatalf("%+v, %v", changes, err)
			}
			got := get(t, file)
			if strings.Contains(got, "11500") {
				t.Errorf("something of ours is left:\n%s", got)
			}
			if squeezed(got) != squeezed(tc.text+comment) {
				t.Errorf("undo left\n%s\nwant, but for white space,\n%s", got, tc.text+comment)
			}
			if changes[0].Backup == "" || get(t, changes[0].Backup) != tc.text {
				t.Errorf("the backup is not the file as it was: %+v", changes[0])
			}
		})
	}
}

// squeezed is a text without white space, and empty values as they can be written in
// several ways.
func squeezed(text string) string {
	text = strings.Join(strings.Fields(text), "")
	for from, to := range map[string]string{"models:null": "models:[]", "models:schema": "models:[]schema", "models:#": "models:[]#"} {
		text = strings.ReplaceAll(text, from, to)
	}
	switch rest := strings.TrimPrefix(text, "\ufeff"); rest {
	case "{}", "[]", "[]#edited":
		return strings.TrimPrefix(strings.TrimPrefix(rest, "{}"), "[]")
	case "//nothingyet{}":
		return "//nothingyet"
	}
	return text
}
