package connect_test

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/connect"
)

// Every row of the table says what it was checked with and how the client is started,
// its settings have the gateway's address and the model, and files lie below the home
// directory on every system.
func TestTheTable(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, c := range connect.Clients() {
			home := t.TempDir()
			s := &connect.System{OS: system, Home: home, State: t.TempDir(), Env: func(string) string { return "" }}
			set, err := s.Settings(&c, gateway())
			if err != nil {
				t.Fatal(err)
			}
			printed, _ := json.Marshal(set)
			if c.Title == "" || !regexp.MustCompile(`\d`).MatchString(c.Known) || len(set.Steps) == 0 || c.Runs() && (c.Program == "" || c.Install == "") {
				t.Errorf("%s: the row is not complete: %+v", c.Name, c)
			}
			if !strings.Contains(string(printed), ":11500") || !strings.Contains(string(printed), "qwen3:8b") {
				t.Errorf("%s: %s", c.Name, printed)
			}
			for _, f := range set.Files {
				if !strings.HasPrefix(f.Path, home) {
					t.Errorf("%s: %s", c.Name, f.Path)
				}
			}
		}
	}
}

// The steps for a container and for another machine are all that these take: the name that
// the gateway has to accept, the address that it has to listen on, and a key. What is there
// already is not a step.
func TestElsewhere(t *testing.T) {
	const hosts, expose, key, added = "gateway.hosts", "--listen 0.0.0.0:11500 --expose", "tandem serve keys add ", "--add-host=host.docker.internal:host-gateway"
	for _, tc := range []struct {
		client, os string
		g          connect.Gateway
		has, not   []string
	}{
		{"openwebui", "linux", connect.Gateway{}, []string{"--network=host", hosts, expose, key + "openwebui", added, "http://host.docker.internal:11500/v1"}, nil},
		{"n8n", "linux", connect.Gateway{}, []string{"--network=host", hosts, expose, key + "n8n", added, "http://host.docker.internal:11500/v1"}, nil},
		{"n8n", "darwin", connect.Gateway{}, []string{hosts, "http://host.docker.internal:11500/v1"}, []string{expose, key, added, "--network"}},
		{"openwebui", "windows", connect.Gateway{}, []string{hosts, "http://host.docker.internal:11500/v1"}, []string{expose, key, added}},
		{"openwebui", "linux", connect.Gateway{KeyEnv: "K", Exposed: true, Hosts: []string{"host.docker.internal"}}, []string{added}, []string{hosts, expose, key}},
		{"homeassistant", "linux", connect.Gateway{}, []string{"--network=host", expose, key + "homeassistant", "http://ADDRESS:11500", hosts}, nil},
		{"homeassistant", "darwin", connect.Gateway{KeyEnv: "K"}, []string{expose, "http://ADDRESS:11500"}, []string{key}},
		{"openwebui", "linux", connect.Gateway{URL: "http://gpu.lan:11500"}, nil, []string{"docker", hosts, expose}},
		{"homeassistant", "linux", connect.Gateway{URL: "http://gpu.lan:11500"}, nil, []string{"ADDRESS", expose}},
	} {
		s := &connect.System{OS: tc.os, Home: t.TempDir(), State: t.TempDir(), Env: func(string) string { return "" }}
		tc.g.URL, tc.g.Model = cmp.Or(tc.g.URL, "http://127.0.0.1:11500"), "m"
		set, err := s.Settings(find(t, tc.client), tc.g)
		if err != nil {
			t.Fatal(err)
		}
		text := set.Elsewhere + "\n" + strings.Join(set.ElsewhereSteps, "\n")
		for _, want := range tc.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s on %s, %+v: no %q in\n%s", tc.client, tc.os, tc.g, want, text)
			}
		}
		for _, no := range tc.not {
			if strings.Contains(text, no) {
				t.Errorf("%s on %s, %+v: %q in\n%s", tc.client, tc.os, tc.g, no, text)
			}
		}
		if len(tc.has) == 0 && strings.TrimSpace(text) != "" {
			t.Errorf("%s: %s", tc.client, text)
		}
	}
}

func TestShortWindow(t *testing.T) {
	for _, tc := range []struct {
		client string
		window int
		needs  int
	}{{"claude", 4096, 32768}, {"claude", 32768, 0}, {"claude", 0, 0}, {"codex", 8192, 16384}, {"opencode", 4096, 16384}, {"cline", 4096, 16384}, {"llm", 128, 0}} {
		needs, short := find(t, tc.client).Short(tc.window)
		if needs != tc.needs || short != (tc.needs > 0) {
			t.Errorf("%s with %d: %d, %v", tc.client, tc.window, needs, short)
		}
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:11500": "http://127.0.0.1:11500", "http://127.0.0.1:11500/v1/": "http://127.0.0.1:11500", "https://example.com/tandem/": "https://example.com/tandem", " http://[::1]:1 ": "http://[::1]:1",
		"127.0.0.1:11500": "", "http://": "", "ftp://x": "", "http://u:p@x": "", "http://x?a=b": "", "http://x#a": "", "": "",
	} {
		got, err := connect.ParseURL(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestVariableLines(t *testing.T) {
	for _, tc := range []struct {
		v             connect.Variable
		unix, windows string
	}{
		{connect.Variable{Name: "A", Value: "http://127.0.0.1:1/v1"}, "export A=http://127.0.0.1:1/v1", "$env:A = 'http://127.0.0.1:1/v1'"},
		{connect.Variable{Name: "A", Value: "it's $x"}, `export A='it'\''s $x'`, "$env:A = 'it''s $x'"},
		{connect.Variable{Name: "A", From: "KEY"}, `export A="$KEY"`, "$env:A = $env:KEY"},
	} {
		if got := tc.v.Line("linux"); got != tc.unix {
			t.Error(got)
		}
		if got := tc.v.Line("windows"); got != tc.windows {
			t.Error(got)
		}
	}
}
