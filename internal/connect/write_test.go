package connect_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/connect"
	"github.com/tandem-llm/tandem/internal/diag"
)

// A file that cannot be read, or that has another value where the client knows one
// only, is refused with the place, and no file of the client is changed.
func TestWriteRefuses(t *testing.T) {
	for _, tc := range []struct{ client, what, text, at, says string }{
		{"claude", "another gateway", "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://example.com\"\n  }\n}\n", ":3:27", "env.ANTHROPIC_BASE_URL has another value"},
		{"claude", "another key", "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"sk-theirs\"}}", ":1:34", "has another value"},
		{"claude", "env is a text", "{\n  \"env\": \"x\"\n}", ":2:10", "env should be an object"},
		{"claude", "a list", "[]", ":1:1", "the file should be an object"},
		{"claude", "a comment", "{\n  // mine\n}", ":2:3", "plain JSON"},
		{"claude", "a trailing comma", "{\n  \"a\": 1,\n}", ":2:9", "plain JSON"},
		{"claude", "cut", "{\n  \"a\": {", ":2:8", "never closed"},
		{"claude", "no comma", "{\n  \"a\": 1\n  \"b\": 2\n}", ":3:3", "a comma is missing"},
		{"claude", "no colon", "{\n  \"a\" 1\n}", ":2:7", "a colon is missing"},
		{"claude", "an open quote", "{\n  \"a\": \"b\n}", ":2:8", "never closed"},
		{"claude", "two values", "{}\n{}", ":2:1", "more after"},
		{"claude", "a bare word", "{\n  \"é\": yes\n}", ":2:8", "cannot begin with"},
		{"claude", "not UTF-8", "{\n  \"a\": \"\xff\"\n}", ":2:9", "not UTF-8"},
		{"claude", "UTF-16", "{\x00}\x00", ":1:2", "NUL"},
		{"opencode", "an open comment", "{\n  /* mine\n}", ":2:3", "never ends"},
		{"opencode", "JSON5", "{\n  provider: {}\n}", ":2:3", "double quotes"},
		{"vscode", "an object", "{}", ":1:1", "the file should be a list"},
		{"cline", "another server", "{\"version\":1,\"modes\":{},\"providers\":{\"openai-compatible\":{\"settings\":{\"provider\":\"openai-compatible\",\"baseUrl\":\"https://example.com/v1\",\"apiKey\":\"sk-theirs\"}}}}", ":1:", "has another value"},
		{"codex", "broken", "model = \"a\"\nmodel = \n", ":2:9", ""},
		{"codex", "a key twice", "model = \"a\"\nmodel = \"b\"\n", ":2:1", ""},
		{"codex", "an inline table", "model_providers = { a = { name = \"A\" } }\n", "", "cannot be added"},
		{"continue", "broken", "name: Mine\nmodels:\n  - name: [A\n", ":", ""},
		{"continue", "a tab", "name: Mine\nmodels:\n\t- name: A\n", ":3:1", "tab"},
		{"continue", "two documents", "name: A\n---\nname: B\n", ":2:1", "second document"},
		{"continue", "models in brackets", "name: A\nversion: 1.0.0\nschema: v1\nmodels: [{name: A}]\n", ":4:9", "brackets"},
		{"continue", "models is a mapping", "name: A\nversion: 1.0.0\nschema: v1\nmodels:\n  a: 1\n", ":5:3", "should be a list"},
		{"continue", "a list", "- a\n", ":1:1", "should be a mapping"},
		{"aider", "another address", "openai-api-base: https://example.com/v1\n", ":1:1", "openai-api-base has another value"},
	} {
		t.Run(tc.client+"/"+tc.what, func(t *testing.T) {
			s, c := system(t), find(t, tc.client)
			file := path(t, s, c)
			put(t, file, tc.text, 0o600)
			_, err := s.Write(c, gateway())
			place := new(diag.Error)
			if !errors.As(err, &place) || !strings.HasPrefix(err.Error(), file+tc.at) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %s%s … %s", err, file, tc.at, tc.says)
			}
			if err != nil && strings.Contains(err.Error(), "theirs") {
				t.Error("the error shows a key")
			}
			if got := get(t, file); got != tc.text {
				t.Errorf("the file was changed to %q", got)
			}
			if all, _ := filepath.Glob(filepath.Dir(file) + "/*"); len(all) != 1 && tc.client != "aider" {
				t.Errorf("left behind: %v", all)
			}
			if _, err := os.Stat(s.State); err == nil {
				t.Error("something was recorded")
			}
		})
	}
}

