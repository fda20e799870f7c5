package stack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tandem-llm/tandem/internal/stacktest"
	"github.com/tandem-llm/tandem/internal/testengine"
)

// In a network namespace of its own this machine has, besides loopback, the
// address `another`, which the program cannot tell from another machine: a
// server, a proxy, a collector and the name server are there, and count what
// comes. Whatever the program links or forgets, it is seen there.
const (
	another     = "192.0.2.10"
	inNamespace = "TANDEM_TEST_NAMESPACE" // set inside: the program to run
)

func TestInANamespaceNothingComesFromOffline(t *testing.T) {
	inANamespace(t, insideTheNamespace, `[1-9][0-9]* commands offline: nothing came.*`)
}

// inANamespace runs the test again in a network namespace, with inside as its
// body, which is given the program. It has to log a line like summary.
func inANamespace(t *testing.T, inside func(t *testing.T, bin string), summary string) {
	t.Helper()
	if bin := os.Getenv(inNamespace); bin != "" {
		inside(t, bin)
		return
	}
	bin := filepath.Join(t.TempDir(), "tandem")
	build := exec.Command("go", "build", "-o", bin, "github.com/tandem-llm/tandem/cmd/tandem")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	var out []byte
	var err error
	for _, flags := range []uintptr{syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS} {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), inNamespace+"="+bin)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if flags&syscall.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		if out, err = cmd.CombinedOutput(); err == nil || cmd.ProcessState != nil {
			break // it ran, whatever came of it
		}
	}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) { // it could not be started
		if os.Geteuid() == 0 && os.Getenv("TANDEM_REQUIRE_ENGINES") == "1" {
			t.Fatalf("no network namespace, although root asked for one: %v", err)
		}
		t.Skipf("this user may make no network namespace here: %v", err)
	}
	said := regexp.MustCompile(summary).Find(out)
	if err != nil || said == nil {
		t.Fatalf("inside the namespace: %v\n%s", err, out)
	}
	t.Logf("%s", said)
}

// elsewhere is what listens at the other address. It counts.
type elsewhereServer struct {
	tcp, dns atomic.Int64
	address  string
}

