package guard

import (
	"net"
	"net/http"
	"sync"
)

// unused are the connections on which nothing has been sent yet, such as those that
// browsers open in advance. [http.Server.Shutdown] would wait 5 seconds for a request.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// changed is a [http.Server.ConnState].
func (u *unused) changed(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.conns == nil {
		u.conns = map[net.Conn]struct{}{}
	}
	u.conns[c] = struct{}{}
}

// closeAll closes them. The server notes that each is gone.
func (u *unused) closeAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nothing was sent, so nothing is lost
	}
}
