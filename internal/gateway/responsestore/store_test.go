package responsestore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
)

func put(t *testing.T, s *responsestore.Store, id, caller string, size int, at time.Time) {
	t.Helper()
	r := &responsestore.Response{ID: id, Caller: caller, Input: []byte("[]"), Output: []byte("[]"), Object: make([]byte, size), Private: true, Previous: "p", Created: at}
	if err := s.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, s *responsestore.Store, caller, id string) bool {
	t.Helper()
	_, ok, err := s.Get(t.Context(), caller, id)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// A response is kept as it was put, for its caller alone, and by nobody else's eyes.
func TestPutAndGet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := responsestore.New(responsestore.Config{Dir: dir})
	defer s.Close()
	if has(t, s, "", "r") {
		t.Error("there is one before any was put")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a look made a file")
	}
	now := time.Now()
	put(t, s, "r", "alice", 3, now)
	r, ok, err := s.Get(t.Context(), "alice", "r")
	if err != nil || !ok || !r.Private || r.Previous != "p" || string(r.Input) != "[]" || len(r.Object) != 3 || r.Created.Unix() != now.Unix() {
		t.Errorf("%v %v %+v", ok, err, r)
	}
	if has(t, s, "bob", "r") || has(t, s, "", "r") {
		t.Error("another caller's response is told")
	}
	if ok, err := s.Delete(t.Context(), "bob", "r"); ok || err != nil {
		t.Errorf("another caller drops it: %v %v", ok, err)
	}
	if info, err := os.Stat(filepath.Join(dir, responsestore.FileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if ok, err := s.Delete(t.Context(), "alice", "r"); !ok || err != nil || has(t, s, "alice", "r") {
		t.Errorf("it is not dropped: %v %v", ok, err)
	}
}

// Responses end after their time, and the oldest make room.
func TestBounds(t *testing.T) {
	now := time.Now()
	s := responsestore.New(responsestore.Config{Dir: t.TempDir(), Keep: time.Hour, Most: 10_000, Entries: 20, Now: func() time.Time { return now }})
	defer s.Close()
	put(t, s, "old", "", 1, now)
	now = now.Add(2 * time.Hour)
	if has(t, s, "", "old") {
		t.Error("it is told after its time")
	}
	for i := range 25 {
		put(t, s, fmt.Sprint("n", i), "", 1, now)
	}
	if has(t, s, "", "n4") || !has(t, s, "", "n24") || !has(t, s, "", "n5") {
		t.Error("too many are kept, or too few")
	}
	put(t, s, "large", "", 9_996, now)
	if has(t, s, "", "n24") || !has(t, s, "", "large") {
		t.Error("too many bytes are kept, or too few")
	}
	if err := s.Put(t.Context(), &responsestore.Response{ID: "huge", Object: make([]byte, 20_000), Created: now}); err == nil || !has(t, s, "", "large") {
		t.Errorf("one that is too large: %v", err)
	}
}

// A file that was removed meanwhile is made again.
func TestRemoved(t *testing.T) {
	dir := t.TempDir()
	s := responsestore.New(responsestore.Config{Dir: dir})
	defer s.Close()
	put(t, s, "a", "", 1, time.Now())
	for _, end := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(filepath.Join(dir, responsestore.FileName+end))
	}
	if has(t, s, "", "a") {
		t.Error("it is told from a file that is gone")
	}
	put(t, s, "b", "", 1, time.Now())
	if !has(t, s, "", "b") {
		t.Error("nothing is kept")
	}
}

// holds reports whether the file, or one beside it, has a text.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	for _, end := range []string{"", "-wal"} {
		if data, err := os.ReadFile(filepath.Join(dir, responsestore.FileName+end)); err == nil && bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// Nothing of a response is left that was deleted, or whose time is over, whether or not
// another one is stored.
func TestNothingIsLeft(t *testing.T) {
	now, dir := time.Now(), t.TempDir()
	s := responsestore.New(responsestore.Config{Dir: dir, Keep: time.Hour, Now: func() time.Time { return now }})
	defer s.Close()
	long := strings.Repeat("canary ", 3000)
	for id, text := range map[string]string{"short": "canary", "long": long, "kept": "other"} {
		r := &responsestore.Response{ID: id, Input: []byte(text), Output: []byte(text), Object: []byte(text), Created: now}
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if !holds(t, dir, "canary") {
		t.Fatal("this test looks in the wrong place")
	}
	for _, id := range []string{"short", "long"} {
		if ok, err := s.Delete(t.Context(), "", id); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if holds(t, dir, "canary") {
		t.Error("the file has what was deleted")
	}
	if !has(t, s, "", "kept") {
		t.Error("another one is gone, too")
	}
	now = now.Add(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Expire(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); holds(t, dir, "other"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the file has what is over")
		}
	}
	cancel()
	<-done
}

// A turn is a response without what only a client reads.
func TestTurn(t *testing.T) {
	s := responsestore.New(responsestore.Config{Dir: t.TempDir()})
	defer s.Close()
	if _, ok, err := s.Turn(t.Context(), "alice", "r"); ok || err != nil {
		t.Error(ok, err)
	}
	put(t, s, "r", "alice", 9, time.Now())
	r, ok, err := s.Turn(t.Context(), "alice", "r")
	if err != nil || !ok || r.Previous != "p" || !r.Private || string(r.Input) != "[]" || string(r.Output) != "[]" || r.Object != nil {
		t.Errorf("%+v, %v, %v", r, ok, err)
	}
	if _, ok, err := s.Turn(t.Context(), "bob", "r"); ok || err != nil {
		t.Errorf("another caller's: %v, %v", ok, err)
	}
}
