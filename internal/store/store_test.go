package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// writer is a Writer into a new store that must come through without failures.
func writer(t *testing.T) *Writer {
	w := NewWriter(New(filepath.Join(t.TempDir(), "tandem")))
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func logOne(t *testing.T, w *Writer, text string) {
	t.Helper()
	l := NewLog(&providertest.Fake{}, LogConfig{Writer: w, Content: true})
	if _, err := provider.Collect(l.Chat(t.Context(), question(text))); err != nil {
		t.Fatal(err)
	}
	w.Flush()
}

func TestTheFileIsTheUsersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes; the user's profile keeps others out")
	}
	w := writer(t)
	if w.Store().Exists() {
		t.Fatal("New made a file")
	}
	logOne(t, w, "a secret")
	dir := filepath.Dir(w.Store().Path())
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", st.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 { // the WAL and its index are there while the file is open
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if st, err := f.Info(); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", f.Name(), st.Mode(), err)
		}
	}
	// A file that others could read is closed to them.
	if err := errors.Join(w.Store().Close(), os.Chmod(w.Store().Path(), 0o644)); err != nil {
		t.Fatal(err)
	}
	logOne(t, w, "another")
	if st, err := os.Stat(w.Store().Path()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("after a write: %v, %v", st.Mode(), err)
	}
}

func TestWritesAreSyncedAndBesideTheFile(t *testing.T) {
	w := writer(t)
	db, err := w.Store().open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": fmt.Sprint(patience.Milliseconds())} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", pragma, got, err, want)
		}
	}
}