func insideTheNamespace(t *testing.T, bin string) {
	t.Helper()
	address(t)
	e := listen(t)
	dir := home(t)
	resolv := write(t, filepath.Join(dir, "resolv.conf"), "nameserver "+another+"\noptions timeout:1 attempts:1\n")
	target, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount(resolv, target, "", unix.MS_BIND, "")); err != nil {
		t.Fatalf("a name server of the test's own: %v", err)
	}
	run := func(t *testing.T, env map[string]string, args ...string) (int, string) {
		t.Helper()
		cmd := exec.Command(bin, args...)
		cmd.Env = os.Environ()
		for k, v := range env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	file := worldConfig(t, dir, e.address, "api.example.test", "")
	chainFile := write(t, filepath.Join(dir, "chain.yaml"), stepsElsewhere)

	// The counts count: online, each way leads there.
	came := func(what string, env map[string]string, tcp, dns bool, args ...string) {
		t.Helper()
		_, text := run(t, env, append([]string{"--config", file}, args...)...)
		gotTCP, gotDNS := e.taken()
		if (gotTCP > 0) != tcp || (gotDNS > 0) != dns {
			t.Errorf("online, %s: %d connections and %d queries came, want some: %v, %v; %s", what, gotTCP, gotDNS, tcp, dns, text)
		}
	}
	here := loopbackProxy(t, e)
	collector := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + e.address}
	came("by address", nil, true, false, "ask", "-m", "hosted", secret)
	came("by name", nil, true, true, "ask", "-m", "named", secret)
	came("the collector", collector, true, false, "ask", secret)
	came("a proxy elsewhere", map[string]string{"HTTP_PROXY": "http://" + e.address}, true, false, "ask", "-m", "near", secret)
	came("a proxy here", map[string]string{"HTTP_PROXY": here}, true, false, "ask", "-m", "near", secret)
	came("--local-only", nil, false, false, "--local-only", "ask", "-m", "hosted", secret)
	came("--local-only, with a proxy here", map[string]string{"HTTP_PROXY": here}, false, false, "--local-only", "ask", "-m", "hosted", secret)

	var ways []map[string]string
	for _, proxy := range []string{"", "http://" + e.address, "http://proxy.example.test:3128", here} {
		ways = append(ways, map[string]string{"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy})
	}
	commands := 0
	for _, way := range ways {
		walk(t, func(t *testing.T, env map[string]string, args ...string) (int, string) {
			for k, v := range way {
				if v != "" {
					env = with(env, k, v)
				}
			}
			commands++
			return run(t, env, args...)
		}, file, offlineJourneys(chainFile, e.address), func(t *testing.T) {
			if tcp, dns := e.taken(); tcp != 0 || dns != 0 {
				t.Errorf("%d connections and %d queries came", tcp, dns)
			}
		})
	}
	t.Run("an Ollama that tandem starts", func(t *testing.T) {
		engine := testengine.Ollama(t)
		engine.NeedBin(t)
		t.Setenv("OLLAMA_MODELS", engine.ModelsDir)
		t.Setenv("OLLAMA_NOPRUNE", "1")
		file := write(t, filepath.Join(dir, "managed.yaml"), fmt.Sprintf(
			"use: local\nproviders:\n  - {name: local, host: \"%s\", model: \"%s\", binary: \"%s\"}\n", stacktest.Nobody(t), engine.Model, engine.Bin))
		defer run(t, nil, "--config", file, "engine", "stop")
		code, text := run(t, nil, "--config", file, "--offline", "ask", "--max-tokens", "64", "--stop", ".", "Say hi.")
		if code != 0 && code != 9 { // the model may have more to say
			t.Errorf("code %d: %s", code, text)
		}
		if tcp, dns := e.taken(); tcp != 0 || dns != 0 {
			t.Errorf("%d connections and %d queries came", tcp, dns)
		}
	})
	t.Logf("%d commands offline: nothing came to %s", commands, another)
}

func with(env map[string]string, k, v string) map[string]string {
	out := map[string]string{k: v}
	for k, v := range env {
		out[k] = v
	}
	return out
}

// address brings loopback up and gives it the other address.
func address(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for name, ip := range map[string]string{"lo": "", "lo:1": another} {
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			t.Fatal(err)
		}
		if ip != "" {
			err = errors.Join(ifr.SetInet4Addr(net.ParseIP(ip).To4()), unix.IoctlIfreq(fd, unix.SIOCSIFADDR, ifr))
		}
		if err == nil {
			ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
			err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
		}
		if err != nil {
			t.Fatalf("setting up %s: %v", name, err)
		}
	}
}

// listen starts an HTTP server and a name server at the other address.
func listen(t *testing.T) *elsewhereServer {
	t.Helper()
	e := &elsewhereServer{}
	l, err := net.Listen("tcp4", another+":0")
	if err != nil {
		t.Fatal(err)
	}
	e.address = l.Addr().String()
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"model":"big","choices":[{"index":0,"delta":{"content":"from there"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
	})}
	go func() { _ = s.Serve(counting{l, &e.tcp}) }()
	t.Cleanup(func() { s.Close() })
	udp, err := net.ListenPacket("udp4", another+":53")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			e.dns.Add(1)
			_, _ = udp.WriteTo(answerA(buf[:n]), from)
		}
	}()
	t.Cleanup(func() { udp.Close() })
	tcp, err := net.Listen("tcp4", another+":53")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			e.dns.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { tcp.Close() })
	return e
}

func (e *elsewhereServer) taken() (tcp, dns int64) { return e.tcp.Swap(0), e.dns.Swap(0) }

// counting counts what is accepted.
type counting struct {
	net.Listener
	n *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// answerA answers a query of one question: A is the other address, anything
// else has none.
func answerA(q []byte) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	if end > len(q) {
		return nil
	}
	a := bytes.Clone(q[:end])
	a[2], a[3] = 0x81, 0x80
	copy(a[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	if q[end-3] == 1 { // type A
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		a = append(a, net.ParseIP(another).To4()...)
	}
	return a
}

// loopbackProxy is a proxy on loopback that passes all on to the other
// address. It is the way out that an address check of the first hop misses.
func loopbackProxy(t *testing.T, e *elsewhereServer) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var client http.Client
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(context.Background(), r.Method, "http://"+e.address+r.URL.Path, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		_, _ = io.Copy(w, resp.Body)
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); client.CloseIdleConnections() })
	return "http://" + l.Addr().String()
}
