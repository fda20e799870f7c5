package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// What is held counts for every process until it is let go, and twice under no key.
func TestHolds(t *testing.T) {
	dir := t.TempDir()
	book := func() *Book {
		w := NewWriter(New(dir))
		t.Cleanup(func() { _ = w.Close() })
		return NewBook(w, Limits{PerRun: provider.Ptr(3.0)})
	}
	hold := func(key string, usd float64) error {
		return book().Hold(t.Context(), ledger.Reservation{Run: "r", Provider: "paid", USD: usd}, key)
	}
	var over *ledger.Over
	for _, tc := range []struct {
		key  string
		usd  float64
		left float64 // of a refusal; -1: there is none
	}{{"a", 2, -1}, {"a", 2, -1}, {"b", 2, 1}, {"b", 1, -1}, {"c", 0.5, 0}} {
		switch err := hold(tc.key, tc.usd); {
		case tc.left < 0 && err != nil:
			t.Fatalf("%s: %v", tc.key, err)
		case tc.left >= 0 && (!errors.As(err, &over) || over.Left != tc.left):
			t.Fatalf("%s: %v", tc.key, err)
		}
	}
	if err := book().LetGo(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if err := hold("c", 0.5); !errors.As(err, &over) {
		t.Fatalf("another run let it go: %v", err)
	}
	if err := book().LetGo(t.Context(), "r", "b"); err != nil {
		t.Fatal(err)
	}
	if err := hold("c", 2); err != nil {
		t.Errorf("a is let go: %v", err)
	}
	if err := hold("d", 0.5); !errors.As(err, &over) || over.Left != 0 {
		t.Errorf("b and c are held: %v", err)
	}
}

// What calls cost is written before what was held for them is let go, also where the
// writer has much to do: in between, another process would have had both.
func TestLetGoAfterTheCosts(t *testing.T) {
	dir := t.TempDir()
	book := func() *Book {
		w := NewWriter(New(dir))
		t.Cleanup(func() { _ = w.Close() })
		return NewBook(w, Limits{PerRun: provider.Ptr(3.0)})
	}
	b, h := book(), ledger.Reservation{Run: "r", Provider: "paid", USD: 2}
	if err := b.Hold(t.Context(), h, "a"); err != nil {
		t.Fatal(err)
	}
	busy := make(chan struct{})
	b.w.add(record{call: &Call{}, after: func(context.Context, *Call) {
		close(busy)
		time.Sleep(300 * time.Millisecond)
	}})
	<-busy
	b.Settle(0, ledger.Entry{Run: "r", Provider: "paid", Model: "m", Began: time.Now(), Cost: provider.Cost{USD: provider.Ptr(2.0)}})
	if err := b.LetGo(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	var over *ledger.Over
	if err := book().Hold(t.Context(), h, "b"); !errors.As(err, &over) || over.Left != 1 {
		t.Errorf("got %v", err)
	}
}
