package stack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/cli"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/provider"
)

const (
	secret    = "the-secret-of-the-prompt"
	secretKey = "sk-canary-DO-NOT-LEAK-77aa"
)

// program runs tandem once and returns its exit code and all that it wrote.
type program func(t *testing.T, env map[string]string, args ...string) (code int, text string)

// inProcess runs the program in this process.
func inProcess(ctx context.Context) program {
	return func(t *testing.T, env map[string]string, args ...string) (int, string) {
		t.Helper()
		for k, v := range env {
			t.Setenv(k, v)
		}
		var out, errs bytes.Buffer
		code := cli.Main(ctx, args, os.Environ(), strings.NewReader(""), &out, &errs)
		return code, out.String() + errs.String()
	}
}

// dials counts the connections that were about to be made to anywhere but
// this machine, and lets none through.
type dials struct {
	mu   sync.Mutex
	all  int
	away []string
}

var errAway = errors.New("the test lets nothing out")

func (d *dials) watch(_, address string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all++
	if ap, err := netip.ParseAddrPort(address); err == nil && ap.Addr().Unmap().IsLoopback() {
		return nil
	}
	d.away = append(d.away, address)
	return errAway
}

func (d *dials) taken() (all int, away []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, away = d.all, d.away
	d.all, d.away = 0, nil
	return all, away
}