// What keeps the file from being used is said with its path and what to do,
// and the answer comes all the same.
func TestAFileThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		says  []string
	}{
		{"not a database", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600))
		}, []string{"is damaged", "move it away, with tandem.db-wal and tandem.db-shm"}},
		{"damaged", func(t *testing.T, path string) {
			w := NewWriter(New(filepath.Dir(path)))
			logOne(t, w, "hi")
			must(t, w.Close())
			data, err := os.ReadFile(path)
			must(t, err)
			for i := 200; i < len(data); i++ {
				data[i] ^= 0x5a
			}
			must(t, os.WriteFile(path, data, 0o600))
		}, []string{"is damaged"}},
		{"of a newer tandem", func(t *testing.T, path string) {
			s := New(filepath.Dir(path))
			db, err := s.open(t.Context())
			must(t, err)
			_, err = db.ExecContext(t.Context(), "PRAGMA user_version = 99")
			must(t, errors.Join(err, s.Close()))
		}, []string{fmt.Sprintf("a newer tandem wrote it (schema 99, this one knows %d)", len(migrations))}},
		{"a directory in its place", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, []string{"is a directory"}},
		{"no directory can be made", func(t *testing.T, path string) {
			must(t, os.Remove(filepath.Dir(path)))
			must(t, os.WriteFile(filepath.Dir(path), nil, 0o600))
		}, []string{"not a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tandem")
			must(t, os.Mkdir(dir, 0o700))
			path := filepath.Join(dir, FileName)
			c.spoil(t, path)
			before, _ := os.ReadFile(path)
			w := NewWriter(New(dir))
			l := NewLog(&providertest.Fake{}, LogConfig{Writer: w, Content: true})
			for range 3 {
				if r, err := provider.Collect(l.Chat(t.Context(), question("hi"))); err != nil || r.Text != "ok" {
					t.Fatalf("the answer was lost: %+v, %v", r, err)
				}
			}
			err := w.Close()
			if err == nil {
				t.Fatal("nobody says that nothing was written")
			}
			for _, text := range append(c.says, path+": ") {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it says %q, without %q", err, text)
				}
			}
			b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
			if mark, err := b.Reserve(t.Context(), ledger.Reservation{USD: 0.1}); err == nil {
				t.Errorf("a budget was kept nowhere: mark %d", mark)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullDisk(t *testing.T) {
	w := NewWriter(New(t.TempDir()))
	db, err := w.Store().open(t.Context())
	must(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA max_page_count = 1") // what is there stays, and nothing is added
	must(t, err)
	l := NewLog(&providertest.Fake{}, LogConfig{Writer: w, Content: true})
	if r, err := provider.Collect(l.Chat(t.Context(), question(strings.Repeat("long ", 10_000)))); err != nil || r.Text != "ok" {
		t.Fatalf("the answer was lost: %+v, %v", r, err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("it says %v", err)
	}
}

func TestIDsAreSortedByTime(t *testing.T) {
	last := ""
	for ms := range int64(2000) {
		id := idAt(time.UnixMilli(1_795_000_000_000 + ms*37))
		if len(id) != 14 || id <= last {
			t.Fatalf("%q comes after %q", id, last)
		}
		last = id
	}
	if a, b := NewID(), NewID(); a == b {
		t.Errorf("%q came twice", a)
	}
}

func TestCacheIsBounded(t *testing.T) {
	w := writer(t)
	s, ctx := w.Store(), t.Context()
	if _, ok, err := s.Get(ctx, []byte("k"), CacheLimits{}); ok || err != nil || s.Exists() {
		t.Fatalf("an empty cache gave %v, %v", ok, err)
	}
	l := CacheLimits{Size: 4000}
	for i := range 10 {
		must(t, s.Put(ctx, []byte{byte(i)}, make([]byte, 999), l))
	}
	must(t, s.Put(ctx, []byte("large"), make([]byte, 1001), l))
	st, err := s.Stats(ctx)
	if err != nil || st.Entries != 4 || st.Bytes != 4000 || st.Oldest.IsZero() {
		t.Errorf("%+v, %v; want the 4 that fit", st, err)
	}
	if v, ok, err := s.Get(ctx, []byte{9}, l); !ok || len(v) != 999 || err != nil {
		t.Errorf("the newest: %d bytes, %v, %v", len(v), ok, err)
	}
	if _, ok, _ := s.Get(ctx, []byte{0}, l); ok {
		t.Error("the oldest is still there")
	}
	if _, ok, _ := s.Get(ctx, []byte{9}, CacheLimits{Age: time.Nanosecond}); ok {
		t.Error("one that is too old was given")
	}
	if n, err := s.Clear(ctx); n != 4 || err != nil {
		t.Errorf("cleared %d, %v", n, err)
	}
}

func TestBudgetPerRun(t *testing.T) {
	w := writer(t)
	b := NewBook(w, Limits{PerRun: provider.Ptr(0.3)})
	reserve := func(run string) error {
		_, err := b.Reserve(t.Context(), ledger.Reservation{Run: run, USD: 0.1})
		return err
	}
	for range 3 {
		must(t, reserve("r1"))
	}
	var over *ledger.Over
	if err := reserve("r1"); !errors.As(err, &over) || over.Budget != "budget.per_run_usd" || over.Left != 0 || over.Need != 0.1 {
		t.Errorf("the fourth: %v", err)
	}
	if err := b.Fits(t.Context(), ledger.Reservation{Run: "r1", USD: 0.1}); !errors.As(err, &over) {
		t.Errorf("it would fit: %v", err)
	}
	for range 9 { // asking whether it fits takes nothing
		must(t, b.Fits(t.Context(), ledger.Reservation{Run: "r2", USD: 0.3}))
	}
	must(t, reserve("r2"))
	for range 4 { // calls on their own are runs of their own
		must(t, reserve(""))
	}
}

// A budget's day begins at midnight, local time, and a reservation that is
// settled or given back makes room.
func TestBudgetPerDay(t *testing.T) {
	w := writer(t)
	b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
	zone := time.FixedZone("", 5*3600+1800)
	now := time.Date(2026, 11, 25, 0, 30, 0, 0, zone)
	b.now = func() time.Time { return now }
	reserve := func(usd float64) (int64, error) {
		return b.Reserve(t.Context(), ledger.Reservation{Provider: "p", Model: "m", USD: usd})
	}
	first, err := reserve(0.9)
	must(t, err)
	if _, err := reserve(0.2); err == nil {
		t.Error("$1.10 fit into $1")
	}
	b.Settle(first, ledger.Entry{Model: "m", Cost: provider.Cost{USD: provider.Ptr(0.1)}})
	second, err := reserve(0.9)
	must(t, err)
	b.Release(second)
	third, err := reserve(0.9)
	must(t, err)
	b.Settle(third, ledger.Entry{Model: "m", AtMost: provider.Ptr(0.9)})
	if _, err := reserve(0.001); err == nil {
		t.Error("what may have been charged does not count")
	}
	now = time.Date(2026, 11, 26, 0, 0, 1, 0, zone)
	if _, err := reserve(1); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

// BenchmarkReserveAndSettle is what a budget costs a call: two transactions
// that reach the disk.
func BenchmarkReserveAndSettle(b *testing.B) {
	w := NewWriter(New(b.TempDir()))
	defer w.Close()
	book := NewBook(w, Limits{PerDay: provider.Ptr(1e6), PerRun: provider.Ptr(1e6)})
	for b.Loop() {
		mark, err := book.Reserve(b.Context(), ledger.Reservation{Run: "r", Provider: "p", Model: "m", USD: 1e-6})
		if err != nil {
			b.Fatal(err)
		}
		book.Settle(mark, ledger.Entry{Model: "m", Cost: provider.Cost{USD: provider.Ptr(1e-6)}})
	}
}

// BenchmarkLog is what the log costs a call before its caller goes on.
func BenchmarkLog(b *testing.B) {
	w := NewWriter(New(b.TempDir()))
	defer w.Close()
	for name, p := range map[string]provider.Provider{
		"bare": &providertest.Fake{}, "logged": NewLog(&providertest.Fake{}, LogConfig{Writer: w, Content: true}),
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if _, err := provider.Collect(p.Chat(b.Context(), question("hello"))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A cached answer is given though its use cannot be noted, because another program writes.
func TestACachedAnswerWaitsForNobody(t *testing.T) {
	w := writer(t)
	s, ctx := w.Store(), t.Context()
	must(t, s.Put(ctx, []byte("k"), []byte("paid"), CacheLimits{}))
	other, err := sql.Open("sqlite", dbfile.Address(s.Path(), time.Second))
	must(t, err)
	defer other.Close()
	if _, err := other.ExecContext(ctx, "UPDATE cache SET used = 0"); err != nil {
		t.Fatal(err)
	}
	tx, err := other.BeginTx(ctx, nil) // it begins with the lock
	must(t, err)
	if v, ok, err := s.Get(ctx, []byte("k"), CacheLimits{}); string(v) != "paid" || !ok || err != nil {
		t.Errorf("%q, %v, %v", v, ok, err)
	}
	must(t, tx.Rollback())
	if _, ok, err := s.Get(ctx, []byte("k"), CacheLimits{}); !ok || err != nil {
		t.Error(ok, err)
	}
	var used int64
	if err := other.QueryRowContext(ctx, "SELECT used FROM cache").Scan(&used); err != nil || used == 0 {
		t.Errorf("the use is not noted when it can be: %d, %v", used, err)
	}
}
