package collection_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load reads a user's file. Nothing of the machine's own configuration counts.
func load(t *testing.T, text string, set map[string]string, env map[string]string) *config.Loaded {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.LoadOptions{
		UserFile: file, StateDir: t.TempDir(), Set: set, Keyring: keyring{},
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

type keyring struct{}

func (keyring) Get(string) (string, error) { return "", config.ErrNoKey }

func open(t *testing.T, cfg *config.Loaded, o stack.Options) *stack.Stack {
	t.Helper()
	if o.StateDir == "" {
		o.StateDir = t.TempDir()
	}
	s, err := stack.Open(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func question(text string) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(text)}, Temperature: provider.Ptr(0.0)}
}

// open opens a stack that records to, or replays from, a directory.
func openWith(t *testing.T, cfg *config.Loaded, a stack.Answers) *stack.Stack {
	t.Helper()
	s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir(), Answers: a, Warn: func(msg string) { t.Error(msg) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