// home gives the test a home of its own.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, dir)
	}
	t.Setenv("TANDEM_KEYRING", "file")
	t.Setenv("SOME_KEY", secretKey)
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "TANDEM_PRIVACY") || name == "TANDEM_OFFLINE" {
			t.Setenv(name, "")
		}
	}
	return dir
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ollamaHere is an Ollama on loopback. Its model `far` is run by ollama.com.
func ollamaHere(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/api/version":
			fmt.Fprint(w, `{"version":"0.17.4"}`)
		case r.URL.Path == "/api/show" && bytes.Contains(body, []byte(`"far"`)):
			fmt.Fprint(w, `{"details":{},"model_info":{},"remote_host":"https://ollama.com:443","remote_model":"far"}`)
		case r.URL.Path == "/api/show":
			fmt.Fprint(w, `{"details":{},"model_info":{},"capabilities":["completion"]}`)
		case r.URL.Path == "/api/chat" && bytes.Contains(body, []byte(`"stream":false`)):
			fmt.Fprint(w, `{"model":"small","message":{"role":"assistant","content":"from here"},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}`)
		case r.URL.Path == "/api/chat":
			fmt.Fprintln(w, `{"model":"small","message":{"role":"assistant","content":"from here"},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}`)
		case r.URL.Path == "/api/embed":
			fmt.Fprint(w, `{"model":"small","embeddings":[[1,2],[3,4]]}`)
		case r.URL.Path == "/api/pull":
			t.Errorf("Ollama was asked to download")
		default:
			fmt.Fprint(w, `{"models":[{"name":"small"}]}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// redirector is a server on loopback that points elsewhere.
func redirector(t *testing.T, elsewhere string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// worldConfig names a provider of every sort. elsewhere is host:port on another
// machine, and name a host that needs DNS.
func worldConfig(t *testing.T, dir, elsewhere, name, top string) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(elsewhere)
	return write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(`%s
use: local
local_networks: [198.51.100.0/24]
providers:
  - {name: local, kind: ollama, host: "%s", managed: false, model: small}
  - {name: dead, kind: openai, base_url: "http://%s/v1", model: big, local: true}
  - {name: hosted, kind: openai, base_url: "http://%s/v1", model: big, api_key: "env:SOME_KEY"}
  - {name: named, kind: openai, base_url: "http://%s:%s/v1", model: big, api_key: "env:SOME_KEY"}
  - {name: near, kind: openai, base_url: "http://198.51.100.7:%s/v1", model: big}
  - {name: redirects, kind: openai, base_url: "%s/v1", model: big, local: true}
  - {name: lan, kind: ollama, host: "%s", managed: false, model: small}
`, top, ollamaHere(t), stacktest.Nobody(t), elsewhere, name, port, port, redirector(t, elsewhere), elsewhere))
}

// journey is a command, and how it ends offline.
type journey struct {
	args string
	env  map[string]string
	code int
	says string
}

func offlineJourneys(chainFile, elsewhere string) []journey {
	refused := "offline mode is on"
	away := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + elsewhere}
	return []journey{
		{"ask Q", nil, 0, "from here"},
		{"ask --json Q", nil, 0, `"local":true`},
		{"ask -m hosted Q", nil, 7, "the prompt (1 message, 24 characters) would have gone to http://" + elsewhere + " (hosted, big)"},
		{"ask -m named Q", nil, 7, refused},
		{"ask -m near Q", nil, 7, refused}, // a local network is no excuse
		{"ask -m lan Q", nil, 7, refused},
		{"ask -m local/far Q", nil, 7, "ollama.com"},
		{"ask -m local/x-cloud Q", nil, 7, "ollama.com"},
		{"--use hosted,named,lan ask Q", nil, 7, " or to "},
		{"--use dead,hosted,named,redirects,local ask Q", nil, 0, "from here"},
		{"--use dead,hosted ask Q", nil, 5, refused},
		{"ask -m redirects Q", nil, 5, "not followed"},
		{"run " + chainFile + " -p q=Q", nil, 7, refused},
		{"models list", nil, 0, "small"},
		{"models list hosted", nil, 7, refused},
		{"models list named", nil, 7, refused},
		{"models pull small", nil, 7, "registry"},
		{"models pull small --provider lan", nil, 7, "offline mode is on"},
		{"models show small", nil, 0, "small"},
		{"models show x --provider hosted", nil, 7, refused},
		{"models ps", nil, 0, ""},
		{"--use local,hosted,named doctor", nil, -1, "hosted"},
		{"ask Q", away, 0, "telemetry could not be sent to http://" + elsewhere},
		{"ask Q", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example.org"}, 0, "DNS query"},
		{"ask -m hosted Q", away, 7, refused},
	}
}

// walk runs the journeys and returns how many there were.
func walk(t *testing.T, run program, file string, journeys []journey, after func(t *testing.T)) {
	t.Helper()
	for _, j := range journeys {
		t.Run(fmt.Sprint(j.args, len(j.env)), func(t *testing.T) {
			args := []string{"--config", file, "--offline"}
			for _, word := range strings.Fields(j.args) {
				args = append(args, strings.ReplaceAll(word, "Q", secret))
			}
			code, text := run(t, j.env, args...)
			if (j.code >= 0 && code != j.code) || !strings.Contains(strings.ReplaceAll(text, `": `, `":`), j.says) {
				t.Errorf("code %d, want %d; %q, want %q", code, j.code, text, j.says)
			}
			if strings.Contains(text, secret) || strings.Contains(text, secretKey) {
				t.Errorf("a secret is repeated: %s", text)
			}
			after(t)
		})
	}
}

const stepsElsewhere = `name: two
steps:
  - {name: first, prompt: "{q}"}
  - {name: second, prompt: "{first}", use: hosted}
`

func TestOfflineDialsThisMachineOnly(t *testing.T) {
	const elsewhere = "192.0.2.1:81"
	d := &dials{}
	ctx := httpx.WatchDials(t.Context(), d.watch)
	dir := home(t)
	file := worldConfig(t, dir, elsewhere, "api.example.org", "")
	chainFile := write(t, filepath.Join(dir, "chain.yaml"), stepsElsewhere)
	total := 0
	walk(t, inProcess(ctx), file, offlineJourneys(chainFile, elsewhere), func(t *testing.T) {
		all, away := d.taken()
		total += all
		if len(away) > 0 {
			t.Errorf("dialled %q", away)
		}
	})
	// The count counts: online, the same ways lead out.
	for _, args := range [][]string{{"ask", "-m", "hosted", secret}, {"models", "list", "lan"}} {
		_, text := inProcess(ctx)(t, nil, append([]string{"--config", file}, args...)...)
		if _, away := d.taken(); !slices.Contains(away, elsewhere) {
			t.Errorf("online, %q dialled %q and said %q", args, away, text)
		}
	}
	_, text := inProcess(ctx)(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + elsewhere}, "--config", file, "ask", secret)
	if _, away := d.taken(); !slices.Contains(away, elsewhere) {
		t.Errorf("online, the collector was not dialled: %q; %s", away, text)
	}
	t.Logf("%d dials, all to this machine", total)
	embeddings(t, ctx, d, file)
}

// embeddings asks every provider for some, offline and under privacy: local.
func embeddings(t *testing.T, ctx context.Context, d *dials, file string) { //nolint:revive // t first, as helpers have it
	t.Helper()
	for _, offline := range []string{"true", "false"} {
		cfg, err := config.Load(config.LoadOptions{UserFile: file, StateDir: t.TempDir(), Set: map[string]string{"offline": offline}, Env: os.LookupEnv})
		if err != nil {
			t.Fatal(err)
		}
		s, err := stack.Open(cfg, stack.Options{StateDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for name, want := range map[string]string{"local": "", "hosted": "to http://192.0.2.1:81", "lan": "to http://192.0.2.1:81", "local/far": "through http://127.0.0.1:"} {
			name, model, _ := strings.Cut(name, "/")
			target, _ := s.Target(name)
			e, ok := provider.As[provider.Embedder](target.Provider)
			if !ok {
				t.Fatalf("%s has no embeddings", name)
			}
			req := provider.EmbedRequest{Model: model, Input: []string{secret, "ab"}}
			if offline == "false" {
				req.Privacy = provider.PrivacyLocal
			}
			r, err := e.Embed(ctx, req)
			switch {
			case want == "" && (err != nil || len(r.Vectors) != 2 || !r.Route.Local):
				t.Errorf("%s: %v", name, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), "the input (2 texts, 26 characters) would have gone "+want) || strings.Contains(err.Error(), secret)):
				t.Errorf("%s, offline %s: %v", name, offline, err)
			}
		}
		if all, away := d.taken(); len(away) > 0 || all == 0 {
			t.Errorf("offline %s: %d dials, away %q", offline, all, away)
		}
	}
}
