package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/diag"
)

// FuzzLoad reads one file as the user's and as a project's: no input panics,
// every mistake has a place, and the canary is in none.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{
		"use: local\n", everything, demanding, "providers:\n  - {name: openai, api_key: " + canary + "}\n",
		"use: " + canary, canary + ": 1", "a: *" + canary, "a: !" + canary + " 1", "think: \"" + canary, "providers:\n  - name: " + canary,
		"providers:\n\t- x", "use: &a [*a]", "\xff", "- ", "{", "local_networks: [::/0]", "providers: [{name: a.b, kind: ollama, host: '[::1]:1', model: m}]",
		"temperature: 1e999", "seed: 0x7fffffffffffffff", "stop: [[]]", "providers: [{name: local, options: {a: {b: [c, null]}}}]",
	} {
		f.Add([]byte(s))
	}
	vars := map[string]string{"HOME": f.TempDir(), "XDG_STATE_HOME": "/nonexistent"}
	env := func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, o := range []config.LoadOptions{{UserFile: path, Env: env}, {UserFile: config.NoFile, ProjectFile: path, Env: env}} {
			l, err := config.Load(o)
			if err == nil {
				checkLoaded(t, l)
				continue
			}
			for _, e := range diag.Split(err) {
				var place *diag.Error
				if !errors.As(e, &place) || place.File != path {
					t.Errorf("no place: %v", e)
				}
				if strings.Contains(e.Error(), canary) && !errors.Is(e, config.ErrUntrusted) {
					t.Errorf("the key is shown: %v", e)
				}
			}
		}
	})
}

// checkLoaded checks what holds of every configuration without mistakes.
func checkLoaded(t *testing.T, l *config.Loaded) {
	t.Helper()
	for _, name := range l.Use {
		if _, ok := l.Provider(name); !ok {
			t.Errorf("nobody is %q", name)
		}
	}
	for _, v := range l.Show() {
		if x, err := l.Explain(v.Key); err != nil || !x.Set {
			t.Errorf("%s is shown and not explained: %v", v.Key, err)
		}
	}
	text, err := l.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.CheckText("shown.yaml", text, nil); err != nil {
		t.Errorf("what is shown does not load: %v\n%s", err, text)
	}
}
