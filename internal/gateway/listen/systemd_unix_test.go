//go:build unix

package listen

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// activated is what the child of these tests does.
func activated() {
	all, err := Inherited()
	fmt.Printf("%d %v\n", len(all), err)
	_, fds := os.LookupEnv("LISTEN_FDS")
	_, pid := os.LookupEnv("LISTEN_PID")
	fmt.Printf("left: %v %v\n", fds, pid)
	if _, err := Open(context.Background(), Config{Address: "127.0.0.1:0", Inherited: all}); err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range all {
		c, err := l.Accept()
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Fprint(c, "hello")
		c.Close()
	}
}

// activate runs a child as systemd would, with these sockets, and these variables
// before it: $$ is its process id.
func activate(t *testing.T, variables string, sockets ...*os.File) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "export "+variables+"; exec \"$0\"", exe)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.ExtraFiles = sockets
	cmd.Env = append(os.Environ(), "TANDEM_TEST_ACTIVATED=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

func file(t *testing.T, address string) (*os.File, string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l.Addr().String()
}

func TestSocketsOfSystemd(t *testing.T) {
	f, address := file(t, "127.0.0.1:0")
	cmd, out := activate(t, "LISTEN_PID=$$ LISTEN_FDS=1", f)
	f.Close()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	data := make([]byte, 5)
	if n, err := c.Read(data); err != nil || string(data[:n]) != "hello" {
		t.Errorf("%q, %v", data[:n], err)
	}
	if err := cmd.Wait(); err != nil || out.String() != "1 <nil>\nleft: false false\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWhatSystemdDidNotPass(t *testing.T) {
	exposed, _ := file(t, "0.0.0.0:0")
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	datagrams, err := udp.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	good, _ := file(t, "127.0.0.1:0")
	for _, tc := range []struct {
		name, variables string
		socket          *os.File
		want            string
	}{
		{"another process's", "LISTEN_PID=1 LISTEN_FDS=1", good, "0 <nil>"},
		{"no process's", "LISTEN_FDS=1", good, "0 <nil>"},
		{"no number", "LISTEN_PID=$$ LISTEN_FDS=x", good, `0 LISTEN_FDS says "x"`},
		{"negative", "LISTEN_PID=$$ LISTEN_FDS=-1", good, `0 LISTEN_FDS says "-1"`},
		{"too many", "LISTEN_PID=$$ LISTEN_FDS=100000", good, `0 LISTEN_FDS says "100000"`},
		{"more than there are", "LISTEN_PID=$$ LISTEN_FDS=2", good, "0 systemd passed the file descriptor 4, on which no connection comes in"},
		{"no socket", "LISTEN_PID=$$ LISTEN_FDS=1", plain, "0 systemd passed the file descriptor 3, on which no connection comes in"},
		{"datagrams", "LISTEN_PID=$$ LISTEN_FDS=1", datagrams, "0 systemd passed the file descriptor 3, on which no connection comes in"},
		{"an exposed address", "LISTEN_PID=$$ LISTEN_FDS=1", exposed, "the socket that systemd passed: other machines may reach"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd, out := activate(t, tc.variables, tc.socket)
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), tc.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
