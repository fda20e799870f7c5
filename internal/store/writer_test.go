package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-llm/tandem/internal/dbfile"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

func add(w *Writer, run string) {
	w.add(record{call: anyCall(run), run: Run{ID: run}})
}

// A process that runs for days goes on writing, into the file that others find,
// when the file was removed, moved away or replaced, and loses no record.
func TestTheLogFollowsItsFile(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"removed":       os.Remove,
		"removed whole": func(file string) error { return os.RemoveAll(filepath.Dir(file)) },
		"moved away":    func(file string) error { return os.Rename(file, file+".old") },
		"moved with its parts": func(file string) error {
			return errors.Join(os.Rename(file, file+".old"), os.Rename(file+"-wal", file+".old-wal"), os.Rename(file+"-shm", file+".old-shm"))
		},
		"replaced": func(file string) error { return errors.Join(os.Remove(file), os.WriteFile(file, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := writer(t)
			add(w, "a")
			w.Flush()
			must(t, spoil(w.store.Path()))
			add(w, "b")
			w.entry(ledger.Entry{Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.5)}})
			w.Flush()
			other := New(filepath.Dir(w.store.Path()))
			defer other.Close()
			if got := fmt.Sprint(ids(t, other)); got != "[b]" {
				t.Errorf("another process finds %s, want [b]", got)
			}
			if spent, err := other.Spent(t.Context(), Midnight()); err != nil || len(spent) != 1 || spent[0].USD != 0.5 {
				t.Errorf("spent: %+v, %v", spent, err)
			}
			var found string
			db, err := other.open(t.Context())
			must(t, err)
			if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&found); err != nil || found != "ok" {
				t.Errorf("the new file: %s, %v", found, err)
			}
		})
	}
}

// What a call cost is written again if the file is removed during that write.
func TestTheFileIsRemovedDuringAWrite(t *testing.T) {
	w := writer(t)
	b := NewBook(w, Limits{PerDay: provider.Ptr(1.0)})
	mark, err := b.Reserve(t.Context(), ledger.Reservation{Provider: "p", Model: "m", USD: 0.5})
	must(t, err)
	removed := false
	b.now = func() time.Time { // it is asked within the transaction
		if !removed {
			removed = true
			must(t, os.Remove(w.store.Path()))
		}
		return time.Now()
	}
	b.Settle(mark, ledger.Entry{Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.25)}})
	other := New(filepath.Dir(w.store.Path()))
	defer other.Close()
	if spent, err := other.Spent(t.Context(), Midnight()); err != nil || len(spent) != 1 || spent[0].USD != 0.25 {
		t.Errorf("spent: %+v, %v", spent, err)
	}
}

// Nobody waits longer than a second for a writer that makes no progress, and
// once that is known nobody waits at all; the records come without their texts.
func TestAStalledWriterHoldsNobodyUp(t *testing.T) {
	w := NewWriter(New(t.TempDir()))
	stall := make(chan struct{})
	w.add(record{call: anyCall("000"), run: Run{ID: "000"}, size: maxQueued, after: func(context.Context, *Call) { <-stall }})
	began := time.Now()
	for i := range 50 {
		w.add(record{call: anyCall(fmt.Sprintf("%03d", i+1)), run: Run{ID: fmt.Sprintf("%03d", i+1)}, size: 1000})
	}
	if took := time.Since(began); took > 10*room {
		t.Errorf("50 calls waited %s for the log", took)
	}
	close(stall)
	err := w.Close()
	var lost *Lost
	if !errors.As(err, &lost) || lost.Texts != 50 || lost.Calls != 0 {
		t.Errorf("the writer says %v", err)
	}
	if got := ids(t, w.store); len(got) != 51 {
		t.Errorf("%d runs are in the log, want 51", len(got))
	}
	must(t, w.store.Close())
}

// What waits is bounded, costs included, while the file stays locked.
func TestWhatWaitsIsBounded(t *testing.T) {
	w := NewWriter(New(t.TempDir()))
	w.busy = true // nothing is written
	for range maxCosts + 10 {
		w.entry(ledger.Entry{})
	}
	add(w, "a")
	if len(w.queue) != maxCosts {
		t.Errorf("%d records wait, want %d", len(w.queue), maxCosts)
	}
	if lost := w.losses.rest(); lost.Costs != 10 || lost.Calls != 1 {
		t.Errorf("it says %+v", lost)
	}
}

// An engine that does not tell on what an answer was made holds the log up for
// seconds in all, not for each call.
func TestCompletingABatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var records []record
		for i := range 200 {
			records = append(records, record{call: anyCall(fmt.Sprint(i)), run: Run{ID: fmt.Sprint(i)}, after: func(ctx context.Context, _ *Call) { <-ctx.Done() }})
		}
		s := New(t.TempDir())
		b := batchOf(s, records)
		b.write(t.Context())
		if took := time.Since(began); took > completeAll+completeOne {
			t.Errorf("it took %s", took)
		}
		if got := ids(t, s); len(got) != 200 || b.lost.Err != nil {
			t.Errorf("%d runs are in the log, %v", len(got), b.lost.Err)
		}
		must(t, s.Close())
	})
}

