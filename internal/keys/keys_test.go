package keys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/config"
)

// canary is the key that must not appear in any error or list.
const canary = "sk-canary-DO-NOT-LEAK-7f3a"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ring is a keyring in memory. While err is set, it does not serve.
type ring struct {
	keys  map[string]string
	err   error
	calls int
}

func newRing() *ring { return &ring{keys: map[string]string{}} }

func (r *ring) Get(name string) (string, error) {
	r.calls++
	if r.err != nil {
		return "", r.err
	}
	if v, ok := r.keys[name]; ok {
		return v, nil
	}
	return "", fmt.Errorf("%w here", config.ErrNoKey)
}

func (r *ring) Set(name, value string) error {
	r.calls++
	if r.err == nil {
		r.keys[name] = value
	}
	return r.err
}

func (r *ring) Delete(name string) error {
	_, err := r.Get(name)
	delete(r.keys, name)
	return err
}

func mustSet(t *testing.T, s *Store, name, value string) Key {
	t.Helper()
	k, err := s.Set(name, value)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestStore walks a key through its life, in a keyring and in a file.
func TestStore(t *testing.T) {
	for _, tc := range []struct {
		name   string
		system Keyring
		place  Place
	}{
		{"keyring", newRing(), InKeyring},
		{"no keyring", nil, InFile},
		{"a keyring that does not serve", &ring{err: errors.New("no such bus")}, InFile},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := New(dir, tc.system)
			if _, err := s.Get("openai"); !errors.Is(err, config.ErrNoKey) {
				t.Errorf("no key yet: %v", err)
			}
			if list, err := s.List(); err != nil || list == nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
			path := ""
			if tc.place == InFile {
				path = filepath.Join(dir, "keys", "openai.key")
			}
			if k := mustSet(t, s, "openai", "old"); k != (Key{"openai", tc.place, path}) {
				t.Errorf("kept %+v", k)
			}
			mustSet(t, s, "openai", canary)
			mustSet(t, s, "Gateway.2", canary)
			if v, err := New(dir, tc.system).Get("openai"); err != nil || v != canary {
				t.Errorf("got %q, %v", v, err)
			}
			list, err := s.List()
			if err != nil || len(list) != 2 || list[0].Name != "Gateway.2" || list[1] != (Key{"openai", tc.place, path}) {
				t.Errorf("%v, %v", list, err)
			}
			if text := fmt.Sprintf("%+v", list); strings.Contains(text, canary) {
				t.Errorf("the list shows the key: %s", text)
			}
			if _, err := s.Delete("openai"); err != nil {
				t.Error(err)
			}
			if _, err := s.Delete("openai"); !errors.Is(err, config.ErrNoKey) {
				t.Errorf("removed twice: %v", err)
			}
			if _, err := s.Get("openai"); !errors.Is(err, config.ErrNoKey) {
				t.Errorf("removed: %v", err)
			}
		})
	}
}