// Where there was no file, undo removes it and the directories made for it.
func TestUndoRemovesWhatWasCreated(t *testing.T) {
	for _, c := range connect.Clients() {
		if !c.Writes() {
			continue
		}
		s := system(t)
		changes, err := s.Write(&c, gateway())
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		for _, change := range changes {
			if info, err := os.Stat(change.Path); err != nil || change.Did != connect.Created || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %+v, %v", c.Name, change, err)
			}
		}
		if changes, err := s.Write(&c, gateway()); err != nil || changes[0].Did != connect.Unchanged {
			t.Errorf("%s, again: %+v, %v", c.Name, changes, err)
		}
		if changes, err = s.Undo(&c); err != nil || changes[0].Did != connect.Removed {
			t.Errorf("%s: %+v, %v", c.Name, changes, err)
		}
		if err := os.RemoveAll(s.State); err != nil {
			t.Fatal(err)
		}
		if all, err := os.ReadDir(s.Home); err != nil || len(all) > 0 {
			t.Errorf("%s: left behind: %v", c.Name, all)
		}
		if changes, err = s.Undo(&c); err != nil || len(changes) != 0 {
			t.Errorf("%s, undone again: %+v, %v", c.Name, changes, err)
		}
	}
}

// A file that was created, and reformatted or edited by its program since, goes when
// nothing else is left in it, and stays when the user has added something.
func TestUndoOfACreatedFile(t *testing.T) {
	for _, tc := range []struct{ client, from, to, left string }{
		{"claude", "\"env\"", "\"model\": \"opus\",\n  \"env\"", "{\n  \"model\": \"opus\"\n}\n"},
		{"cline", "2026-01-01", "2027-01-01", ""},
		{"opencode", "\"Tandem\"", "\"My Tandem\"", ""},
		{"continue", "models:", "rules: [be kind]\nmodels:", "name: Local\nversion: 1.0.0\nschema: v1\nrules: [be kind]\n"},
		{"continue", "contextLength: 32768", "contextLength: 8192", ""},
		{"codex", "[model", "# mine\nmodel = \"gpt-5\"\n\n[model", "# mine\nmodel = \"gpt-5\"\n"},
	} {
		s, c := system(t), find(t, tc.client)
		file := path(t, s, c)
		if _, err := s.Write(c, gateway()); err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(get(t, file), tc.from, tc.to, 1)
		put(t, file, edited, 0o600)
		if _, err := s.Undo(c); err != nil {
			t.Errorf("%s: %v", tc.client, err)
		}
		data, err := os.ReadFile(file)
		if tc.left == "" && err == nil || string(data) != tc.left {
			t.Errorf("%s: left %q, want %q", tc.client, data, tc.left)
		}
	}
}

// A setting of the client's that the user has changed since stays, and is named.
func TestUndoLeavesWhatWasChanged(t *testing.T) {
	s, c := system(t), find(t, "claude")
	file := path(t, s, c)
	put(t, file, "{\n  \"model\": \"opus\"\n}\n", 0o600)
	if _, err := s.Write(c, gateway()); err != nil {
		t.Fatal(err)
	}
	put(t, file, strings.Replace(get(t, file), "http://127.0.0.1:11500", "https://example.com", 1), 0o600)
	changes, err := s.Undo(c)
	if err != nil || len(changes) != 1 || len(changes[0].Left) != 1 || !strings.HasPrefix(changes[0].Left[0], file+":4:27: env.ANTHROPIC_BASE_URL") {
		t.Errorf("%+v, %v", changes, err)
	}
	if got, want := get(t, file), "{\n  \"model\": \"opus\",\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://example.com\"\n  }\n}\n"; got != want {
		t.Errorf("left %s", got)
	}
}

// Another model or address takes the place of ours, and undo still gives the file as it
// was before the first write.
func TestWriteAnotherModel(t *testing.T) {
	for _, tc := range existing() {
		s, c := system(t), find(t, tc.client)
		file := path(t, s, c)
		put(t, file, tc.text, 0o600)
		if _, err := s.Write(c, gateway()); err != nil {
			t.Fatal(err)
		}
		next := gateway()
		next.URL, next.Model, next.KeyEnv, next.Window = "http://127.0.0.1:11600", "llama3", "TANDEM_KEY", 8192
		if _, err := s.Write(c, next); err != nil {
			t.Errorf("%s/%s: %v", tc.client, tc.what, err)
			continue
		}
		if got := get(t, file); strings.Contains(got, "11500") || strings.Contains(got, "qwen3") || !strings.Contains(got, "11600") {
			t.Errorf("%s/%s: %s", tc.client, tc.what, got)
		}
		if _, err := s.Undo(c); err != nil || get(t, file) != tc.text {
			t.Errorf("%s/%s: undo left %q, %v", tc.client, tc.what, get(t, file), err)
		}
	}
}

