package stack

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

// project is a configuration of the user's own and of a project, whose trust is kept in
// one place.
type project struct {
	t    *testing.T
	dir  string
	opts config.LoadOptions
}

func newProject(t *testing.T, own string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir()}
	home := t.TempDir()
	env := map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "PAID_KEY": stacktest.Key, "OTHER_KEY": stacktest.Key}
	p.write(filepath.Join(home, "tandem", "config.yaml"), own)
	p.opts = config.LoadOptions{
		Dir: p.dir, StateDir: t.TempDir(), Keyring: &stacktest.Keyring{},
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	return p
}

func (p *project) write(path, text string) {
	p.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		p.t.Fatal(err)
	}
}

// load reads the configuration with text as the project's file.
func (p *project) load(text string) *config.Loaded {
	p.t.Helper()
	p.write(filepath.Join(p.dir, "tandem.yaml"), text)
	cfg, err := config.Load(p.opts)
	if err != nil && !errors.Is(err, config.ErrUntrusted) {
		p.t.Fatal(err)
	}
	return cfg
}

// everything asks a provider in every way there is, and returns the errors by way.
func everything(s *Stack, name string) map[string]error {
	ctx := context.Background()
	errs := map[string]error{}
	_, errs["ask"] = stacktest.Ask(s, provider.Request{Use: []string{name}})
	t, _ := s.Target(name)
	_, errs["ask it alone"] = stacktest.Ask(t.Provider, provider.Request{})
	_, errs["ask for a model"] = stacktest.Ask(s, provider.Request{Use: []string{name}, Model: "mine"})
	_, errs["models"] = t.Provider.Models(ctx)
	_, errs["listed"] = s.Listed(ctx, name)
	e, err := t.embedder(ctx)
	if err == nil {
		_, err = e.Embed(ctx, provider.EmbedRequest{Input: []string{"a"}})
	}
	errs["embed"] = err
	if e, ok := provider.As[provider.Embedder](t.Provider); ok {
		_, errs["embed in a batch"] = e.Embed(ctx, provider.EmbedRequest{Input: []string{"a"}})
	}
	return errs
}

func TestAnUntrustedProjectKeepsItsProvidersFromBeingAsked(t *testing.T) {
	const answer = `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	paid := newCounting(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	})
	free := newCounting(t, okChat)
	own := `use: local
providers:
  - {name: local, host: "` + free.URL + `", managed: false, model: m}
  - {name: paid, kind: openai, base_url: "` + paid.URL + `/v1", api_key: "env:PAID_KEY", model: mine}
`
	for wants, tc := range map[string]struct{ name, file string }{
		"spend money on":           {"paid", `providers: [{name: paid, model: dear}]`},
		"the key env:OTHER_KEY":    {"paid", `providers: [{name: paid, api_key: "env:OTHER_KEY"}]`},
		"in the header x-key":      {"paid", `providers: [{name: paid, api_key_header: x-key}]`},
		"send prompts and the key": {"paid", `providers: [{name: paid, base_url: "` + free.URL + `/v1"}]`},
		"limited by":               {"paid", `providers: [{name: paid, max_tokens_field: max_tokens}]`},
		"by another name":          {"new", `providers: [{name: new, kind: openai, base_url: "` + paid.URL + `/v1", model: dear, api_key: "env:PAID_KEY"}]`},
		"send prompts to http":     {"new", `providers: [{name: new, kind: openai, base_url: "http://192.0.2.1/v1", model: x}]`},
		"elsewhere":                {"local", `providers: [{name: local, host: "http://192.0.2.1:1"}]`},
		"have ollama.com answer":   {"local", `providers: [{name: local, model: "big:cloud"}]`},
		"run the program":          {"local", `providers: [{name: local, binary: ./evil}]`},
		"set what paid costs":      {"paid", `providers: [{name: paid, price: {input: 1, output: 1}}]`},
	} {
		t.Run(wants, func(t *testing.T) {
			p := newProject(t, own)
			cfg := p.load(tc.file)
			if cfg.Trusted() {
				t.Fatal("it needs no trust")
			}
			s := open(t, cfg, Options{StateDir: t.TempDir()})
			_, _ = paid.asked(), free.asked() // those of the case before
			for way, err := range everything(s, tc.name) {
				if !errors.Is(err, config.ErrUntrusted) || provider.KindOf(err) != provider.Denied {
					t.Errorf("%s: %v", way, err)
				}
			}
			if target, _ := s.Target(tc.name); target.Engine != nil || target.Keyless != nil || len(s.adapters[tc.name].transports) > 0 {
				t.Error("it has an engine or a connection")
			}
			if asked := paid.asked() + free.asked(); asked != "" {
				t.Errorf("a server was asked: %s", asked)
			}
			other := map[string]string{"paid": "local", "new": "paid", "local": "paid"}[tc.name]
			if _, err := stacktest.Ask(s, provider.Request{Use: []string{other}}); err != nil && provider.KindOf(err) == provider.Denied {
				t.Errorf("what the user set up is not asked: %v", err)
			}
			if _, err := cfg.Trust(); err != nil {
				t.Fatal(err)
			}
			if err := cfg.Untrusted(tc.name); err != nil {
				t.Errorf("trusted, and %v", err)
			}
		})
	}
}

// TestAReloadHoldsToTheTrust: an adapter outlives a reload only where it is trusted
// before and after.
func TestAReloadHoldsToTheTrust(t *testing.T) {
	paid := newCounting(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	p := newProject(t, `providers: [{name: paid, kind: openai, base_url: "`+paid.URL+`/v1", api_key: "env:PAID_KEY", model: mine}]`)
	const file = "providers: [{name: paid, model: dear}]\n"
	asks := func(s *Stack) bool {
		_, err := stacktest.Ask(s, provider.Request{Use: []string{"paid"}})
		asked := paid.asked() != ""
		if asked == errors.Is(err, config.ErrUntrusted) {
			t.Errorf("asked: %v, and the error is %v", asked, err)
		}
		return asked
	}
	untrusted := p.load(file)
	s := open(t, untrusted, Options{StateDir: t.TempDir()})
	if asks(s) {
		t.Error("asked without trust")
	}
	for i, trusts := range []bool{true, false, true} {
		cfg := p.load(file)
		if trusts {
			if _, err := cfg.Trust(); err != nil {
				t.Fatal(err)
			}
		} else if _, _, err := cfg.Revoke(); err != nil {
			t.Fatal(err)
		}
		next, err := s.Reload(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s = next
		t.Cleanup(s.Close)
		if asks(s) != trusts {
			t.Errorf("reload %d: trusted is %v", i+1, trusts)
		}
	}
}
