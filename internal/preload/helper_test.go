package preload_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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

const canary = "sk-canary-DO-NOT-LEAK-9d17"

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

func (keyring) Get(string) (string, error) { return canary, nil }

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

func ask(s provider.Provider, req provider.Request) (provider.Response, error) {
	if req.Messages == nil {
		req.Messages = []provider.Message{provider.User("Hi")}
	}
	return provider.Collect(s.Chat(context.Background(), req))
}

// hosted answers as an OpenAI-compatible server with a key. It counts calls.
func hosted(t *testing.T) (srv *httptest.Server, calls *atomic.Int32) {
	calls = &atomic.Int32{}
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); got != canary {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s","code":"invalid_api_key"}}`, got)
			return
		}
		if r.URL.Path == "/v1/models" {
			fmt.Fprint(w, `{"object":"list","data":[{"id":"big","object":"model"}]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"model":"big","choices":[{"index":0,"delta":{"content":"hosted"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(srv.Close)
	return srv, calls
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
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