// What the user wrote under our name is taken over, and is back after undo.
func TestWriteTakesOverOurName(t *testing.T) {
	s, c := system(t), find(t, "opencode")
	text := "{\n  \"provider\": {\n    \"tandem\": {\"options\": {\"baseURL\": \"http://127.0.0.1:1/v1\"}},\n    \"openai\": {}\n  }\n}\n"
	file := path(t, s, c)
	put(t, file, text, 0o600)
	if _, err := s.Write(c, gateway()); err != nil || strings.Contains(get(t, file), "127.0.0.1:1/") {
		t.Fatalf("%v\n%s", err, get(t, file))
	}
	if _, err := s.Undo(c); err != nil || get(t, file) != text {
		t.Errorf("%v\n%s", err, get(t, file))
	}
}

// The same settings by the user's own hand are left to the user.
func TestWriteLeavesEqualSettings(t *testing.T) {
	s, c := system(t), find(t, "codex")
	file := path(t, s, c)
	text := "[model_providers.tandem]\nwire_api = 'responses'\nbase_url = 'http://127.0.0.1:11500/v1'\nname = 'Tandem'\nrequest_max_retries = 1\n"
	put(t, file, text, 0o600)
	changes, err := s.Write(c, gateway())
	if err != nil || changes[0].Did != connect.Unchanged || get(t, file) != text {
		t.Errorf("%+v, %v", changes, err)
	}
	if _, err := s.Undo(c); err != nil || get(t, file) != text {
		t.Errorf("undo: %v, %s", err, get(t, file))
	}
}

// A link is written through, and stays one; the backup is where the link is. One that
// leads nowhere is refused.
func TestLinks(t *testing.T) {
	s, c := system(t), find(t, "claude")
	file := path(t, s, c)
	behind := filepath.Join(t.TempDir(), "dotfiles", "claude.json")
	put(t, behind, "{}\n", 0o604)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(behind, file); err != nil {
		t.Skip(err) // Windows, for a user without the right to
	}
	changes, err := s.Write(c, gateway())
	if err != nil || !strings.Contains(get(t, behind), "11500") || filepath.Dir(changes[0].Backup) != filepath.Dir(file) {
		t.Errorf("%+v, %v, %s", changes, err, get(t, behind))
	}
	if info, err := os.Lstat(file); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if info, err := os.Stat(behind); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o604 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := s.Undo(c); err != nil || get(t, behind) != "{}\n" {
		t.Errorf("undo: %v, %s", err, get(t, behind))
	}
	if err := os.Remove(behind); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(c, gateway()); err == nil || !strings.Contains(err.Error(), "a link to a file that does not exist") {
		t.Errorf("got %v", err)
	}
}

// No client gets a key: what it gets is the variable's name, or a placeholder.
func TestNoKeyIsWritten(t *testing.T) {
	const canary = "sk-canary-5f1e0c"
	t.Setenv("TANDEM_KEY", canary)
	for _, c := range connect.Clients() {
		s := system(t)
		s.Env = func(name string) string {
			return map[string]string{"TANDEM_KEY": canary, "OPENAI_API_KEY": canary}[name]
		}
		g := gateway()
		g.KeyEnv = "TANDEM_KEY"
		set, err := s.Settings(&c, g)
		if err != nil {
			t.Fatal(err)
		}
		printed, err := json.Marshal(set)
		if err != nil || strings.Contains(string(printed), canary) || strings.Contains(string(printed), "placeholder") {
			t.Errorf("%s: %s, %v", c.Name, printed, err)
		}
		if !strings.Contains(string(printed), "TANDEM_KEY") && c.Name != "vscode" && c.Name != "llm" {
			t.Errorf("%s: nothing says where the key comes from: %s", c.Name, printed)
		}
		if !c.Writes() {
			continue
		}
		if _, err := s.Write(&c, g); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		err = filepath.WalkDir(s.Home, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.Contains(get(t, path), canary) {
				t.Errorf("%s has the key", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
