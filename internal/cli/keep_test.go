package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// said is what a test's prompts and its server's answers have in common.
const said = "zebra-in-the-garden"

// saying is a server whose answers are said, and a configuration that asks it.
func saying(t *testing.T, p *person, user string) (asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, `data: {"model":"m","choices":[{"index":0,"delta":{"content":%q},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n", said)
	}))
	t.Cleanup(server.Close)
	p.write(p.userFile(), fmt.Sprintf("use: p\ntemperature: 0\nproviders:\n  - {name: p, kind: openai, base_url: %q, model: m}\n%s", server.URL+"/v1", user))
	return asked
}

// keptIn are the files of a person that have what was said.
func keptIn(t *testing.T, p *person) (files []string) {
	t.Helper()
	for _, dir := range []string{p.home, p.project} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(said)) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Nothing of what was said is in any file, where the user said so, whatever a
// project wants.
func TestWhatIsNotToBeKeptIsNowhere(t *testing.T) {
	for name, tc := range map[string]struct {
		user, project string
		args          []string
		kept          bool
	}{
		"chat":                              {"", "", []string{"chat", said}, true}, // else the test sees nothing
		"chat --no-save":                    {"", "", []string{"chat", "--no-save", said}, false},
		"chat --no-save, the user's cache":  {"cache: on\n", "", []string{"chat", "--no-save", said}, false},
		"chat --no-save, a project's cache": {"", "cache: on\n", []string{"chat", "--no-save", said}, false},
		"log: off, a project's cache":       {"log: off\n", "cache: on\n", []string{"ask", said}, false},
		"log: meta, a project's cache":      {"log: meta\n", "cache: on\n", []string{"ask", said}, false},
		"log: off, a project's log":         {"log: off\n", "cache: on\nlog: full\n", []string{"ask", said}, false},
		"log: meta, a conversation":         {"log: meta\n", "cache: on\n", []string{"chat", said}, false},
		"log: off, the user's own cache":    {"log: off\ncache: on\n", "", []string{"ask", said}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t)
			asked := saying(t, p, tc.user)
			if tc.project != "" {
				p.write(filepath.Join(p.project, "config.yaml"), tc.project)
			}
			for range 2 {
				p.expect(0, said, "", tc.args...)
			}
			files := keptIn(t, p)
			if (len(files) > 0) != tc.kept {
				t.Errorf("it is in %q", files)
			}
			if !tc.kept && *asked != 2 {
				t.Errorf("the server was asked %d times: an answer was kept", *asked)
			}
		})
	}
}

func TestNoSaveTakesNothingThatKeeps(t *testing.T) {
	p := newPerson(t)
	asked := saying(t, p, "")
	for _, args := range [][]string{{"--record", "rec"}, {"--cache"}, {"--continue"}, {"--conversation", "x"}} {
		p.expect(2, "", "--no-save ", append([]string{"chat", "--no-save", said}, args...)...)
	}
	if files := keptIn(t, p); len(files) > 0 || *asked != 0 {
		t.Errorf("the server was asked %d times; kept in %q", *asked, files)
	}
}
