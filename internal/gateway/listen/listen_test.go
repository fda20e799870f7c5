package listen

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("TANDEM_TEST_ACTIVATED") != "" {
		activated()
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, cfg Config) []net.Listener {
	t.Helper()
	all, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(all) })
	return all
}

// TestAnExposedAddressNeedsBoth: neither a key nor the flag alone opens an address
// that other machines reach, however it is written.
func TestAnExposedAddressNeedsBoth(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "[::ffff:0.0.0.0]:0", "192.0.2.1:0", "[fe80::1]:0", "[2001:db8::1]:0"} {
		for _, cfg := range []Config{
			{Address: address},
			{Address: address, Exposed: true},
			{Address: address, HasKeys: true},
		} {
			all, err := Open(context.Background(), cfg)
			var exposed *ExposedError
			if !errors.As(err, &exposed) {
				closeAll(all)
				t.Errorf("%+v: opened, %v", cfg, err)
				continue
			}
			if exposed.NoFlag == cfg.Exposed || exposed.NoKeys == cfg.HasKeys {
				t.Errorf("%+v: %+v", cfg, exposed)
			}
		}
	}
	// 0.0.0.0 is the addresses of IPv4, and not [::].
	if all := open(t, Config{Address: "0.0.0.0:0", Exposed: true, HasKeys: true}); !strings.HasPrefix(all[0].Addr().String(), "0.0.0.0:") {
		t.Errorf("0.0.0.0 is %s", all[0].Addr())
	}
}

func TestLoopbackNeedsNothing(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "LOCALHOST.:0", "127.0.0.2:0", "[::1]:0", "[::ffff:127.0.0.1]:0"} {
		all, err := Open(context.Background(), Config{Address: address})
		if err != nil && strings.Contains(address, "::1]") {
			t.Logf("this machine has no IPv6: %v", err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		for _, l := range all {
			if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
				t.Errorf("%s opened %s", address, l.Addr())
			}
			if c, err := net.Dial("tcp", l.Addr().String()); err != nil {
				t.Errorf("%s: %v", address, err)
			} else {
				c.Close()
			}
		}
		if len(all) == 2 && all[0].Addr().(*net.TCPAddr).Port != all[1].Addr().(*net.TCPAddr).Port {
			t.Errorf("%s has two ports: %v, %v", address, all[0].Addr(), all[1].Addr())
		}
		closeAll(all)
	}
}

func TestNoAddress(t *testing.T) {
	for _, address := range []string{"", "11500", "localhost", "localhost:", "localhost:99999", "localhost:-1", "localhost:http", "::1:11500", "http://localhost:11500", "unix"} {
		if _, err := Open(context.Background(), Config{Address: address}); err == nil || !strings.Contains(err.Error(), "is not an address to listen on") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestThePortIsTaken names this process, which holds the port.
func TestThePortIsTaken(t *testing.T) {
	first := open(t, Config{Address: "127.0.0.1:0"})[0]
	_, err := Open(context.Background(), Config{Address: first.Addr().String()})
	var held *TakenError
	if !errors.As(err, &held) {
		t.Fatalf("opened twice: %v", err)
	}
	if held.PID != os.Getpid() || held.Process == "" || !held.Tandem {
		t.Errorf("%+v", held)
	}
	if !strings.HasPrefix(err.Error(), "another tandem (process ") || !strings.HasSuffix(err.Error(), " listens on "+first.Addr().String()+" already") {
		t.Error(err)
	}
	for _, tc := range []struct {
		err  TakenError
		want string
	}{
		{TakenError{Address: "a:1"}, "another program, perhaps of another user, listens on a:1 already"},
		{TakenError{Address: "a:1", PID: 7}, "process 7 listens on a:1 already"},
		{TakenError{Address: "a:1", PID: 7, Process: "ollama"}, "ollama (process 7) listens on a:1 already"},
	} {
		if tc.err.Error() != tc.want {
			t.Errorf("%q, want %q", tc.err.Error(), tc.want)
		}
	}
	if got := printable("evil\x1b]0;x\x07\u202e"); got != "evil?]0;x??" {
		t.Errorf("%q", got)
	}
}

// folder is a short one: the path of a socket has a limit.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestASocketIsTheUsersAlone(t *testing.T) {
	path := filepath.Join(folder(t), "t.sock")
	l := open(t, Config{Address: "unix:" + path})[0]
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if l.Addr().String() != path {
		t.Errorf("its address is %s", l.Addr())
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	_, err = Open(context.Background(), Config{Address: "unix:" + path})
	var held *TakenError
	if !errors.As(err, &held) {
		t.Fatalf("a socket in use was replaced: %v", err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first listener lost its socket: %v", err)
	} else {
		c.Close()
	}
	l.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stayed: %v", err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		if e.Name() != "t.sock.lock" {
			t.Errorf("left %s", e.Name())
		}
	}
}

// TestOnlyAStaleSocketGoes: what a killed process left is replaced, and nothing else.
func TestOnlyAStaleSocketGoes(t *testing.T) {
	path := filepath.Join(folder(t), "t.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	first := open(t, Config{Address: "unix:" + path})[0]
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := open(t, Config{Address: "unix:" + path})[0]
	first.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first listener removed the second's socket: %v", err)
	} else {
		c.Close()
	}
	second.Close()
	target := filepath.Join(filepath.Dir(path), "target")
	for name, make := range map[string]func() error{
		"a file":        func() error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"a folder":      func() error { return os.Mkdir(path, 0o700) },
		"a broken link": func() error { return os.Symlink(target, path) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), Config{Address: "unix:" + path}); err == nil || !strings.Contains(err.Error(), "is not a socket") {
			t.Errorf("%s was replaced: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
	for _, missing := range []string{filepath.Join(path, "no", "t.sock"), "/" + strings.Repeat("x", 200) + "/t.sock"} {
		if _, err := Open(context.Background(), Config{Address: "unix:" + missing}); err == nil {
			t.Errorf("opened %s", missing)
		}
	}
}
