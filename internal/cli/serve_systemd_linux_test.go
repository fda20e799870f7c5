package cli_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// systemd opens the socket before the program runs, hands it over, and hears when it is
// ready and when it stops. What was asked before it ran is answered.
func TestServeUnderSystemd(t *testing.T) {
	f, home := newFake(), t.TempDir()
	t.Cleanup(f.Close)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	passed, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = passed.Close(), l.Close() })
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = told.Close() })
	hears := func(want string) {
		t.Helper()
		_ = told.SetReadDeadline(time.Now().Add(time.Minute))
		data := make([]byte, 4096)
		if n, err := told.Read(data); err != nil || string(data[:n]) != want {
			t.Fatalf("systemd hears %q, %v; want %q", data[:n], err, want)
		}
	}
	early := &serving{process: &process{t: t}, socket: socket}
	asked := make(chan int, 1)
	go func() {
		res, err := early.client().Get("http://localhost/healthz") //nolint:noctx // it ends with the server
		if err != nil {
			asked <- 0
			return
		}
		_ = res.Body.Close()
		asked <- res.StatusCode
	}()
	program := prepared(t, f, home, "dumb", "serve")
	priced(t, f, home)
	cmd := exec.Command("sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`, program.Path, "serve")
	cmd.Env = append(program.Env, "LISTEN_FDS=1", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.ExtraFiles = []*os.File{passed}
	s := served(t, cmd, socket)
	hears("READY=1")
	if status := <-asked; status != http.StatusOK {
		t.Errorf("asked before it ran: %d", status)
	}
	if status := s.asks("ok/big"); status != http.StatusOK {
		t.Errorf("%d; %s", status, s.all.String())
	}
	s.signal(syscall.SIGTERM)
	hears("STOPPING=1")
	s.ended()
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("systemd's socket is gone: %v", err)
	}
}
