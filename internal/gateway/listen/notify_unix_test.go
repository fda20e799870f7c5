//go:build unix

package listen

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// systemd is told, and no child finds its socket.
func TestNotifier(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	notify := Notifier()
	if _, there := os.LookupEnv("NOTIFY_SOCKET"); there {
		t.Error("children find the variable")
	}
	notify("READY=1")
	buf := make([]byte, 64)
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	Notifier()("READY=1") // nobody is told
}
