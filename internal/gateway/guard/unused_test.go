package guard

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Only connections on which nothing was sent are closed.
func TestUnusedConnections(t *testing.T) {
	var u unused
	open := func() (ours, theirs net.Conn) {
		ours, theirs = net.Pipe()
		t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
		u.changed(ours, http.StateNew)
		return ours, theirs
	}
	_, fresh := open()
	active, atWork := open()
	u.changed(active, http.StateActive)
	u.closeAll()
	if _, err := fresh.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a connection without a request: %v", err)
	}
	_ = atWork.SetReadDeadline(time.Now())
	if _, err := atWork.Read(make([]byte, 1)); err == io.EOF {
		t.Error("a connection with a request was closed")
	}
}

// A connection on which nothing is sent does not hold up the end of the server.
func TestShutdownClosesUnusedConnections(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := s.dial()
	if res, err := http.Get(s.URL); err != nil { // c was accepted before
		t.Fatal(err)
	} else {
		_ = res.Body.Close()
	}
	asked := time.Now()
	if err := s.Config.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(asked); took >= netHTTPWaits {
		t.Errorf("it took %s", took)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}

// netHTTPWaits is how long net/http waits for a request on such a connection.
const netHTTPWaits = 5 * time.Second
