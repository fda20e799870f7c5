package keys

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/config"
)

func inRing(name string) Key { return Key{Name: name, Place: InKeyring} }

func inFile(s *Store, name string) Key {
	return Key{Name: name, Place: InFile, Path: s.path(name, valueSuffix)}
}

// picky is a keyring that removes keys, and takes none.
type picky struct{ *ring }

func (picky) Set(string, string) error { return errors.New("it rejected the key") }

// A key is kept once: what is elsewhere goes when a new one is set, and all of it
// when it is removed.
func TestNoOlderCopyStays(t *testing.T) {
	r, dir := newRing(), t.TempDir()
	mustSet(t, New(dir, r), "openai", "old")
	mustSet(t, New(dir, picky{r}), "openai", "new")
	if r.keys["openai"] != "" {
		t.Error("the old key is still in the keyring")
	}
	s := New(dir, r)
	if list, err := s.List(); err != nil || !slices.Equal(list, []Key{inFile(s, "openai")}) {
		t.Errorf("%v, %v", list, err)
	}
	mustSet(t, s, "openai", "newest")
	if _, err := os.Stat(s.path("openai", valueSuffix)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestDeleteSaysFromWhere(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, s *Store, r *ring)
		want    []Place
		fails   bool
	}{
		"the keyring": {func(t *testing.T, s *Store, _ *ring) { mustSet(t, s, "openai", canary) }, []Place{InKeyring}, false},
		"the file":    {func(t *testing.T, s *Store, _ *ring) { mustSet(t, New(filepath.Dir(s.dir), nil), "openai", canary) }, []Place{InFile}, false},
		"both": {func(t *testing.T, s *Store, _ *ring) {
			mustSet(t, s, "openai", canary)
			mustSet(t, New(filepath.Dir(s.dir), nil), "openai", canary)
		}, []Place{InFile, InKeyring}, false},
		"a keyring that says no": {func(t *testing.T, s *Store, r *ring) {
			mustSet(t, s, "openai", canary)
			mustSet(t, New(filepath.Dir(s.dir), nil), "openai", canary)
			r.err = errors.New("the collection is locked")
		}, []Place{InFile}, true},
		"a keyring without our mark": {func(_ *testing.T, _ *Store, r *ring) { r.keys["openai"] = canary }, []Place{InKeyring}, false},
		"what a killed set left":     {func(t *testing.T, s *Store, _ *ring) { stray(t, s, ".openai.key.123") }, []Place{InFile}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing()
			s := New(t.TempDir(), r)
			tc.prepare(t, s, r)
			removed, err := s.Delete("openai")
			var from []Place
			for _, k := range removed {
				from = append(from, k.Place)
			}
			if !slices.Equal(from, tc.want) || (err != nil) != tc.fails {
				t.Errorf("%v, %v", removed, err)
			}
			r.err = nil
			if _, err := s.Delete("openai"); !tc.fails && !errors.Is(err, config.ErrNoKey) {
				t.Errorf("removed twice: %v", err)
			}
		})
	}
}

func stray(t *testing.T, s *Store, name string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(s.dir, 0o700), os.WriteFile(path, []byte(canary), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each of the commands sweeps what a killed one left, and nothing else.
func TestWhatAKilledSetLeftIsSwept(t *testing.T) {
	for name, do := range map[string]func(s *Store) error{
		"set":    func(s *Store) error { _, err := s.Set("other", "v"); return err },
		"delete": func(s *Store) error { _, err := s.Delete("another"); return err },
		"list":   func(s *Store) error { _, err := s.List(); return err },
	} {
		s := New(t.TempDir(), nil)
		ours := []string{".openai.key.123", ".open.ai.key.ABCDEF"}
		theirs := []string{"openai.key.123", ".openai.key", ".openai.key.", ".a b.key.1", ".openai.key.1.2", ".openai.note.1", "another.key", "notes"}
		for _, n := range append(slices.Clone(ours), theirs...) {
			stray(t, s, n)
		}
		if err := os.Mkdir(filepath.Join(s.dir, ".dir.key.1"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("notes", filepath.Join(s.dir, ".link.key.1")); err != nil {
			t.Fatal(err)
		}
		unlock, swept := s.lock()
		if len(swept) != len(ours) {
			t.Errorf("%s: swept %q", name, swept)
		}
		for _, n := range ours { // written by a process that has the lock
			stray(t, s, n)
		}
		waiting := New(filepath.Dir(s.dir), nil)
		waiting.timeout = time.Millisecond
		if _, err := waiting.List(); err != nil {
			t.Error(err)
		}
		for _, n := range ours {
			if _, err := os.Lstat(filepath.Join(s.dir, n)); err != nil {
				t.Errorf("%s: swept from a process that writes: %v", name, err)
			}
		}
		unlock()
		if err := do(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		entries, err := os.ReadDir(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if slices.Contains(ours, e.Name()) {
				t.Errorf("%s left %s", name, e.Name())
			}
		}
		for _, n := range append(theirs, ".dir.key.1", ".link.key.1") {
			if _, err := os.Lstat(filepath.Join(s.dir, n)); err != nil && !(name == "delete" && strings.HasPrefix(n, "another.")) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
