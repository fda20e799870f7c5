package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

// Many programs have a config.yaml. Another's is ignored, and one of ours never
// is, for it may say that nothing leaves the machine.
func TestWhoseConfigYAML(t *testing.T) {
	for text, ours := range map[string]bool{
		"use: local\n": true,
		"providers: []\nlogging: {level: debug}\n":       false,
		"database: {host: db}\nuse: postgres\n":          false,
		"use: [postgres, redis]\nport: 80\n":             false,
		"use: strict\n":                                  true, // an error: there is no such provider
		"use: [lab, local]\nport: 80\n":                  true,
		"use: lab\ntemprature: 1\n":                      true, // a mistake, and it is reported
		"providers: {aws: {region: x}}\nversion: 2\n":    false,
		"providers: [{name: aws, kind: s3}]\nport: 1\n":  false,
		"providers: [{name: local}]\nport: 1\n":          true,
		"providers: [{name: a, kind: openai}]\np: 1\n":   true,
		"budget: {per_run_usd: 1}\nport: 80\n":           true,
		"privacy: local\n":                               true,
		"privacy: local\ntemperatur: 1\n":                true, // a mistake, and it is reported
		"offline: true\nname: x\n":                       true,
		"budget: {per_day_usd: 1}\n":                     true,
		"log: off\ncache: on\n":                          true,
		"temperature: 0.5\n":                             true,
		"# nothing\n":                                    true,
		"use: [local\n":                                  true,
		"offline: true\n  - x\n":                         true,
		"services:\n  web: {image: x}\nversion: 3\n":     false,
		"model: gpt-4o\ntemperature: 0.7\nseed: 1\n":     false,
		"privacy: {mode: strict}\nsite: x\n":             false,
		"title: Site\noffline: {page: off.html}\n":       false,
		"apiVersion: v1\nuses: x\n":                      false,
		"- a\n- list\n":                                  false,
		"just text\n":                                    false,
		"key: {{ .Values.x }}\nname: {{ template }}\n":   false,
		"jobs:\n  - use: local\n":                        false,
		"log: {level: debug}\nserver: {port: 80}\n":      false,
		"tabs:\n\t- are no YAML\n":                       false,
		"provider: openai\napi_base: http://x.example\n": false,
	} {
		s := newSandbox(t).projectFile(text)
		l, err := s.load()
		if got := l.Skipped == ""; got != ours {
			t.Errorf("%q: Tandem's is %v, want %v", text, got, ours)
		}
		if !ours && (err != nil || l.Skipped != filepath.Join(s.project, "config.yaml") || !slices.Equal(l.Use, []string{"local"})) {
			t.Errorf("%q: skipped %q, use %v, %v", text, l.Skipped, l.Use, err)
		}
	}
}

func TestNamesOfTheProjectsFile(t *testing.T) {
	write := func(s *sandbox, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"tandem.yaml", ".tandem.yaml"} {
		s := newSandbox(t).projectFile("title: another program's\n")
		write(s, name, "use: openai\n")
		if l := s.mustLoad(); !slices.Equal(l.Use, []string{"openai"}) || l.Skipped == "" {
			t.Errorf("%s: use %v, skipped %q", name, l.Use, l.Skipped)
		}
		write(s, "config.yaml", "privacy: local\n")
		if _, err := s.load(); err == nil || !strings.Contains(err.Error(), "two Tandem configurations, "+name+" and config.yaml; keep one") {
			t.Errorf("%s beside a config.yaml of ours: %v", name, err)
		}
	}
	s := newSandbox(t).projectFile("title: another program's\n")
	write(s, "tandem.yaml", "")
	write(s, ".tandem.yaml", "privacy: local\n")
	if _, err := s.load(); err == nil || !strings.Contains(err.Error(), "two Tandem configurations, tandem.yaml and .tandem.yaml") {
		t.Errorf("two with names of their own: %v", err)
	}
	s = newSandbox(t)
	if err := os.Mkdir(filepath.Join(s.project, "config.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if l := s.mustLoad(); l.Skipped == "" {
		t.Error("a directory is not skipped")
	}
	if _, err := config.Check(filepath.Join(s.project, "config.yaml"), nil); err == nil {
		t.Error("a directory is checked without an error")
	}
}