func TestFilesAreTheUsersAlone(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, nil)
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	k := mustSet(t, s, "openai", canary)
	for path, want := range map[string]os.FileMode{filepath.Join(dir, "keys"): 0o700, k.Path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if err := os.Chmod(k.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get("openai"); err == nil || !strings.Contains(err.Error(), "others may read the key file "+k.Path+" (mode 0644); run `chmod 600 ") || strings.Contains(err.Error(), canary) {
		t.Errorf("a file that others may read: %q, %v", v, err)
	}
}

// TestTheNewestKeyCounts: keyrings come and go, as when one logs in from afar.
func TestTheNewestKeyCounts(t *testing.T) {
	r := newRing()
	s := New(t.TempDir(), r)
	mustSet(t, s, "openai", "first")
	r.err = errors.New("no such bus")
	if k := mustSet(t, s, "openai", "second"); k.Place != InFile {
		t.Errorf("kept %+v", k)
	}
	if list, err := s.List(); err != nil || !slices.Equal(list, []Key{inFile(s, "openai"), inRing("openai")}) {
		t.Errorf("the old key in the keyring is not listed: %v, %v", list, err)
	}
	r.err = nil
	if v, err := s.Get("openai"); err != nil || v != "second" {
		t.Errorf("got %q, %v", v, err)
	}
	mustSet(t, s, "openai", "third")
	if v, err := s.Get("openai"); err != nil || v != "third" {
		t.Errorf("got %q, %v", v, err)
	}
	if list, err := s.List(); err != nil || !slices.Equal(list, []Key{inRing("openai")}) {
		t.Errorf("%v, %v", list, err)
	}
}

// TestAKeyInAKeyringThatDoesNotServe is not "no key": setting it again would
// be the wrong advice.
func TestAKeyInAKeyringThatDoesNotServe(t *testing.T) {
	r := newRing()
	s := New(t.TempDir(), r)
	mustSet(t, s, "openai", canary)
	r.err = errors.New("the collection is locked")
	_, err := s.Get("openai")
	if err == nil || errors.Is(err, config.ErrNoKey) || !strings.Contains(err.Error(), `the key "openai" is in the system keyring, which cannot read it: the collection is locked`) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Delete("openai"); err == nil || errors.Is(err, config.ErrNoKey) {
		t.Errorf("removed from a keyring that does not serve: %v", err)
	}
	if _, err := s.Get("other"); !errors.Is(err, config.ErrNoKey) {
		t.Errorf("a key that nobody kept: %v", err)
	}
}

// hung is a keyring that never answers, until it is released.
type hung struct{ release chan struct{} }

func (h hung) Get(string) (string, error) { <-h.release; return canary, nil }
func (h hung) Set(_, _ string) error      { <-h.release; return nil }
func (h hung) Delete(string) error        { <-h.release; return nil }

func TestAKeyringThatHangsHoldsNobodyUp(t *testing.T) {
	h := hung{make(chan struct{})}
	defer close(h.release)
	s := New(t.TempDir(), h)
	s.timeout = 5 * time.Millisecond
	if _, err := s.Get("openai"); !errors.Is(err, config.ErrNoKey) {
		t.Errorf("get: %v", err)
	}
	if k, err := s.Set("openai", canary); err != nil || k.Place != InFile {
		t.Errorf("set: %+v, %v", k, err)
	}
	if v, err := s.Get("openai"); err != nil || v != canary {
		t.Errorf("get: %q, %v", v, err)
	}
	if _, err := s.Delete("openai"); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// wild is a bus on which something answers that is not a keyring.
type wild struct{}

func (wild) Get(string) (string, error) { panic("interface conversion: " + canary) }
func (wild) Set(_, v string) error      { panic("interface conversion: " + v) }
func (wild) Delete(string) error        { panic("interface conversion") }

func TestAKeyringThatPanics(t *testing.T) {
	s := New(t.TempDir(), wild{})
	if k, err := s.Set("openai", canary); err != nil || k.Place != InFile {
		t.Errorf("%+v, %v", k, err)
	}
	if v, err := s.Get("openai"); err != nil || v != canary {
		t.Errorf("%q, %v", v, err)
	}
}

func TestNoErrorShowsTheKey(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root may write anywhere: the directory is a file instead")
	}
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, system := range []Keyring{nil, newRing(), &ring{err: errors.New("refused: " + canary)}, wild{}} {
		for _, dir := range []string{dir, ""} {
			s := New(dir, system)
			if _, err := s.Set("openai", canary); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("set in %q: %v", dir, err)
			}
		}
	}
	for _, name := range []string{canary, "", "a b", "../x", ".hidden", "a/b", strings.Repeat("x", 65), "x\x00"} {
		s := New(t.TempDir(), newRing())
		_, err1 := s.Get(name)
		_, err2 := s.Set(name, "v")
		_, err3 := s.Delete(name)
		for _, err := range []error{err1, err2, err3} {
			if err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// TestNewAsksNobody: a command that needs no key pays nothing for the keyring.
func TestNewAsksNobody(t *testing.T) {
	r := newRing()
	s := New(t.TempDir(), r)
	if _, err := s.List(); err != nil {
		t.Error(err)
	}
	mustSet(t, New(s.dir, nil), "x", canary)
	if r.calls != 0 {
		t.Errorf("%d calls to the keyring", r.calls)
	}
}

// TestWithoutABusNoneIsStarted: on a machine without a session, the library
// would start a bus of its own, which stays for ever.
func TestWithoutABusNoneIsStarted(t *testing.T) {
	env := func(vars map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	}
	if System(env(map[string]string{"TANDEM_KEYRING": "file", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"})) != nil {
		t.Error("TANDEM_KEYRING=file does not count")
	}
	if System(env(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"})) == nil {
		t.Error("a bus that is named does not count")
	}
	if hasBus(env(map[string]string{"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"})) != hasBus(env(nil)) {
		t.Error("a bus that is to be launched counts as one")
	}
}
