package preload_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asSupervisor {
		supervise(os.Args[2:])
		return
	}
	goleak.VerifyTestMain(m)
}

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

// preloader is what loads the models of the provider local.
func preloader(t *testing.T, s *stack.Stack) *preload.Provider {
	t.Helper()
	local, _ := s.Target("local")
	p, ok := provider.As[*preload.Provider](local.Provider)
	if !ok {
		t.Fatal("local loads no models")
	}
	return p
}
