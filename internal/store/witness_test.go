package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// spend settles n calls of 10 cents each out of a budget of $1, in a process of
// its own, so to speak.
func spend(t *testing.T, dir string, n int) error {
	w := NewWriter(New(dir))
	b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
	for range n {
		mark, err := b.Reserve(t.Context(), ledger.Reservation{Provider: "p", Model: "m", USD: 0.1})
		if err != nil {
			return errors.Join(err, w.Close())
		}
		b.Settle(mark, ledger.Entry{Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.1)}})
	}
	return w.Close()
}

// What becomes of the file behind a budget's back begins none anew: it is
// refused, with what to do, and that works.
func TestNoBudgetBeginsAnewInSilence(t *testing.T) {
	exec := func(t *testing.T, dir, query string) {
		s := New(dir)
		db, err := s.open(t.Context())
		must(t, err)
		_, err = db.ExecContext(t.Context(), query)
		must(t, errors.Join(err, s.Close()))
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir, file string)
		says  string // "": nothing is wrong
	}{
		{"nothing", func(*testing.T, string, string) {}, ""},
		{"emptied", func(t *testing.T, _, file string) { must(t, os.Truncate(file, 0)) }, "the file is new"},
		{"removed", func(t *testing.T, _, file string) { must(t, os.Remove(file)) }, "the file is new"},
		{"cut", func(t *testing.T, _, file string) { must(t, os.Truncate(file, 10_000)) }, "is damaged"},
		{"cut in its header", func(t *testing.T, _, file string) { must(t, os.Truncate(file, 50)) }, "is damaged"},
		{"overwritten", func(t *testing.T, _, file string) {
			must(t, os.WriteFile(file, []byte(strings.Repeat("no database ", 100)), 0o600))
		}, "is damaged"},
		{"without its ledger", func(t *testing.T, dir, _ string) { exec(t, dir, "DROP TABLE ledger") }, "is damaged"},
		{"without its book", func(t *testing.T, dir, _ string) { exec(t, dir, "DROP TABLE book") }, "is damaged"},
		{"with an empty book", func(t *testing.T, dir, _ string) { exec(t, dir, "DELETE FROM book") }, "is damaged"},
		{"replaced by an older copy", func(t *testing.T, dir, file string) {
			older, err := os.ReadFile(file)
			must(t, err)
			must(t, spend(t, dir, 3))
			must(t, os.WriteFile(file, older, 0o600))
		}, "is an older copy"},
		{"replaced by another", func(t *testing.T, _, file string) {
			other := t.TempDir()
			must(t, spend(t, other, 5))
			must(t, os.Rename(filepath.Join(other, FileName), file))
		}, "the file is new"},
		{"removed, and the witness cut", func(t *testing.T, _, file string) {
			must(t, errors.Join(os.Remove(file), os.Truncate(file+".witness", 0)))
		}, "the file is new"},
		{"only the witness removed", func(t *testing.T, _, file string) { must(t, os.Remove(file+".witness")) }, ""},
		{"only the witness cut", func(t *testing.T, _, file string) { must(t, os.Truncate(file+".witness", 7)) }, ""},
		{"removed, and the witness too", func(t *testing.T, _, file string) {
			must(t, errors.Join(os.Remove(file), os.Remove(file+".witness")))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, spend(t, dir, 2))
			c.spoil(t, dir, filepath.Join(dir, FileName))
			for range 2 { // it is not forgotten either
				err := spend(t, dir, 1)
				if c.says == "" {
					must(t, err)
					continue
				}
				if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "`tandem cost --reset`") {
					t.Fatalf("%v; want %q and what to do", err, c.says)
				}
			}
			s := New(dir)
			defer s.Close()
			_, changed, err := s.Reset(t.Context())
			if err != nil || changed != (c.says != "") {
				t.Fatalf("reset: %v, %v", changed, err)
			}
			must(t, s.Close())
			must(t, spend(t, dir, 1))
			if err := s.Intact(t.Context()); err != nil {
				t.Errorf("after the reset: %v", err)
			}
		})
	}
}

// A budget lasts a day at most, and so does the witness.
func TestAnOldWitnessCountsNoMore(t *testing.T) {
	w := writer(t)
	b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
	b.now = func() time.Time { return time.Now().Add(-25 * time.Hour) }
	for range 2 {
		_, err := b.Reserve(t.Context(), ledger.Reservation{USD: 0.1})
		must(t, err)
	}
	file := w.Store().Path()
	must(t, errors.Join(w.Store().Close(), os.Remove(file)))
	must(t, spend(t, filepath.Dir(file), 1))
}

// A file that is taken away from under a process keeps no budget.
func TestTheFileIsReplacedWhileOpen(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"removed":  os.Remove,
		"replaced": func(file string) error { return errors.Join(os.Remove(file), os.WriteFile(file, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := writer(t)
			b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
			hold := ledger.Reservation{Provider: "p", Model: "m", USD: 0.1}
			mark, err := b.Reserve(t.Context(), hold)
			must(t, err)
			must(t, spoil(w.Store().Path()))
			if _, err := b.Reserve(t.Context(), hold); err == nil || !strings.Contains(err.Error(), "the file is new") {
				t.Errorf("reserved as if nothing had been spent: %v", err)
			}
			b.Settle(mark, ledger.Entry{Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.1)}})
			if err := spend(t, filepath.Dir(w.Store().Path()), 1); err == nil || !strings.Contains(err.Error(), "the file is new") {
				t.Errorf("the next process: %v", err)
			}
		})
	}
}

// A reservation's number may be another's in a file that has been put in the
// place of the first: that one stays, and what was paid is added.
func TestSettlingWhatIsGone(t *testing.T) {
	w := writer(t)
	b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
	mark, err := b.Reserve(t.Context(), ledger.Reservation{Provider: "p", Model: "m", USD: 0.5})
	must(t, err)
	db, err := w.Store().open(t.Context())
	must(t, err)
	_, err = db.ExecContext(t.Context(), "UPDATE ledger SET pid = pid + 1")
	must(t, err)
	b.Release(mark)
	b.Settle(mark, ledger.Entry{Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.25)}})
	counted, reserved, err := w.Store().Counted(t.Context())
	if err != nil || counted != 0.75 || reserved != 0.5 {
		t.Errorf("$%v counts, $%v of it reserved, %v; want the other's $0.5 and $0.25", counted, reserved, err)
	}
}

// What was paid while there was no budget counts for the next one, and so does
// the witness of it.
func TestWhatIsPaidWithoutABudgetIsWitnessed(t *testing.T) {
	w := writer(t)
	for range 2 {
		NewBook(w, Limits{}).Settle(0, ledger.Entry{Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.1)}})
		w.Flush()
	}
	must(t, errors.Join(w.Store().Close(), os.Truncate(w.Store().Path(), 0)))
	if err := spend(t, filepath.Dir(w.Store().Path()), 1); err == nil || !strings.Contains(err.Error(), "the file is new") {
		t.Errorf("got %v", err)
	}
}
