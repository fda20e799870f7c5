package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
)

// canary is the key that must not appear in any error, warning or printout.
const canary = "sk-canary-DO-NOT-LEAK-7f3a"

// sandbox is a home, a project and an environment of their own.
type sandbox struct {
	t             *testing.T
	home, project string
	env           map[string]string
	opts          config.LoadOptions
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := &sandbox{t: t, home: t.TempDir(), project: t.TempDir(), env: map[string]string{}}
	s.env["HOME"], s.env["USERPROFILE"] = s.home, s.home
	return s
}

func (s *sandbox) lookup(name string) (string, bool) {
	v, ok := s.env[name]
	return v, ok
}

func (s *sandbox) userPath() string { return config.UserPath(s.lookup) }

// user writes the user's file, and projectFile the project's.
func (s *sandbox) user(text string) *sandbox {
	s.t.Helper()
	s.write(s.userPath(), text, 0o600)
	return s
}

func (s *sandbox) projectFile(text string) *sandbox {
	s.t.Helper()
	s.write(filepath.Join(s.project, "config.yaml"), text, 0o644)
	return s
}

func (s *sandbox) write(path, text string, mode os.FileMode) string {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *sandbox) load() (*config.Loaded, error) {
	s.t.Helper()
	o := s.opts
	o.Env = s.lookup
	if o.Dir == "" {
		o.Dir = s.project
	}
	l, err := config.Load(o)
	if err != nil && strings.Contains(err.Error(), canary) {
		s.t.Errorf("the error shows the key: %v", err)
	}
	return l, err
}

func (s *sandbox) mustLoad() *config.Loaded {
	s.t.Helper()
	l, err := s.load()
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

// demands loads, and returns what the project's file wants.
func (s *sandbox) demands() []string {
	s.t.Helper()
	l, err := s.load()
	if err != nil && !errors.Is(err, config.ErrUntrusted) {
		s.t.Fatalf("a mistake, not a demand: %v", err)
	}
	if (len(l.Demands()) > 0) != (err != nil) {
		s.t.Errorf("demands %v, but the error is %v", l.Demands(), err)
	}
	var texts []string
	for _, d := range l.Demands() {
		texts = append(texts, d.Text)
	}
	return texts
}

// with sets variables.
func (s *sandbox) with(env map[string]string) *sandbox {
	maps.Copy(s.env, env)
	return s
}

// places checks that every mistake in err has a place in a file, and returns
// the mistakes' lines.
func places(t *testing.T, err error) []string {
	t.Helper()
	var lines []string
	for _, e := range diag.Split(err) {
		var place *diag.Error
		if !errors.As(e, &place) || place.File == "" {
			t.Errorf("no place: %v", e)
		}
		lines = append(lines, e.Error())
	}
	return lines
}
