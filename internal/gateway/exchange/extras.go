package exchange

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"sync"

	"github.com/tandem-llm/tandem/provider"
)

// Providers send more with a tool call than most APIs have a field for, such as Gemini's
// signature of its thoughts, and refuse the next turn without it. Clients keep what their
// API has. So the rest stays here, in memory, for the turn in which the call comes back.
const (
	mostExtras     = 4096     // calls that are remembered
	mostExtraBytes = 16 << 20 // of all of them
	mostExtraSize  = 256 << 10
)

// extras are what came with tool calls. Its zero value is ready.
type extras struct {
	mu    sync.Mutex
	known map[extraKey]sentWith
	order []extraKey // the oldest first
	bytes int
}

// extraKey is the digest of a call, of who asked and in which conversation.
type extraKey [sha256.Size]byte

type sentWith struct {
	from  string // the provider
	extra json.RawMessage
}

func extraKeyOf(caller, session string, c *provider.ToolCall) (key extraKey) {
	h := sha256.New()
	for _, part := range []string{caller, session, c.ID, c.Name, canonical(c.Arguments)} {
		_, _ = io.WriteString(h, part) // it never fails
		_, _ = h.Write([]byte{0})
	}
	h.Sum(key[:0])
	return key
}

// canonical is JSON with the keys in order: clients write arguments again.
func canonical(raw json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(raw)
	}
	out, _ := json.Marshal(v) // it was JSON
	return string(out)
}

// keep remembers what came with the calls of an answer.
func (e *extras) keep(caller, session, from string, calls []provider.ToolCall) {
	for i := range calls {
		c := &calls[i]
		if len(c.Extra) == 0 || len(c.Extra) > mostExtraSize {
			continue
		}
		key := extraKeyOf(caller, session, c)
		e.mu.Lock()
		if e.known == nil {
			e.known = map[extraKey]sentWith{}
		}
		if old, ok := e.known[key]; ok {
			e.bytes -= len(old.extra)
		} else {
			e.order = append(e.order, key)
		}
		e.known[key] = sentWith{from, bytes.Clone(c.Extra)}
		e.bytes += len(c.Extra)
		for len(e.order) > mostExtras || e.bytes > mostExtraBytes {
			e.bytes -= len(e.known[e.order[0]].extra)
			delete(e.known, e.order[0])
			e.order = e.order[1:]
		}
		e.mu.Unlock()
	}
}

// none reports whether nothing is remembered.
func (e *extras) none() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.known) == 0
}

// restore gives the calls of a conversation what came with them. It goes back to the
// provider that sent it, and to no other.
func (e *extras) restore(caller, session string, req *provider.Request) {
	for i := range req.Messages {
		m := &req.Messages[i]
		for j := range m.ToolCalls {
			key := extraKeyOf(caller, session, &m.ToolCalls[j])
			e.mu.Lock()
			sent, ok := e.known[key]
			e.mu.Unlock()
			if ok && (m.From == "" || m.From == sent.from) {
				m.From, m.ToolCalls[j].Extra = sent.from, sent.extra
			}
		}
	}
}
