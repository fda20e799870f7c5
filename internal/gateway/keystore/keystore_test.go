package keystore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func add(t *testing.T, s *Store, k Key) string {
	t.Helper()
	key, err := s.Add(context.Background(), k)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func entries(t *testing.T, s *Store) []guard.Entry {
	t.Helper()
	all, err := s.Entries()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAKeyIsStoredAsItsHash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := New(dir)
	if len(entries(t, s)) != 0 {
		t.Error("there are keys without a file")
	}
	budget := 1.5
	key := add(t, s, Key{Name: "laptop", Use: []string{"local"}, LocalOnly: true, BudgetUSD: &budget, Rate: 30, Pull: true})
	other := add(t, s, Key{Name: "phone"})
	if key == other || !strings.HasPrefix(key, "sk-tandem-") || len(key) < 50 {
		t.Errorf("%d and %d characters", len(key), len(other))
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), key) || strings.Contains(string(data), key[len(key)-20:]) {
			t.Errorf("%s has the key", e.Name())
		}
		if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	all := entries(t, New(dir))
	want := guard.Caller{Name: "laptop", Use: []string{"local"}, Privacy: guard.PrivacyLocal, BudgetUSD: &budget, Rate: 30, Pull: true}
	if len(all) != 2 || all[0].Hash != sha256.Sum256([]byte(key)) || *all[0].Caller.BudgetUSD != budget {
		t.Fatalf("%+v", all)
	}
	all[0].Caller.BudgetUSD = want.BudgetUSD
	if fmt.Sprint(all[0].Caller) != fmt.Sprint(want) || fmt.Sprint(all[1].Caller) != fmt.Sprint(guard.Caller{Name: "phone"}) {
		t.Errorf("%+v", all)
	}
}

// TestAChangeCountsAtOnce: the store of a running server and that of a command are two.
func TestAChangeCountsAtOnce(t *testing.T) {
	dir := t.TempDir()
	server, command := New(dir), New(dir)
	for n := range 5 {
		add(t, command, Key{Name: fmt.Sprint("k", n)})
		if got := len(entries(t, server)); got != n+1 {
			t.Errorf("%d keys count, want %d", got, n+1)
		}
	}
	for n := range 5 {
		if err := command.Remove(context.Background(), fmt.Sprint("k", n)); err != nil {
			t.Fatal(err)
		}
		if got := len(entries(t, server)); got != 4-n {
			t.Errorf("%d keys count, want %d", got, 4-n)
		}
	}
	if err := command.Remove(context.Background(), "k0"); !errors.Is(err, ErrNoKey) {
		t.Errorf("removed twice: %v", err)
	}
	if err := os.Remove(command.Path()); err != nil {
		t.Fatal(err)
	}
	if len(entries(t, server)) != 0 {
		t.Error("keys count without their file")
	}
}

func TestManyAtOnceLoseNone(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			if _, err := New(dir).Add(context.Background(), Key{Name: fmt.Sprint("k", n)}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			if _, err := New(dir).Entries(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(entries(t, New(dir))); got != 12 {
		t.Errorf("%d keys of 12", got)
	}
	if _, err := New(dir).Add(context.Background(), Key{Name: "k3"}); !errors.Is(err, ErrExists) {
		t.Errorf("added twice: %v", err)
	}
}

// TestAFileThatCannotBeTrusted is not one without keys: then everybody could ask. It
// does not count after it was good either.
func TestAFileThatCannotBeTrusted(t *testing.T) {
	hash := strings.Repeat("ab", sha256.Size)
	for name, damage := range map[string]func(path string) error{
		"empty":           func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"cut":             func(p string) error { return os.Truncate(p, 20) },
		"not JSON":        func(p string) error { return os.WriteFile(p, []byte("keys: none"), 0o600) },
		"another version": func(p string) error { return os.WriteFile(p, []byte(`{"version":2,"keys":[]}`), 0o600) },
		"two objects":     func(p string) error { return os.WriteFile(p, []byte(`{"version":1,"keys":[]}{}`), 0o600) },
		"a limit of a newer one": func(p string) error {
			return os.WriteFile(p, []byte(`{"version":1,"keys":[{"name":"a","sha256":"`+hash+`","created":"2026-01-01T00:00:00Z","hours":"9-17"}]}`), 0o600)
		},
		"a short hash": func(p string) error {
			return os.WriteFile(p, []byte(`{"version":1,"keys":[{"name":"a","sha256":"abab","created":"2026-01-01T00:00:00Z"}]}`), 0o600)
		},
		"a name twice": func(p string) error {
			return os.WriteFile(p, []byte(`{"version":1,"keys":[{"name":"a","sha256":"`+hash+`","created":"2026-01-01T00:00:00Z"},{"name":"a","sha256":"`+hash+`","created":"2026-01-01T00:00:00Z"}]}`), 0o600)
		},
		"a negative rate": func(p string) error {
			return os.WriteFile(p, []byte(`{"version":1,"keys":[{"name":"a","sha256":"`+hash+`","created":"2026-01-01T00:00:00Z","rate_per_minute":-1}]}`), 0o600)
		},
		"too large":                     func(p string) error { return os.Truncate(p, maxFile+1) },
		"a folder":                      func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) },
		"others may write":              func(p string) error { return os.Chmod(p, 0o622) },
		"others may read":               func(p string) error { return os.Chmod(p, 0o604) },
		"others of the group may write": func(p string) error { return os.Chmod(p, 0o660) },
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.HasPrefix(name, "others") {
				return // it has no such modes
			}
			s := New(t.TempDir())
			add(t, s, Key{Name: "laptop"})
			entries(t, s)
			if err := damage(s.Path()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if all, err := s.Entries(); err == nil || !strings.Contains(err.Error(), s.Path()) {
					t.Errorf("%v, %v", all, err)
				}
			}
			if _, err := s.Add(context.Background(), Key{Name: "other"}); err == nil {
				t.Error("a key was added to it")
			}
		})
	}
}

// A secret that Kubernetes mounts is a link to a file that the group may read.
func TestAMountedSecretIsRead(t *testing.T) {
	s := New(t.TempDir())
	add(t, s, Key{Name: "laptop"})
	mounted := filepath.Join(t.TempDir(), "data")
	if err := errors.Join(os.Rename(s.Path(), mounted), os.Chmod(mounted, 0o440), os.Symlink(mounted, s.Path())); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Entries(); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestNoHome(t *testing.T) {
	s := New("")
	if all, err := s.Entries(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := s.Add(context.Background(), Key{Name: "laptop"}); err == nil || !strings.Contains(err.Error(), "HOME") {
		t.Error(err)
	}
}

func TestMistakesInAKey(t *testing.T) {
	s := New(t.TempDir())
	budget := -1.0
	for _, k := range []Key{{}, {Name: "a b"}, {Name: "../x"}, {Name: "sk-canary-DO-NOT-LEAK-7f3a"}, {Name: "a", Rate: -1}, {Name: "a", Rate: 1e9}, {Name: "a", BudgetUSD: &budget}} {
		if key, err := s.Add(context.Background(), k); err == nil || key != "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%+v: %v", k, err)
		}
	}
	if _, err := os.Stat(s.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file was made")
	}
}
