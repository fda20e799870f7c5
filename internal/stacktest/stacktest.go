// Package stacktest is what the tests of the stack, and of what it is made of,
// have in common: a configuration, servers for it, and a question.
package stacktest

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

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/provider"
)

// Key is the key of the provider hosted. It may be shown and written nowhere.
const Key = "sk-canary-DO-NOT-LEAK-9d17"

// Load reads text as a user's file, with set as flags have it and env as the
// whole environment. Nothing of the machine's own configuration counts.
func Load(t testing.TB, text string, set, env map[string]string) *config.Loaded {
	t.Helper()
	return LoadWith(t, text, config.LoadOptions{
		Set: set, Keyring: &Keyring{},
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
}

// LoadWith reads text as a user's file, with a state directory of its own unless
// o names one. A nil Env is empty.
func LoadWith(t testing.TB, text string, o config.LoadOptions) *config.Loaded {
	t.Helper()
	o.UserFile = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(o.UserFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.StateDir == "" {
		o.StateDir = t.TempDir()
	}
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	cfg, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Keyring holds [Key] for the provider hosted, and counts how often it is asked.
type Keyring struct{ asked atomic.Int32 }

// Get returns the key of a name.
func (k *Keyring) Get(name string) (string, error) {
	k.asked.Add(1)
	if name != "hosted" {
		return "", config.ErrNoKey
	}
	return Key, nil
}

// Has reports whether a key with this name exists.
func (k *Keyring) Has(name string) bool { return name == "hosted" }

// Asked is how often a key was looked up.
func (k *Keyring) Asked() int { return int(k.asked.Load()) }

// Ask asks p, for a greeting where the request says nothing.
func Ask(p provider.Provider, req provider.Request) (provider.Response, error) {
	if req.Messages == nil {
		req.Messages = []provider.Message{provider.User("Hi")}
	}
	return provider.Collect(p.Chat(context.Background(), req))
}

// Question is a request for the same answer each time.
func Question(text string) provider.Request {
	return provider.Request{Messages: []provider.Message{provider.User(text)}, Temperature: provider.Ptr(0.0)}
}

// Hosted answers as an OpenAI-compatible server that takes [Key] only, and counts
// the calls. It echoes any other key.
func Hosted(t testing.TB) (srv *httptest.Server, calls *atomic.Int32) {
	t.Helper()
	calls = &atomic.Int32{}
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); got != Key {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s","code":"invalid_api_key"}}`, got) //nolint:gosec // no page: the echo is the test
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

// Nobody is an address, host:port, where nothing listens.
func Nobody(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
