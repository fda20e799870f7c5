package guard

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// Caller is who asks, and what of the server's settings is narrower for it. It never
// allows what the configuration does not.
type Caller struct {
	Name string // of its key; empty: no key exists, and none is needed
	// Use are the only targets that may answer; nil: any.
	Use []string
	// Privacy is PrivacyLocal: nothing leaves this machine; empty: as configured.
	Privacy string
	// BudgetUSD is what its calls may cost in a day; nil: as configured.
	BudgetUSD *float64
	// Rate is how many requests it may make in any minute; 0: no limit.
	Rate int
	// Pull lets it download models.
	Pull bool
	// Operator lets it see and cancel the calls of other keys.
	Operator bool
}

// PrivacyLocal keeps the calls of a caller on this machine.
const PrivacyLocal = "local"

// Entry is a key, which is nowhere in it, and its caller.
type Entry struct {
	Hash   [sha256.Size]byte // SHA-256 of the key
	Caller Caller
}

// Keys are the keys that exist. An error means that this is not known: then nobody
// may ask. It is asked for each request, by many at once.
type Keys interface {
	Entries() ([]Entry, error)
}

type callerKey struct{}

// CallerOf returns who makes the request of this context. The zero Caller is somebody
// on this machine, where no key is needed.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// WithCaller returns a context whose work is on behalf of a caller, such as what
// outlives the request that asked for it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// credentials are the headers that no handler sees.
var credentials = [...]string{"Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "Cookie"}

// checkKey finds out who asks. Once a key exists, every request needs one. On an
// address that other machines reach, every request needs one always, also after the
// last key was removed.
func (g *Guard) checkKey(x *request) *Refusal {
	if g.isPublic(x) || isPreflight(x.Request) {
		return nil
	}
	var entries []Entry
	if g.cfg.Keys != nil {
		var err error
		if entries, err = g.cfg.Keys.Entries(); err != nil {
			refusal := refusef(http.StatusServiceUnavailable, CodeKeysUnreadable, "the keys of this server cannot be read, so nobody may ask; see its log")
			refusal.Err = err
			return refusal
		}
	}
	if len(entries) == 0 && !g.isExposed(x.Request) {
		return nil // any key that was sent is a placeholder
	}
	sent := sentKeys(x.Header)
	var found []Caller
	for _, key := range sent {
		if e := find(entries, key); e != nil {
			found = append(found, e.Caller)
		}
	}
	switch {
	case len(sent) == 0:
		return refusef(http.StatusUnauthorized, CodeNoKey, "this server needs a key: send it as `Authorization: Bearer KEY` or `x-api-key: KEY`")
	case len(found) == 0:
		return refusef(http.StatusUnauthorized, CodeWrongKey, "the key is not one of this server's; it may have been removed")
	}
	for _, c := range found[1:] {
		if c.Name != found[0].Name {
			return refusef(http.StatusUnauthorized, CodeWrongKey, "the request has the keys of two callers; send one")
		}
	}
	x.caller = found[0]
	return nil
}

// find compares the key with every entry, in a time that does not depend on it.
func find(entries []Entry, key string) *Entry {
	hash := sha256.Sum256([]byte(key))
	found := -1
	for i := range entries {
		if subtle.ConstantTimeCompare(hash[:], entries[i].Hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return nil
	}
	return &entries[found]
}

// maxSentKeys is how many keys of a request are looked at.
const maxSentKeys = 4

// sentKeys are the keys that a request has, in the headers of the three APIs' clients.
func sentKeys(h http.Header) (keys []string) {
	for _, value := range h["Authorization"] {
		if scheme, key, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "bearer") {
			keys = append(keys, strings.TrimSpace(key))
		}
	}
	keys = append(append(keys, h["X-Api-Key"]...), h["Api-Key"]...)
	sent := keys[:0]
	for _, key := range keys {
		if key != "" && len(sent) < maxSentKeys {
			sent = append(sent, key)
		}
	}
	return sent
}

// isExposed reports whether the request came over an address that other machines can
// reach, or nobody knows over which.
func (g *Guard) isExposed(r *http.Request) bool {
	switch addr := g.localAddr(r).(type) {
	case *net.TCPAddr:
		return !addr.IP.IsLoopback()
	case *net.UnixAddr:
		return false
	}
	return true
}

// localAddr is the address that the request's connection reached.
func (g *Guard) localAddr(r *http.Request) net.Addr {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr != nil {
		return addr
	}
	return g.cfg.Addr
}