// A process that runs for days is told what is lost: once a kind, soon, and
// again after an hour if there is more. Close tells the rest.
func TestALossIsToldOnceAKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(New(t.TempDir()))
		var mu sync.Mutex
		var told []string
		w.Warn = func(l *Lost) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, l.Error())
		}
		full := errors.New("the disk is full")
		lose := func(n int, err error) {
			for range n {
				w.mu.Lock()
				w.lose(Lost{Calls: 1, Err: err})
				w.mu.Unlock()
			}
		}
		expect := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if strings.Join(told, "|") != strings.Join(want, "|") {
				t.Errorf("%s: it was told %q, want %q", when, told, want)
			}
			told = nil
		}
		lose(3, full)
		time.Sleep(warnAfter / 2)
		lose(2, errNoRoom)
		lose(1, full)
		expect("at first")
		time.Sleep(warnAfter)
		expect("soon", "the disk is full; 4 calls are not in the log", "the log cannot keep up; 2 calls are not in the log")
		lose(5, full)
		time.Sleep(warnEvery / 2)
		expect("within the hour")
		lose(5, full)
		time.Sleep(warnEvery)
		expect("an hour later", "the disk is full; 10 calls are not in the log")
		time.Sleep(100 * warnEvery)
		expect("without more")
		lose(1, full)
		time.Sleep(2 * warnAfter)
		expect("days later", "the disk is full; 1 call is not in the log")
		lose(7, full)
		if err := w.Close(); err == nil || err.Error() != "the disk is full; 7 calls are not in the log" {
			t.Errorf("Close says %v", err)
		}
		time.Sleep(2 * warnEvery)
		expect("after Close")
	})
}

// What SQLite keeps beside the file does not grow with what is written.
func TestTheWALIsBounded(t *testing.T) {
	w := writer(t)
	most := int64(0)
	for i := range 60 {
		c := anyCall(fmt.Sprintf("%02d", i))
		c.Answer = strings.Repeat("word ", 1<<18)
		w.add(record{call: c, run: Run{ID: c.RunID}})
		w.Flush()
		st, err := os.Stat(w.store.Path() + "-wal")
		must(t, err)
		most = max(most, st.Size())
	}
	if most > 4*dbfile.MaxWAL {
		t.Errorf("it grew to %d MiB", most>>20)
	}
}

// Close waits for a warning that is being told, and none comes after it, whatever
// is lost then.
func TestNoWarningComesAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(New(t.TempDir()))
		told, closed := 0, false
		w.Warn = func(*Lost) {
			time.Sleep(time.Hour) // a terminal that is stopped
			if told++; closed {
				t.Error("it was told after Close")
			}
		}
		w.failed(errNoRoom)
		time.Sleep(warnAfter + time.Second) // it is being told
		w.failed(errReplaced)
		var lost *Lost
		if err := w.Close(); !errors.As(err, &lost) || lost.Costs != 1 || told != 1 {
			t.Errorf("%v, and %d warnings; want one cost each", err, told)
		}
		closed = true
		w.failed(errReplaced)
		w.failed(errNoRoom)
		time.Sleep(3 * time.Hour)
		if err := w.Close(); !errors.As(err, &lost) || lost.Costs != 2 {
			t.Errorf("what is lost later: %v", err)
		}
	})
}

// What is logged under load is written together, the first of it at once: each
// transaction is synced to the disk.
func TestRecordsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(New(t.TempDir()))
		const runs = 50
		began := time.Now()
		for i := range runs {
			add(w, fmt.Sprintf("%03d", i))
			w.entry(ledger.Entry{Provider: "p", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(0.5)}})
			time.Sleep(10 * time.Millisecond)
		}
		took := time.Since(began)
		time.Sleep(gather)
		synctest.Wait()
		if n, most := w.done, 2+2*int(took/gather+1); n > most || w.count > 0 {
			t.Errorf("%d transactions in %s, want %d at most; %d records wait", n, took, most, w.count)
		}
		time.Sleep(gather)
		add(w, "last")
		synctest.Wait()
		if w.count > 0 {
			t.Error("a record that comes after a pause waits")
		}
		add(w, "end")
		now := time.Now()
		must(t, w.Close())
		if time.Since(now) > 0 {
			t.Errorf("Close waited %s", time.Since(now))
		}
		if got := ids(t, w.store); len(got) != runs+2 {
			t.Errorf("%d runs are in the log, want %d", len(got), runs+2)
		}
		if spent, err := w.store.Spent(t.Context(), began); err != nil || len(spent) != 1 || spent[0].USD != runs*0.5 {
			t.Errorf("spent: %+v, %v", spent, err)
		}
		must(t, w.store.Close())
	})
}
