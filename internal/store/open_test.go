package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/tandem-llm/tandem/provider/ledger"
)

// What is written while the file is replaced, even as it is opened, is in the file
// that others find, or is known to be lost.
func TestAFileReplacedWhileItIsOpened(t *testing.T) {
	for name, tc := range map[string]struct {
		replace func(t *testing.T, s *Store)
		times   int
		lost    bool
	}{
		"removed":         {func(t *testing.T, s *Store) { must(t, os.Remove(s.path)) }, 1, false},
		"moved away":      {func(t *testing.T, s *Store) { must(t, os.Rename(s.path, s.path+".old")) }, 1, false},
		"replaced":        {func(t *testing.T, s *Store) { replaceFile(t, s.path) }, 1, false},
		"replaced twice":  {func(t *testing.T, s *Store) { replaceFile(t, s.path) }, 2, false},
		"replaced always": {func(t *testing.T, s *Store) { replaceFile(t, s.path) }, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, times := New(t.TempDir()), 0
			s.opened = func() {
				if times++; times <= tc.times {
					tc.replace(t, s)
				}
			}
			w := NewWriter(s)
			w.entry(ledger.Entry{Model: "m", Began: time.Now()})
			err := w.Close()
			if tc.lost {
				if !errors.Is(err, errReplaced) {
					t.Errorf("%v", err)
				}
				return
			}
			must(t, err)
			others := New(filepath.Dir(s.path))
			defer others.Close()
			db, err := others.open(t.Context())
			must(t, err)
			var n int
			must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM ledger").Scan(&n))
			if n != 1 {
				t.Errorf("others find %d costs, want 1", n)
			}
		})
	}
}

// replaceFile puts an empty file in the place of another.
func replaceFile(t *testing.T, path string) {
	t.Helper()
	must(t, os.WriteFile(path+".new", nil, 0o600))
	must(t, os.Rename(path+".new", path))
}

// While another process prepares the file, a caller waits no longer than it wants.
func TestOpeningHonoursItsContext(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, s *Store){
		"no file":       func(*testing.T, *Store) {},
		"an empty file": func(t *testing.T, s *Store) { must(t, os.WriteFile(s.path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := New(t.TempDir())
			prepare(t, s)
			other := flock.New(s.path + ".lock")
			must(t, other.Lock())
			defer other.Close()
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.open(gone); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want that of its context", err)
			}
			must(t, other.Unlock())
			_, err := s.open(t.Context())
			must(t, errors.Join(err, s.Close()))
		})
	}
}
