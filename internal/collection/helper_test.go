package collection_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
