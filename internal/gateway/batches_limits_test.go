package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/gatewaytest"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// unreadKeys are keys that cannot be read for a while.
type unreadKeys struct {
	keys
	unread atomic.Bool
	failed atomic.Int32
}

func (k *unreadKeys) Entries() ([]guard.Entry, error) {
	if k.unread.Load() {
		k.failed.Add(1)
		return nil, errors.New("too many open files")
	}
	return k.keys.Entries()
}

// While the keys cannot be read, a batch waits: no request of it fails for that.
func TestBatchWaitsForTheKeys(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	k := &unreadKeys{keys: keys{"sk-a": {Name: "a"}}}
	b := batchingAt(t, gatewaytest.Stack(t, e, "ok"), k)
	text := ""
	for i := range 60 {
		text += requestLine(fmt.Sprint("r", i), "hold", "x")
	}
	made := b.create(text, "")
	for e.Chats("hold") == 0 {
		time.Sleep(time.Millisecond)
	}
	k.unread.Store(true)
	close(e.Release)
	for k.failed.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	k.unread.Store(false)
	if got := b.until(made.ID, "completed", "failed"); got.Status != "completed" || got.Counts.Completed != 60 {
		t.Errorf("%+v", got)
	}
}

// What the creation's X-Tandem-Cache forbids holds for each request.
func TestBatchKeepsTheCacheHeader(t *testing.T) {
	e := gatewaytest.NewEngine(t)
	s := gatewaytest.Open(t, fmt.Sprintf("use: [house]\ncache: on\nproviders:\n- {name: house, kind: openai, base_url: '%s/v1', model: ok, local: true}\n", e.URL))
	b := batchingAt(t, s, keys{"sk-a": {Name: "a"}})
	line := strings.Replace(requestLine("r", "house/echo", "x"), `"model"`, `"temperature":0,"model"`, 1)
	for i, c := range []struct {
		header string
		asked  int
	}{{"no-store", 1}, {"", 2}, {"", 2}, {"no-cache", 3}} {
		var h []string
		if c.header != "" {
			h = []string{"X-Tandem-Cache: " + c.header}
		}
		made := b.create(line, "", h...)
		if got := b.until(made.ID, "completed", "failed"); got.Counts.Completed != 1 {
			t.Fatalf("%d: %+v", i, got)
		}
		if n := e.Chats("echo"); n != c.asked {
			t.Errorf("%d: asked %d times; want %d", i, n, c.asked)
		}
	}
}
