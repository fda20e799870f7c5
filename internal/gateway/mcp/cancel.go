package mcp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// sessionHeader names a client's session. This server keeps none, but for knowing whose
// call a cancellation means: all clients number their calls from 1.
const sessionHeader = "Mcp-Session-Id"

// calls are the calls of tools under way that a client can cancel by a notification, as
// some do that leave the connection open.
type calls struct {
	mu   sync.Mutex
	ends map[string]context.CancelFunc
}

// message is what is read of a request here.
type message struct {
	Method string          `json:"method"`
	ID     json.RawMessage `json:"id"`
	Params struct {
		Request json.RawMessage `json:"requestId"`
	} `json:"params"`
}

// wrap has next serve, with calls that end when their client cancels them.
func (c *calls) wrap(next http.Handler, caller func(context.Context) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil { // next reads it, too, and says what is wrong
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(data), failing{err}))
			next.ServeHTTP(w, r)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(data))
		var m message
		_ = json.Unmarshal(data, &m) // next says what is wrong
		session := r.Header.Get(sessionHeader)
		key := func(id json.RawMessage) string { return caller(r.Context()) + "\x00" + session + "\x00" + string(id) }
		switch {
		case m.Method == "initialize":
			w.Header().Set(sessionHeader, rand.Text())
		case session == "":
		case m.Method == "notifications/cancelled":
			c.cancel(key(m.Params.Request))
		case m.Method == "tools/call" && len(m.ID) > 0:
			ctx, done := c.begin(r.Context(), key(m.ID))
			defer done()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// begin notes a call. Of two with the same key, the second cannot be cancelled.
func (c *calls) begin(ctx context.Context, key string) (context.Context, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ends[key] != nil {
		return ctx, func() {}
	}
	if c.ends == nil {
		c.ends = map[string]context.CancelFunc{}
	}
	ctx, cancel := context.WithCancel(ctx)
	c.ends[key] = cancel
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.ends, key)
	}
}

func (c *calls) cancel(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if end := c.ends[key]; end != nil {
		end()
	}
}

// failing is a body that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
