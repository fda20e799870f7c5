package config_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/config"
)

// valueOf is what Show says of a key, as JSON.
func valueOf(t *testing.T, l *config.Loaded, key string) string {
	t.Helper()
	x, err := l.Explain(key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(x.Value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPrecedence adds one layer after the other, for each kind of value, and
// looks at the value after each.
func TestPrecedence(t *testing.T) {
	for _, tc := range []struct {
		key, variable            string
		user, project, env, set  string // as each layer writes it
		def, wantU, wantP, wantE string // JSON
		wantS                    string
		projectAsks              bool
	}{
		{key: "use", variable: "TANDEM_USE", user: "[openai, local]", project: "openai", env: "local,openai", set: "openai", def: `["local"]`, wantU: `["openai","local"]`, wantP: `["openai"]`, wantE: `["local","openai"]`, wantS: `["openai"]`},
		{key: "temperature", variable: "TANDEM_TEMPERATURE", user: "1", project: "0", env: "0.5", set: "2", def: "null", wantU: "1", wantP: "0", wantE: "0.5", wantS: "2"},
		{key: "top_p", variable: "TANDEM_TOP_P", user: "1", project: "0", env: "0.5", set: "0.9", def: "null", wantU: "1", wantP: "0", wantE: "0.5", wantS: "0.9"},
		{key: "seed", variable: "TANDEM_SEED", user: "0", project: "-7", env: "9007199254740993", set: "1", def: "null", wantU: "0", wantP: "-7", wantE: "9007199254740993", wantS: "1"},
		{key: "max_tokens", variable: "TANDEM_MAX_TOKENS", user: "1", project: "2", env: "3", set: "4", def: "null", wantU: "1", wantP: "2", wantE: "3", wantS: "4"},
		{key: "think", variable: "TANDEM_THINK", user: "on", project: "off", env: "low", set: "high", def: "null", wantU: `"on"`, wantP: `"off"`, wantE: `"low"`, wantS: `"high"`},
		{key: "stop", user: "[a, b]", project: "END", set: "c", def: "null", wantU: `["a","b"]`, wantP: `["END"]`, wantS: `["c"]`},
		{key: "privacy", variable: "TANDEM_PRIVACY", user: "any", project: "any", env: "any", set: "local", def: `"any"`, wantU: `"any"`, wantP: `"any"`, wantE: `"any"`, wantS: `"local"`},
		{key: "offline", variable: "TANDEM_OFFLINE", user: "false", project: "false", env: "0", set: "1", def: "false", wantU: "false", wantP: "false", wantE: "false", wantS: "true"},
		{key: "providers.local.model", user: "u", project: "p", set: "s:1", def: `"smollm2:135m"`, wantU: `"u"`, wantP: `"p"`, wantS: `"s:1"`},
		{key: "providers.local.num_ctx", user: "1", project: "2", set: "3", def: "4096", wantU: "1", wantP: "2", wantS: "3"},
		{key: "providers.local.keep_alive", user: "0", project: "-1", set: "90", def: `"5m"`, wantU: `"0s"`, wantP: `"-1"`, wantS: `"1m30s"`},
		{key: "providers.local.managed", user: "true", project: "false", set: "true", def: "null", wantU: "true", wantP: "false", wantS: "true"},
		{key: "providers.local.idle", user: "1h", project: "2h", set: "90m", def: `"15m"`, wantU: `"1h"`, wantP: `"2h"`, wantS: `"1h30m"`},
		{key: "providers.local.host", variable: "OLLAMA_HOST", user: "127.0.0.1:1", project: "127.0.0.1:2", env: "127.0.0.1:3", set: "127.0.0.1:4", def: `"127.0.0.1:11434"`, wantU: `"127.0.0.1:1"`, wantP: `"127.0.0.1:2"`, wantE: `"127.0.0.1:3"`, wantS: `"127.0.0.1:4"`},
		{key: "providers.local.options", user: "{top_k: 1, min_p: 0.1}", project: "{top_k: 2}", def: "null", wantU: `{"min_p":0.1,"top_k":1}`, wantP: `{"top_k":2}`},
		{key: "providers.local.timeouts.idle", user: "1s", project: "2s", set: "3s", def: "null", wantU: `"1s"`, wantP: `"2s"`, wantS: `"3s"`},
		{key: "providers.openai.base_url", variable: "OPENAI_BASE_URL", user: "https://u.example/v1", project: "https://p.example/v1", env: "https://e.example/v1", set: "https://s.example", def: `"https://api.openai.com/v1"`, wantU: `"https://u.example/v1"`, wantP: `"https://p.example/v1"`, wantE: `"https://e.example/v1"`, wantS: `"https://s.example"`, projectAsks: true},
		{key: "providers.openai.organization", variable: "OPENAI_ORG_ID", user: "u", project: "p", env: "e", set: "s", def: "null", wantU: `"u"`, wantP: `"p"`, wantE: `"e"`, wantS: `"s"`},
		{key: "providers.openai.project", variable: "OPENAI_PROJECT_ID", user: "u", project: "p", env: "e", set: "s", def: "null", wantU: `"u"`, wantP: `"p"`, wantE: `"e"`, wantS: `"s"`},
		{key: "providers.openai.api_key", user: "env:U", project: "env:P", set: "keyring:s", def: `"env:OPENAI_API_KEY"`, wantU: `"env:U"`, wantP: `"env:P"`, wantS: `"keyring:s"`, projectAsks: true},
		{key: "providers.openai.max_tokens_field", user: "max_tokens", project: "max_completion_tokens", set: "max_tokens", def: "null", wantU: `"max_tokens"`, wantP: `"max_completion_tokens"`, wantS: `"max_tokens"`, projectAsks: true},
		{key: "providers.openai.compat", user: "mistral", project: "{preset: groq, omit: [stream_options], schema: prompt}", set: "vllm", def: "null", wantU: `"mistral"`, wantP: `{"omit":["stream_options"],"preset":"groq","schema":"prompt"}`, wantS: `"vllm"`},
	} {
		t.Run(tc.key, func(t *testing.T) {
			file := func(value string) string {
				name, field, ofProvider := strings.Cut(strings.TrimPrefix(tc.key, "providers."), ".")
				if !strings.HasPrefix(tc.key, "providers.") || !ofProvider {
					return tc.key + ": " + value + "\n"
				}
				if f, ok := strings.CutPrefix(field, "timeouts."); ok {
					return "providers:\n  - name: " + name + "\n    timeouts: {" + f + ": " + value + "}\n"
				}
				return "providers:\n  - name: " + name + "\n    " + field + ": " + value + "\n"
			}
			s := newSandbox(t)
			check := func(layer, want, origin string, overrides int) {
				t.Helper()
				l, err := s.load()
				if err != nil && !(tc.projectAsks && errors.Is(err, config.ErrUntrusted)) {
					t.Fatalf("%s: %v", layer, err)
				}
				if got := valueOf(t, l, tc.key); got != want {
					t.Errorf("%s: got %s, want %s", layer, got, want)
				}
				x, _ := l.Explain(tc.key)
				if !strings.Contains(x.Origin, origin) || len(x.Overrides) != overrides {
					t.Errorf("%s: from %q, over %v", layer, x.Origin, x.Overrides)
				}
			}
			n := 0
			if tc.def != "null" {
				check("default", tc.def, "default", 0)
				n = 1
			} else {
				check("default", "null", "", 0)
			}
			s.user(file(tc.user))
			check("user", tc.wantU, s.userPath()+":", n)
			s.projectFile(file(tc.project))
			check("project", tc.wantP, filepath.Join(s.project, "config.yaml")+":", n+1)
			if tc.variable != "" {
				s.env[tc.variable] = tc.env
				if n++; tc.variable == "OLLAMA_HOST" {
					n = 2 // it is the default of its kind too
				}
				check("environment", tc.wantE, tc.variable, n+1)
			}
			if tc.set != "" {
				s.opts.Set = map[string]string{tc.key: tc.set}
				check("command line", tc.wantS, "--", n+2)
			}
		})
	}
}

func TestNamesKeepTheirCaseAndDots(t *testing.T) {
	s := newSandbox(t).user(`
use: [vLLM.gpu-1, vllm.gpu-1, local]
providers:
  - {name: vLLM.gpu-1, kind: openai, base_url: http://127.0.0.1:1/v1, model: Qwen/Qwen3.5-A3B.Q4_K::x, options: {Top.K: 1, "a::b": {C.d: 2}}}
  - {name: vllm.gpu-1, kind: openai, base_url: http://127.0.0.1:2/v1, model: lower}
`).with(map[string]string{"TANDEM_USE": "vllm.gpu-1,vLLM.gpu-1"})
	l := s.mustLoad()
	if want := []string{"vllm.gpu-1", "vLLM.gpu-1"}; !slices.Equal(l.Use, want) {
		t.Errorf("use %v, want %v", l.Use, want)
	}
	upper, _ := l.Provider("vLLM.gpu-1")
	lower, _ := l.Provider("vllm.gpu-1")
	if upper.Model != "Qwen/Qwen3.5-A3B.Q4_K::x" || lower.Model != "lower" {
		t.Errorf("models %q and %q", upper.Model, lower.Model)
	}
	if want := (config.Options{"Top.K": int64(1), "a::b": map[string]any{"C.d": int64(2)}}); !reflect.DeepEqual(upper.Options, want) {
		t.Errorf("options %v, want %v", upper.Options, want)
	}
	if got := valueOf(t, l, "providers.vLLM.gpu-1.model"); got != `"Qwen/Qwen3.5-A3B.Q4_K::x"` {
		t.Errorf("explain says %s", got)
	}
	s.user("providers:\n  - {name: gpu.timeouts, kind: ollama, model: m, idle: 7m}\n")
	if got := valueOf(t, s.with(map[string]string{"TANDEM_USE": ""}).mustLoad(), "providers.gpu.timeouts.idle"); got != `"7m"` {
		t.Errorf("idle of gpu.timeouts is %s", got)
	}
	names := []string{}
	for _, p := range l.Providers {
		names = append(names, p.Name)
	}
	if want := []string{"local", "openai", "vLLM.gpu-1", "vllm.gpu-1"}; !slices.Equal(names, want) {
		t.Errorf("providers %v, want %v", names, want)
	}
}

// TestProvidersAreMergedFieldByField: what a later layer does not say, stays.
func TestProvidersAreMergedFieldByField(t *testing.T) {
	s := newSandbox(t).
		user("providers:\n  - {name: local, model: u, num_ctx: 8192, options: {top_k: 1}, timeouts: {connect: 1s, idle: 2s}}\n").
		projectFile("providers:\n  - {name: local, model: p, timeouts: {idle: 3s}}\n")
	p, _ := s.mustLoad().Provider("local")
	keep := config.Duration(5 * time.Minute)
	want := config.Provider{
		Name: "local", Kind: "ollama", Host: "127.0.0.1:11434", Model: "p", NumCtx: 8192, KeepAlive: &keep,
		Idle: config.Duration(15 * time.Minute), WhileLoading: "wait", Spill: "warn", Options: config.Options{"top_k": int64(1)},
		Timeouts: config.Timeouts{Connect: config.Duration(time.Second), Idle: config.Duration(3 * time.Second)},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
}

func TestPrivacyAndOfflineOnlyTighten(t *testing.T) {
	for _, tc := range []struct {
		name, user, project string
		env, set            map[string]string
		privacy             string
		offline             bool
		warnings            int
	}{
		{name: "a project cannot loosen", user: "privacy: local\noffline: true\n", project: "privacy: any\noffline: false\n", privacy: "local", offline: true, warnings: 2},
		{name: "a project can tighten", project: "privacy: local\noffline: true\n", privacy: "local", offline: true},
		{name: "the environment cannot loosen", project: "privacy: local\noffline: true\n", env: map[string]string{"TANDEM_PRIVACY": "any", "TANDEM_OFFLINE": "0"}, privacy: "local", offline: true, warnings: 2},
		{name: "flags cannot loosen", env: map[string]string{"TANDEM_PRIVACY": "local", "TANDEM_OFFLINE": "1"}, set: map[string]string{"privacy": "any", "offline": "false"}, privacy: "local", offline: true, warnings: 2},
		{name: "flags can tighten", user: "privacy: any\n", set: map[string]string{"privacy": "local", "offline": "true"}, privacy: "local", offline: true},
		{name: "nobody says anything", privacy: "any"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSandbox(t).user(tc.user).projectFile(tc.project).with(tc.env)
			s.opts.Set = tc.set
			l := s.mustLoad()
			if l.Privacy != tc.privacy || l.Offline != tc.offline {
				t.Errorf("privacy %s, offline %v", l.Privacy, l.Offline)
			}
			if len(l.Warnings) != tc.warnings {
				t.Errorf("warnings %q", l.Warnings)
			}
			noEffect := 0
			for _, key := range []string{"privacy", "offline"} {
				x, _ := l.Explain(key)
				for _, o := range x.Overrides {
					if strings.Contains(o.Note, "can only be tightened") {
						noEffect++
					}
				}
			}
			if noEffect != tc.warnings {
				t.Errorf("explain tells of %d values without effect", noEffect)
			}
		})
	}
}

func TestWhichFilesAreRead(t *testing.T) {
	type file struct {
		role   config.Role
		path   string
		exists bool
	}
	for _, tc := range []struct {
		name           string
		env, flag, dir string
		temperature    string
		files          func(s *sandbox) []file
	}{
		{name: "the usual two", temperature: "0.2", files: func(s *sandbox) []file {
			return []file{{"user", s.userPath(), true}, {"project", s.project + "/config.yaml", true}}
		}},
		{name: "TANDEM_CONFIG alone", env: "OTHER", temperature: "0.3", files: func(s *sandbox) []file {
			return []file{{"user", s.home + "/other.yaml", true}}
		}},
		{name: "--config over TANDEM_CONFIG", env: "none", flag: "OTHER", temperature: "0.3", files: func(s *sandbox) []file {
			return []file{{"user", s.home + "/other.yaml", true}}
		}},
		{name: "TANDEM_CONFIG=none", env: "none", temperature: "null", files: func(*sandbox) []file { return nil }},
		{name: "--config none", flag: "none", temperature: "null", files: func(*sandbox) []file { return nil }},
		{name: "no project here", dir: "HOME", temperature: "0.1", files: func(s *sandbox) []file {
			return []file{{"user", s.userPath(), true}, {"project", s.home + "/config.yaml", false}}
		}},
		{name: "the user's own directory as the project", dir: "USER", temperature: "0.1", files: func(s *sandbox) []file {
			return []file{{"user", s.userPath(), true}}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSandbox(t).user("temperature: 0.1\n").projectFile("temperature: 0.2\n")
			s.write(filepath.Join(s.home, "other.yaml"), "temperature: 0.3\n", 0o600)
			fill := strings.NewReplacer("OTHER", filepath.Join(s.home, "other.yaml"), "HOME", s.home, "USER", filepath.Dir(s.userPath()))
			s.opts.UserFile, s.opts.Dir = fill.Replace(tc.flag), fill.Replace(tc.dir)
			if tc.env != "" {
				s.env["TANDEM_CONFIG"] = fill.Replace(tc.env)
			}
			l := s.mustLoad()
			if got := valueOf(t, l, "temperature"); got != tc.temperature {
				t.Errorf("temperature %s, want %s", got, tc.temperature)
			}
			var got []file
			for _, f := range l.Files {
				got = append(got, file{f.Role, f.Path, f.Exists})
			}
			if want := tc.files(s); !slices.Equal(got, want) {
				t.Errorf("files %v, want %v", got, want)
			}
		})
	}
	s := newSandbox(t)
	for _, set := range []func(){func() { s.opts.UserFile = "/no/such.yaml" }, func() { s.opts.UserFile, s.env["TANDEM_CONFIG"] = "", "/no/such.yaml" }} {
		set()
		if _, err := s.load(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/no/such.yaml: there is no such file") {
			t.Errorf("a named file that is not there: %v", err)
		}
	}
}

// TestVariablesSpeakOfTheirKind: OPENAI_… and OLLAMA_HOST are other programs'
// variables, so they must not break a configuration that gave their provider
// another kind.
func TestVariablesSpeakOfTheirKind(t *testing.T) {
	s := newSandbox(t).user("providers:\n  - {name: local, kind: openai, base_url: http://127.0.0.1:8080/v1, model: m}\n").
		with(map[string]string{"OLLAMA_HOST": "gpu.lan", "OPENAI_BASE_URL": "", "OPENAI_ORG_ID": "  org-1  "})
	l := s.mustLoad()
	if p, _ := l.Provider("local"); p.Host != "" || p.BaseURL != "http://127.0.0.1:8080/v1" {
		t.Errorf("local is %+v", p)
	}
	if p, _ := l.Provider("openai"); p.BaseURL != "https://api.openai.com/v1" || p.Organization != "org-1" {
		t.Errorf("openai is %+v", p)
	}
	s.user("providers:\n  - {name: gpu, kind: ollama, model: m}\n")
	if p, _ := s.mustLoad().Provider("gpu"); p.Endpoint() != "http://gpu.lan:11434" {
		t.Errorf("an Ollama without a host is at %s, not where OLLAMA_HOST says", p.Endpoint())
	}
}

// TestTheCachesFolderIsNoKey: TANDEM_CACHE names the folder of what set-up
// built, and is not about the key cache.
func TestTheCachesFolderIsNoKey(t *testing.T) {
	s := newSandbox(t).with(map[string]string{"TANDEM_CACHE": "/somewhere"})
	if c := s.mustLoad(); c.Cache != config.CacheOff {
		t.Errorf("cache is %q", c.Cache)
	}
}
