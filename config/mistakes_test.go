package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

// TestMistakes gives every mistake its line. FILE stands for the file's path.
func TestMistakes(t *testing.T) {
	provider := func(fields string) string {
		return "providers:\n  - {name: x, kind: openai, base_url: http://h/v1, model: m, " + fields + "}\n"
	}
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "temprature: 1\n", []string{`FILE:1:1: unknown key "temprature"; did you mean "temperature"?`}},
		{"unknown key of a provider", "providers:\n  - name: local\n    mdel: x\n", []string{`FILE:3:5: unknown key "mdel"; did you mean "model"?`}},
		{"unknown timeout", "providers:\n  - name: local\n    timeouts: {first: 1s}\n", []string{`FILE:3:16: unknown key "first"; did you mean "first_token"?`}},
		{"far from any key", "zzzzzzzz: 1\n", []string{"FILE:1:1: unknown key \"zzzzzzzz\"; known: aliases, budget, cache, cluster, gateway, local_networks, log, "}},
		{"tab", "providers:\n\t- name: x\n", []string{"FILE:2:1: there is a tab in the indentation; YAML is indented with spaces"}},
		{"not UTF-8", "use: local\nthink: \xff\n", []string{"FILE:2:8: byte 0xff is not UTF-8; save the file as UTF-8"}},
		{"UTF-16", "\xff\xfeu\x00s\x00e\x00", []string{"FILE:1:4: there is a NUL byte; this is a binary file, or text in UTF-16; text in UTF-8 is needed"}},
		{"duplicate key", "use: local\nuse: openai\n", []string{`FILE:2:1: the key "use" appears twice; it is already in line 1; remove one`}},
		{"duplicate provider", "providers:\n  - name: local\n  - name: local\n", []string{`FILE:3:11: the provider "local" appears twice; it is already in line 2; merge the two`}},
		{"a list at the root", "- a\n", []string{"FILE:1:1: expected the configuration as a mapping of keys to values, found a list"}},
		{"providers as a mapping", "providers:\n  local: {model: x}\n", []string{"FILE:2:3: expected a list of providers, each as `- name: …`, found a mapping of keys to values"}},
		{"a provider without a name", "providers:\n  - model: x\n", []string{"FILE:2:5: the key \"name\" is missing; a provider starts with `- name: …`"}},
		{"an odd name", "providers:\n  - name: my provider\n", []string{`FILE:2:11: "my provider" cannot be a provider's name; use letters, digits, dots, dashes and underscores`}},
		{"wrong types, all at once", "temperature: warm\nmax_tokens: 1.5\noffline: perhaps\nstop: {a: b}\nseed: '7'\n", []string{
			`FILE:1:14: expected a number from 0 to 2, found "warm"`,
			`FILE:2:13: expected a whole number of at least 1, found "1.5"`,
			`FILE:3:10: expected true or false, found "perhaps"`,
			"FILE:4:7: expected text or a list of texts, found a mapping of keys to values",
			`FILE:5:7: expected a whole number, found "7"`,
		}},
		{"out of range", "temperature: 2.1\ntop_p: -0.1\nmax_tokens: 0\n", []string{
			`FILE:1:14: expected a number from 0 to 2, found "2.1"`,
			`FILE:2:8: expected a number from 0 to 1, found "-0.1"`,
			`FILE:3:13: expected a whole number of at least 1, found "0"`,
		}},
		{"no number", "temperature: .nan\ntop_p: .inf\nmax_tokens: 3000000000\n", []string{
			`FILE:1:14: expected a number from 0 to 2, found ".nan"`,
			`FILE:2:8: expected a number from 0 to 1, found ".inf"`,
			"FILE:3:13: expected a whole number below 2147483648, found 3000000000",
		}},
		{"nothing after a key", "temperature:\nprivacy: ~\n", []string{
			"FILE:1:13: expected a number from 0 to 2, found nothing",
			"FILE:2:10: expected one of any, local, found nothing",
		}},
		{"words", "privacy: remote\nthink: hard\n", []string{
			`FILE:1:10: expected one of any, local, found "remote"`,
			`FILE:2:8: expected one of off, on, low, medium, high, found "hard"`,
		}},
		{"use of nobody", "use: [local, opnai]\n", []string{`FILE:1:14: there is no provider "opnai"; did you mean "openai"?`}},
		{"use twice", "use: [local, local]\n", []string{`FILE:1:14: the provider "local" is named twice; remove one`}},
		{"an empty use", "use: []\n", []string{"FILE:1:6: no provider is named; name a provider, such as `use: local`"}},
		{"a provider of no kind", "providers:\n  - name: x\n    model: m\n", []string{"FILE:2:11: the provider \"x\" has no kind; add `kind: ollama` or `kind: openai`"}},
		{"a hosted provider that lacks all", "providers:\n  - {name: x, kind: openai}\n", []string{
			"FILE:2:12: the provider \"x\" has no model; add model, such as `model: smollm2:135m`",
			"FILE:2:12: the provider \"x\" has no base_url; add base_url, such as `base_url: http://127.0.0.1:8000/v1`",
		}},
		{"a key of the other kind", "providers:\n  - {name: local, api_key: env:X}\n  - {name: openai, num_ctx: 5}\n", []string{
			"FILE:2:28: api_key is for kind openai, but local is of kind ollama; write `headers: {Authorization: env:X}` instead",
			"FILE:3:29: num_ctx is for kind ollama, but openai is of kind openai; remove it",
		}},
		{"managed elsewhere", "providers:\n  - {name: local, host: gpu.lan, managed: true}\n", []string{
			"FILE:2:43: tandem can start Ollama only on this machine, but local is on \"gpu.lan\"; remove `managed`, or set `host: 127.0.0.1:11434`",
		}},
		{"hosts that are none", "providers:\n  - {name: local, host: 'http://:port'}\n", []string{`FILE:2:25: "port" is not a port; expected something like 127.0.0.1:11434`}},
		{"addresses that are none", provider("base_url: x") + "  - {name: openai, base_url: 'api.openai.com/v1'}\n", nil},
		{"an address without a scheme", "providers:\n  - {name: openai, base_url: api.openai.com/v1}\n", []string{"FILE:2:30: this address does not say http:// or https://; write it before the address: http:// for a server on this machine, https:// for most others"}},
		{"credentials in an address", "providers:\n  - {name: openai, base_url: 'https://u:" + canary + "@h/v1'}\n", []string{"FILE:2:30: an address with credentials does not belong in a file; expected something like https://api.openai.com/v1"}},
		{"a preset that is none", "providers:\n  - {name: openai, compat: acme}\n", []string{"FILE:2:28: expected one of openai, azure, mistral"}},
		{"a member that is not left out", "providers:\n  - {name: openai, compat: {omit: [messages]}}\n", []string{`FILE:2:35: "messages" cannot be left out; choose from stream_options`}},
		{"a form of a schema that is none", "providers:\n  - {name: openai, compat: {schema: xml}}\n", []string{"FILE:2:37: expected one of json_schema, json_object, prompt"}},
		{"a member of compat that is none", "providers:\n  - {name: openai, compat: {max_tokens: 1}}\n", []string{"FILE:2:29: "}},
		{"compat of an Ollama", "providers:\n  - {name: local, compat: vllm}\n", []string{"FILE:2:27: compat is for kind openai"}},
		{"a query in an address", "providers:\n  - {name: openai, base_url: 'https://h/v1?key=" + canary + "'}\n", []string{"FILE:2:30: a key does not belong in an address: use api_key or headers; expected something like https://api.openai.com/v1"}},
		{"a port that is none", "providers:\n  - {name: openai, base_url: 'https://h:99999/v1'}\n", []string{"FILE:2:30: the port of this address is invalid; expected something like https://api.openai.com/v1"}},
		{"durations", "providers:\n  - {name: local, keep_alive: soon, idle: 0s, timeouts: {connect: 5}}\n", []string{
			`FILE:2:31: expected a duration such as 5m, 0 (unload at once) or -1 (for ever), found "soon"`,
			`FILE:2:43: expected at least 1s, found "0s"; to keep Ollama running, start it yourself`,
			`FILE:2:67: expected a duration such as 30s, 5m or 1h30m, found "5"`,
		}},
		{"networks", "local_networks: [192.168.1.1]\n", []string{`FILE:1:17: expected networks such as 192.168.1.0/24, found "192.168.1.1"`}},
		{"a bare key", "providers:\n  - {name: openai, api_key: " + canary + "}\n", []string{
			"FILE:2:29: a key does not belong in a file; run `tandem keys set openai` and write api_key: keyring:openai (or env:VARIABLE, or file:PATH)",
		}},
		{"a bare key as a variable's or keyring's name", "providers:\n  - {name: openai, api_key: 'keyring:" + canary + "'}\n", []string{"FILE:2:29: a key does not belong in a file; "}},
		{"a bare key of another look", "providers:\n  - {name: openai, api_key: 'Bearer 12345'}\n", []string{"FILE:2:29: a key does not belong in a file; "}},
		{"a bare key as a provider's name", "providers:\n  - {name: " + canary + "}\n", []string{"FILE:2:12: a string of 26 characters cannot be a provider's name; "}},
		{"a bare key as the provider in use", "use: " + canary + "\n", []string{"FILE:1:6: there is no provider a string of 26 characters; known: local, openai"}},
		{"a bare key as a key", canary + ": 1\nuse: local\n", []string{"FILE:1:1: unknown key a string of 26 characters; known: "}},
		{"a bare key as an alias", "use: local\nthink: *" + canary + "\n", []string{"FILE:2:"}},
		{"a bare key as a tag", "think: !" + canary + " on\n", []string{"FILE:1:8: the tag a string of 27 characters is not known here; remove it"}},
		{"a bare key that closes no quote", "think: \"" + canary + "\n", []string{"FILE:1:8: a quote that is opened here is never closed; close it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSandbox(t).user(tc.text)
			_, err := s.load()
			if tc.want == nil {
				tc.want = []string{"FILE:2:"}
			}
			if err == nil {
				t.Fatal("no mistake was found")
			}
			got := places(t, err)
			ok := len(got) == len(tc.want)
			for i := 0; ok && i < len(got); i++ {
				ok = strings.HasPrefix(got[i], strings.ReplaceAll(tc.want[i], "FILE", s.userPath()))
			}
			if !ok {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

// TestMistakesOutsideFiles have the variable or flag as their place.
func TestMistakesOutsideFiles(t *testing.T) {
	for _, tc := range []struct {
		env, set map[string]string
		want     string
	}{
		{env: map[string]string{"TANDEM_TEMPERATURE": "warm"}, want: `TANDEM_TEMPERATURE: expected a number from 0 to 2, found "warm"`},
		{env: map[string]string{"TANDEM_USE": "nobody"}, want: `TANDEM_USE: there is no provider "nobody"; known: local, openai`},
		{env: map[string]string{"TANDEM_USE": ","}, want: "TANDEM_USE: no provider is named; name a provider, such as `use: local`"},
		{env: map[string]string{"TANDEM_OFFLINE": "maybe"}, want: `TANDEM_OFFLINE: expected true or false, found "maybe"`},
		{env: map[string]string{"OLLAMA_HOST": "ftp://x"}, want: "OLLAMA_HOST: the scheme is neither http nor https; expected something like 127.0.0.1:11434"},
		{env: map[string]string{"OPENAI_BASE_URL": canary}, want: "OPENAI_BASE_URL: this address does not say http:// or https://; write it before the address: http:// for a server on this machine, https:// for most others"},
		{set: map[string]string{"use": "x"}, want: `--use: there is no provider "x"; known: local, openai`},
		{set: map[string]string{"mdel": "x"}, want: `unknown key "mdel"; known: `},
		{set: map[string]string{"providers.local.mdel": "x"}, want: `unknown key "mdel"; did you mean "model"?`},
	} {
		s := newSandbox(t).with(tc.env)
		s.opts.Set = tc.set
		_, err := s.load()
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%v %v:\n got %v\nwant %s", tc.env, tc.set, err, tc.want)
		}
	}
}

func TestMistakesOfAllFilesAtOnce(t *testing.T) {
	s := newSandbox(t).user("temperature: 3\n").projectFile("top_p: 3\n").with(map[string]string{"TANDEM_SEED": "x"})
	_, err := s.load()
	if err == nil || len(places(t, err)) != 3 {
		t.Errorf("got %v", err)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	s := newSandbox(t)
	if err := os.MkdirAll(filepath.Join(s.project, "tandem.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.load(); err == nil || !strings.Contains(err.Error(), "tandem.yaml: is a directory; name the right file") {
		t.Errorf("a directory: %v", err)
	}
	s = newSandbox(t).projectFile("local_networks: [0.0.0.0/0]\n")
	if _, err := s.load(); err == nil || !strings.Contains(err.Error(), "config.yaml:1:17: only your own file may set which networks count as this machine") {
		t.Errorf("a project's networks: %v", err)
	}
	for _, text := range []string{"", "# nothing\n", "---\n", "\ufeff"} {
		if l := newSandbox(t).user(text).projectFile(text).mustLoad(); !slices.Equal(l.Use, []string{"local"}) {
			t.Errorf("%q: use %v", text, l.Use)
		}
	}
	if l := newSandbox(t).user("\ufeffuse: openai\r\n").mustLoad(); !slices.Equal(l.Use, []string{"openai"}) {
		t.Error("a byte order mark and Windows' line ends changed what a file says")
	}
}

func TestWarnings(t *testing.T) {
	s := newSandbox(t).user("providers:\n  - {name: openai, base_url: http://gw.example/v1}\n")
	if err := os.Chmod(s.userPath(), 0o622); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(s.mustLoad().Warnings, "\n")
	for _, want := range []string{":2:30: the key of openai travels unencrypted to http://gw.example/v1; use https", "others may change it; run `chmod go-w "} {
		if !strings.Contains(got, want) {
			t.Errorf("no warning %q in\n%s", want, got)
		}
	}
	if _, err := config.Check(s.write(filepath.Join(s.home, "ok.yaml"), "use: openai\n", 0o600), s.lookup); err != nil {
		t.Error(err)
	}
}
