package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/config"
)

const demanding = "use: openai\nproviders:\n  - name: openai\n    base_url: https://llm.example/v1\n"

func TestTrust(t *testing.T) {
	s := newSandbox(t).projectFile(demanding).with(map[string]string{"OPENAI_API_KEY": canary})
	l, err := s.load()
	if !errors.Is(err, config.ErrUntrusted) || l.Trusted() {
		t.Fatalf("an untrusted project loads: %v", err)
	}
	want := filepath.Join(s.project, "config.yaml") + ":4:15: this project wants to send prompts and the key env:OPENAI_API_KEY to https://llm.example:443/v1, which your own configuration does not name; read the file, and run `tandem config trust` if you agree"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	path, err := l.Trust()
	if err != nil || path != filepath.Join(s.project, "config.yaml") {
		t.Fatalf("%s, %v", path, err)
	}
	if key, err := l.Key("openai"); err != nil || key.Reveal() != canary {
		t.Errorf("trusted, and no key: %v", err)
	}
	l = s.mustLoad()
	if !l.Trusted() || len(l.Demands()) != 1 {
		t.Errorf("trusted %v, demands %v", l.Trusted(), l.Demands())
	}

	s.projectFile(demanding + "# a comment more\n")
	if _, err := s.load(); !errors.Is(err, config.ErrUntrusted) {
		t.Errorf("a changed file is still trusted: %v", err)
	}
	s.projectFile(demanding)
	l = s.mustLoad()
	if _, revoked, err := l.Revoke(); err != nil || !revoked || l.Trusted() {
		t.Errorf("revoked %v, %v", revoked, err)
	}
	if _, err := s.load(); !errors.Is(err, config.ErrUntrusted) {
		t.Errorf("revoked, and still trusted: %v", err)
	}
	if _, revoked, err := l.Revoke(); err != nil || revoked {
		t.Errorf("revoked twice: %v, %v", revoked, err)
	}
}

// TestTrustCoversTheTextThatWasShown: the file may change between the question
// and the answer.
func TestTrustCoversTheTextThatWasShown(t *testing.T) {
	s := newSandbox(t).projectFile(demanding)
	l, _ := s.load()
	s.projectFile(strings.ReplaceAll(demanding, "llm.example", "evil.example"))
	if _, err := l.Trust(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.load(); !errors.Is(err, config.ErrUntrusted) {
		t.Errorf("what nobody saw is trusted: %v", err)
	}
}

func TestMarksOfTrustAreTheUsersAlone(t *testing.T) {
	s := newSandbox(t).projectFile(demanding)
	l, _ := s.load()
	if _, err := l.Trust(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(config.StateDir(s.lookup), "trust")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, entries[0].Name()): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestTrustWithoutAProject(t *testing.T) {
	l := newSandbox(t).user(demanding).mustLoad()
	if !l.Trusted() || l.Demands() != nil {
		t.Error("the user's own file asks for trust")
	}
	if _, err := l.Trust(); err == nil || !strings.Contains(err.Error(), "this directory has no Tandem configuration to trust") {
		t.Errorf("got %v", err)
	}
	if _, _, err := l.Revoke(); err == nil || !strings.Contains(err.Error(), "this directory has no Tandem configuration") {
		t.Errorf("got %v", err)
	}
}

// TestWhatTheUserNamesIsTheUsers: --config and TANDEM_CONFIG are the user's own
// word, whatever they name.
func TestWhatTheUserNamesIsTheUsers(t *testing.T) {
	s := newSandbox(t).projectFile(demanding)
	s.opts.UserFile = filepath.Join(s.project, "config.yaml")
	if l := s.mustLoad(); l.Demands() != nil {
		t.Errorf("demands %v", l.Demands())
	}
}

// TestTheEnvironmentIsTheUsersOwnWord: OPENAI_BASE_URL overrides a project's
// base_url, and then nothing is left to ask for.
func TestTheEnvironmentIsTheUsersOwnWord(t *testing.T) {
	s := newSandbox(t).projectFile(demanding).with(map[string]string{"OPENAI_BASE_URL": "https://gw.example/v1"})
	l := s.mustLoad()
	if p, _ := l.Provider("openai"); p.Endpoint() != "https://gw.example:443/v1" {
		t.Errorf("prompts go to %s", p.Endpoint())
	}
}
