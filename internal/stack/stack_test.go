package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/preload"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
	"github.com/tandem-llm/tandem/provider/openai"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const canary = stacktest.Key

func open(t *testing.T, cfg *config.Loaded, o Options) *Stack {
	t.Helper()
	if o.StateDir == "" {
		o.StateDir = t.TempDir()
	}
	s, err := Open(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestOpenDoesNothingYet(t *testing.T) {
	srv, calls := stacktest.Hosted(t)
	cfg := stacktest.Load(t, `
use: [local, hosted, keyless]
providers:
  - {name: local, host: "`+stacktest.Nobody(t)+`"}
  - {name: hosted, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted"}
  - {name: keyless, kind: openai, base_url: "`+srv.URL+`/v1", model: big}
`, nil, nil)
	state := t.TempDir()
	s := open(t, cfg, Options{StateDir: state})
	var names []string
	for _, target := range s.Targets {
		names = append(names, target.Config.Name)
	}
	if got := strings.Join(names, " "); got != "local openai hosted keyless" {
		t.Errorf("targets %q, want the configuration's in its order", got)
	}
	if entries, _ := os.ReadDir(state); len(entries) != 0 || calls.Load() != 0 {
		t.Errorf("Open wrote %d files and made %d calls", len(entries), calls.Load())
	}
	// The layers, from the outside in.
	local, _ := s.Target("local")
	if _, ok := provider.As[*preload.Managed](local.Provider); !ok || local.Engine == nil {
		t.Errorf("local is a %T with engine %v, want a managed one", local.Provider, local.Engine)
	}
	if _, ok := provider.As[*ollama.Provider](local.Provider); !ok {
		t.Error("no ollama.Provider inside local")
	}
	withKey, _ := s.Target("hosted")
	if _, ok := provider.As[*keyed](withKey.Provider); !ok {
		t.Errorf("hosted is a %T, want one whose key is looked up late", withKey.Provider)
	}
	if _, ok := provider.As[*openai.Provider](withKey.Provider); !ok {
		t.Error("no openai.Provider inside hosted")
	}
	without, _ := s.Target("keyless")
	if _, ok := provider.As[*keyed](without.Provider); ok {
		t.Errorf("keyless is a %T, whose key is looked up", without.Provider)
	}
}

func TestWhatIsManaged(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1:1234": true, "localhost": true, "[::1]:1234": true, "0.0.0.0": true, "http://127.0.0.1:1234": true,
		"192.168.1.9": false, "gpu.example.com": false, "https://127.0.0.1:1234": false, "http://127.0.0.1:1234/ollama": false,
	} {
		cfg := stacktest.Load(t, "use: local\nproviders:\n  - {name: local, host: \""+host+"\"}\n", nil, nil)
		if local, _ := open(t, cfg, Options{}).Target("local"); (local.Engine != nil) != want {
			t.Errorf("host %s: managed is %v, want %v", host, local.Engine != nil, want)
		}
	}
	cfg := stacktest.Load(t, "use: local\nproviders:\n  - {name: local, managed: false}\n", nil, nil)
	if local, _ := open(t, cfg, Options{}).Target("local"); local.Engine != nil {
		t.Error("managed: false is managed")
	}
}

func TestNothingIsStartedWhereItIsNotManaged(t *testing.T) {
	host := stacktest.Nobody(t)
	cfg := stacktest.Load(t, "use: local\nproviders:\n  - {name: local, managed: false, host: \""+host+"\"}\n", nil, nil)
	s := open(t, cfg, Options{Progress: func(s string) { t.Errorf("progress %q", s) }})
	_, err := stacktest.Ask(s, provider.Request{})
	if !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "nothing is listening there") {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestAnEngineThatCannotStartIsUnavailable(t *testing.T) {
	srv, _ := stacktest.Hosted(t)
	cfg := stacktest.Load(t, `
use: [local, keyed]
providers:
  - {name: local, host: "`+stacktest.Nobody(t)+`", binary: /nonexistent/ollama}
  - {name: keyed, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted"}
`, nil, nil)
	s := open(t, cfg, Options{})
	for name, call := range map[string]func(provider.Provider) error{
		"Chat":   func(p provider.Provider) error { _, err := stacktest.Ask(p, provider.Request{}); return err },
		"Models": func(p provider.Provider) error { _, err := p.Models(context.Background()); return err },
	} {
		local, _ := s.Target("local")
		err := call(local.Provider)
		if !errors.Is(err, provider.Unavailable) || !strings.Contains(err.Error(), "set `binary`") {
			t.Errorf("%s: got %v, want Unavailable and what to do", name, err)
		}
	}
	// And so the next one answers.
	got, err := stacktest.Ask(s, provider.Request{})
	if err != nil || got.Text != "hosted" || !strings.Contains(got.Route.Reason, "set `binary`") {
		t.Errorf("got %+v, %v; want the hosted answer, and why", got, err)
	}
}

func TestAMissingKeyIsSkippedWhereAnotherAnswers(t *testing.T) {
	srv, calls := stacktest.Hosted(t)
	cfg := stacktest.Load(t, `
use: [lacking, hosted]
providers:
  - {name: lacking, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "env:LACKING_KEY"}
  - {name: hosted, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted"}
`, nil, nil)
	s := open(t, cfg, Options{})
	got, err := stacktest.Ask(s, provider.Request{})
	if err != nil || got.Route.Provider != "hosted" || calls.Load() != 1 {
		t.Fatalf("got %+v, %v after %d calls; want hosted's answer after one", got, err, calls.Load())
	}
	skipped := got.Route.Attempts[0]
	if skipped.Outcome != provider.OutcomeSkipped || skipped.Kind != provider.Denied || !strings.Contains(skipped.Reason, "LACKING_KEY is not set") {
		t.Errorf("attempt %+v, want one skipped for its key", skipped)
	}
	_, err = stacktest.Ask(s, provider.Request{Use: []string{"lacking"}})
	if !errors.Is(err, provider.Denied) || !strings.Contains(err.Error(), "tandem keys set") || calls.Load() != 1 {
		t.Errorf("alone: %v after %d calls; want Denied with what to do, and no call", err, calls.Load())
	}
	lacking, _ := s.Target("lacking")
	if _, err := lacking.Provider.Models(context.Background()); !errors.Is(err, provider.Denied) {
		t.Errorf("Models: %v, want Denied", err)
	}
	if _, ok := provider.As[provider.Embedder](lacking.Provider); ok {
		t.Error("without a key it offers embeddings")
	}
}

func TestAKeyIsLookedUpOnceAndLate(t *testing.T) {
	srv, _ := stacktest.Hosted(t)
	ring := &stacktest.Keyring{}
	cfg := stacktest.LoadWith(t, `
use: hosted
providers:
  - {name: hosted, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted"}
`, config.LoadOptions{Keyring: ring})
	s := open(t, cfg, Options{})
	if n := ring.Asked(); n != 0 {
		t.Errorf("the key was looked up %d times before anybody asked", n)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if got, err := stacktest.Ask(s, provider.Request{}); err != nil || got.Text != "hosted" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := ring.Asked(); n != 1 {
		t.Errorf("the key was looked up %d times for 16 calls at once, want 1", n)
	}
}

func TestTheKeyIsInNothingThatIsShown(t *testing.T) {
	srv, _ := stacktest.Hosted(t)
	cfg := stacktest.Load(t, `
use: [wrong, hosted]
providers:
  - {name: wrong, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "env:WRONG"}
  - {name: hosted, kind: openai, base_url: "`+srv.URL+`/v1", model: big, api_key: "keyring:hosted"}
`, nil, map[string]string{"WRONG": canary + "x"})
	s := open(t, cfg, Options{})
	_, err := stacktest.Ask(s, provider.Request{Use: []string{"wrong"}})
	if !errors.Is(err, provider.Denied) {
		t.Fatalf("got %v, want Denied", err)
	}
	got, err2 := stacktest.Ask(s, provider.Request{})
	if err2 != nil || !strings.HasPrefix(got.Route.Reason, "fallback: wrong: denied (401): Incorrect API key") {
		t.Fatalf("got %+v, %v; want the next to answer, and the reason told", got.Route, err2)
	}
	route, _ := json.Marshal(got)
	shown := fmt.Sprintf("%v %+v %#v %s", err, s.Targets, s.Config().Config, route)
	if strings.Contains(shown, canary) {
		t.Errorf("the key is in: %s", shown)
	}
}

func TestPrivacyAndOfflineReachTheTransports(t *testing.T) {
	for name, set := range map[string]map[string]string{"offline": {"offline": "true"}, "privacy": {"privacy": "local"}} {
		cfg := stacktest.Load(t, `
use: [far, ollama]
providers:
  - {name: far, kind: openai, base_url: "http://192.0.2.1:9/v1", model: big}
  - {name: ollama, kind: ollama, host: "192.0.2.1:9", model: small}
`, set, nil)
		s := open(t, cfg, Options{})
		var req provider.Request
		s.Defaults(&req)
		want := map[string]provider.Kind{"offline": provider.Offline, "privacy": provider.Private}[name]
		if _, err := stacktest.Ask(s, req); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		for _, target := range s.Targets[2:] { // past the router's own check, at the socket
			if _, err := stacktest.Ask(target.Provider, req); !errors.Is(err, want) {
				t.Errorf("%s, %s at the socket: %v, want %s", name, target.Config.Name, err, want)
			}
		}
	}
}

func TestDefaultsAreTheConfigurations(t *testing.T) {
	cfg := stacktest.Load(t, "use: local\ntemperature: 0\ntop_p: 0.5\nseed: 7\nmax_tokens: 9\nstop: [END]\nthink: low\nprivacy: local\n", nil, nil)
	var req provider.Request
	open(t, cfg, Options{}).Defaults(&req)
	if req.Temperature == nil || *req.Temperature != 0 || *req.TopP != 0.5 || *req.Seed != 7 || *req.MaxTokens != 9 ||
		len(req.Stop) != 1 || req.Think != "low" || req.Privacy != provider.PrivacyLocal {
		t.Errorf("got %+v", req)
	}
}
