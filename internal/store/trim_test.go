package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// age logs a call of a run that began that long before now.
func age(w *Writer, now time.Time, run string, ago time.Duration, answer string) {
	c := anyCall(run)
	c.Began, c.Answer = now.Add(-ago), answer
	w.add(record{call: c, run: Run{ID: run, Began: c.Began}})
}

// ids are the runs in the log, the oldest first.
func ids(t *testing.T, s *Store) (out []string) {
	t.Helper()
	runs, err := linesOf(t, s, Filter{})
	must(t, err)
	for i := range runs {
		out = append([]string{runs[i].ID}, out...)
	}
	return out
}

const day = 24 * time.Hour

// Runs older than the bound go with the first record of a process and then once
// an hour. What they cost, conversations, collections and kept answers stay.
func TestOldRunsAreDropped(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w := writer(t)
	w.now = func() time.Time { return now }
	must(t, NewChats(w.store, nil).Put(t.Context(), newChat("kept", now.Add(-300*day)), asks(0, "an old conversation")))
	for i := range 2 * trimCalls {
		age(w, now, fmt.Sprintf("a%03d", i), 100*day, "old")
	}
	age(w, now, "b", 80*day, "newer")
	w.entry(ledger.Entry{Run: "a000", Provider: "p", Model: "m", Began: now.Add(-100 * day), Cost: provider.Cost{USD: provider.Ptr(1.0)}})
	w.Flush()
	if got := ids(t, w.store); len(got) != 2*trimCalls+1 {
		t.Fatalf("without a bound %d runs are left", len(got))
	}
	w.SetKeep(Keep{Age: 90 * day})
	age(w, now, "c", 0, "new")
	waitIdle(w)
	if got := fmt.Sprint(ids(t, w.store)); got != "[b c]" {
		t.Errorf("the log has %s, want [b c]", got)
	}
	now = now.Add(59 * time.Minute)
	age(w, now, "a", 100*day, "old")
	waitIdle(w)
	if got := fmt.Sprint(ids(t, w.store)); got != "[a b c]" {
		t.Errorf("within the hour the log has %s, want [a b c]", got)
	}
	now = now.Add(time.Minute)
	age(w, now, "d", 0, "new")
	waitIdle(w)
	if got := fmt.Sprint(ids(t, w.store)); got != "[b c d]" {
		t.Errorf("an hour later the log has %s, want [b c d]", got)
	}
	if found, err := linesOf(t, w.store, Filter{Words: "old"}); err != nil || len(found) != 0 {
		t.Errorf("what was dropped is found: %+v, %v", found, err)
	}
	if spent, err := w.store.Spent(t.Context(), time.Time{}); err != nil || len(spent) != 1 || spent[0].USD != 1 {
		t.Errorf("spent: %+v, %v", spent, err)
	}
	if c, err := NewChats(w.store, nil).Find(t.Context(), ""); err != nil || len(c.Messages) != 1 {
		t.Errorf("the conversation: %+v, %v", c, err)
	}
}

// waitIdle waits until the writer has nothing to do, without hurrying it as
// Flush does.
func waitIdle(w *Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy {
		w.less.Wait()
	}
}

// Of a log above its size the oldest runs go, no more than it takes, long texts
// among them; the newest call stays whatever its size.
func TestALogAboveItsSize(t *testing.T) {
	const long = 3 * pieceSize
	now := time.Now()
	w := writer(t)
	for i, run := range []string{"c", "a", "d", "b"} { // not written in the order in which they began
		age(w, now, run, time.Duration(10*(i+1))*time.Minute, strings.Repeat("x", long))
	}
	w.Flush()
	size, err := w.store.LogSize(t.Context())
	if err != nil || size < 4*long || size > 4*long*2 {
		t.Fatalf("the log has %d bytes, %v", size, err)
	}
	w.SetKeep(Keep{Size: size * 3 / 4})
	age(w, now, "e", 0, "short")
	waitIdle(w)
	if got := fmt.Sprint(ids(t, w.store)); got != "[a c e]" {
		t.Errorf("the log has %s, want [a c e]: b began first, then d", got)
	}
	now = now.Add(2 * trimEvery)
	w.now = func() time.Time { return now }
	w.SetKeep(Keep{Size: long})
	age(w, now, "f", 0, strings.Repeat("x", long))
	waitIdle(w)
	if got := fmt.Sprint(ids(t, w.store)); got != "[f]" {
		t.Errorf("the log has %s, want [f]", got)
	}
	if n, err := w.store.Forget(t.Context(), now.Add(day)); err != nil || n != 1 {
		t.Errorf("removed %d runs, %v", n, err)
	}
	if size, err := w.store.LogSize(t.Context()); err != nil || size != 0 {
		t.Errorf("an empty log has %d bytes, %v", size, err)
	}
}

// One transaction drops so much, and a process that is about to end one
// transaction's worth; the next process goes on, and other bounds count at once.
func TestTrimmingInPieces(t *testing.T) {
	now := time.Now()
	w := writer(t)
	for i := range 2*trimCalls + 50 {
		age(w, now, fmt.Sprintf("a%03d", i), 100*day, "old")
	}
	w.Flush()
	for i, want := range []int{trimCalls + 51, 52, 3, 4} {
		next := NewWriter(New(strings.TrimSuffix(w.store.Path(), FileName)))
		next.SetKeep(Keep{Age: 90 * day})
		next.giveUp = now.Add(patience) // as if Close were waiting
		age(next, now, fmt.Sprintf("b%d", i), 0, "new")
		must(t, next.Close())
		if got := ids(t, w.store); len(got) != want {
			t.Errorf("process %d leaves %d runs, want %d", i, len(got), want)
		}
	}
	more, err := w.store.trim(t.Context(), Keep{Age: 90 * day}, now.Add(time.Second))
	if more || err != nil {
		t.Errorf("within the hour: %v, %v", more, err)
	}
	if more, err := w.store.trim(t.Context(), Keep{Size: 1}, now); !more || err != nil {
		t.Errorf("other bounds: %v, %v", more, err)
	}
}

// A record that comes while the log is trimmed is written before trimming goes on.
func TestTrimmingLetsRecordsPass(t *testing.T) {
	now := time.Now()
	w := writer(t)
	for i := range 3 * trimCalls {
		age(w, now, fmt.Sprintf("a%03d", i), 100*day, "old")
	}
	w.Flush()
	w.SetKeep(Keep{Age: 90 * day})
	left := -1
	c := anyCall("c")
	c.Began = now
	w.add(record{call: c, run: Run{ID: "c", Began: now}, after: func(context.Context, *Call) {
		w.add(record{call: anyCall("d"), run: Run{ID: "d", Began: now}, after: func(context.Context, *Call) { left = len(ids(t, w.store)) }})
	}})
	waitIdle(w)
	if left != 3*trimCalls+1 {
		t.Errorf("%d runs were left when the record that came later was written", left)
	}
	if got := fmt.Sprint(ids(t, w.store)); got != "[c d]" {
		t.Errorf("the log has %s, want [c d]", got)
	}
}
