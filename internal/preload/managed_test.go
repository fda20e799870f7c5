package preload_test

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"

	"github.com/tandem-llm/tandem/internal/engine"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
)

// The test binary is its own supervisor.
const asSupervisor = "supervise-for-tests"

func supervise(args []string) {
	var cfg engine.Config
	f := flag.NewFlagSet("", flag.ExitOnError)
	f.StringVar(&cfg.Host, "host", "", "")
	f.StringVar(&cfg.Dir, "dir", "", "")
	f.StringVar(&cfg.Binary, "binary", "", "")
	f.DurationVar(&cfg.Idle, "idle", 0, "")
	_ = f.Parse(args)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if engine.Supervise(ctx, cfg) != nil {
		os.Exit(1)
	}
}

// stopped is a stack whose local engine is the real Ollama, not running.
func stopped(t *testing.T) (s *stack.Stack, local stack.Configured, said func() []string) {
	e := testengine.Ollama(t)
	e.NeedBin(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := stacktest.Load(t, `
use: local
providers:
  - {name: local, host: "`+stacktest.Nobody(t)+`", binary: "`+e.Bin+`", model: "`+e.Model+`", num_ctx: 512}
  - {name: other, kind: openai, base_url: "http://127.0.0.1:1/v1", model: big, api_key: "env:ODD_NAME_OF_A"}
`, nil, nil)
	var lines []string
	s = open(t, cfg, stack.Options{
		Supervisor: []string{self, asSupervisor}, EngineEnv: []string{"OLLAMA_MODELS=" + e.ModelsDir, "OLLAMA_NOPRUNE=1", "GORACE=atexit_sleep_ms=0"},
		Progress: func(line string) { lines = append(lines, line) },
	})
	local, _ = s.Target("local")
	t.Cleanup(func() {
		if err := local.Engine.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, local, func() []string { return lines }
}

func TestChatStartsTheEngine(t *testing.T) {
	t.Setenv("ODD_NAME_OF_A", stacktest.Key)
	s, local, said := stopped(t)
	req := provider.Request{MaxTokens: provider.Ptr(4), Temperature: provider.Ptr(0.0)}
	for range 2 {
		got, err := stacktest.Ask(s, req)
		if err != nil || got.Text == "" || got.Route.Provider != "local" || !got.Route.Local {
			t.Fatalf("got %+v, %v; want an answer of this machine", got, err)
		}
	}
	starts := slices.DeleteFunc(said(), func(line string) bool { return !strings.Contains(line, "starting Ollama") }) // a slow load is told too
	if len(starts) != 1 {
		t.Errorf("progress %q, want one line for the start", starts)
	}
	st := local.Engine.Status(context.Background())
	if !st.Ours || !st.Watched {
		t.Errorf("status %+v, want a server of ours, watched", st)
	}
	if env, err := os.ReadFile("/proc/" + strconv.Itoa(st.PID) + "/environ"); err == nil && strings.Contains(string(env), stacktest.Key) {
		t.Error("a variable that a provider's api_key names reached the server")
	}
}

func TestModelsStartsTheEngine(t *testing.T) {
	s, local, _ := stopped(t)
	models, err := s.Models(context.Background())
	if err != nil || !slices.ContainsFunc(models, func(m provider.Model) bool { return m.Name == local.Config.Model }) {
		t.Errorf("got %+v, %v; want %s among them", models, err, local.Config.Model)
	}
}
