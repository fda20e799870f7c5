package cli_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serving is `tandem serve`, and the lines that it says.
type serving struct {
	*process
	socket string
	lines  chan string
	all    strings.Builder
}

func serves(t *testing.T, f *fake, home string, args ...string) *serving {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	cmd := prepared(t, f, home, "dumb", append([]string{"serve", "--listen", "unix:" + socket}, args...)...)
	priced(t, f, home)
	return served(t, cmd, socket)
}

// served starts a command that serves at a socket.
func served(t *testing.T, cmd *exec.Cmd, socket string) *serving {
	t.Helper()
	s := &serving{socket: socket, lines: make(chan string, 100)}
	p := &process{t: t, cmd: cmd}
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = p
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() {
		defer close(s.lines)
		for r := bufio.NewScanner(errs); r.Scan(); {
			s.lines <- r.Text()
		}
	}()
	s.hears("Tandem serves at")
	return s
}

// hears waits for a line, and is it.
func (s *serving) hears(want string) string {
	s.t.Helper()
	late := time.AfterFunc(60*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	for line := range s.lines {
		s.all.WriteString(line + "\n")
		if strings.Contains(line, want) {
			return line
		}
	}
	s.t.Fatalf("it ends without saying %q; it said: %s", want, s.all.String())
	return ""
}

// client connects to its socket.
func (s *serving) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket)
	}, DisableKeepAlives: true}}
}

// gets reads a path of the server of that name, with headers such as "Name: value".
func (s *serving) gets(host, path string, header ...string) (status int, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := s.client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// ends has it end.
func (s *serving) ends() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	s.ended()
}

// ended waits for its end, and fails the test if that is none without a fault.
func (s *serving) ended() {
	s.t.Helper()
	for line := range s.lines {
		s.all.WriteString(line + "\n")
	}
	_ = s.cmd.Wait() // its code is what matters
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("it ends with %d; %s", code, s.all.String())
	}
}

// asks sends a question, and is the status.
func (s *serving) asks(model string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://localhost/v1/chat/completions?secret=canary-query",
		strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"canary-prompt"}]}`))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer canary-key")
	res, err := s.client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// SIGHUP reads the configuration again, and a broken one changes nothing. Each request is
// a line that has nothing of it.
func TestServeReloads(t *testing.T) {
	f, home := newFake(), t.TempDir()
	t.Cleanup(f.Close)
	file := filepath.Join(home, "config.yaml")
	s := serves(t, f, home, "--log-json")
	if status := s.asks("ok/big"); status != http.StatusOK {
		t.Fatalf("%d; %s", status, s.all.String())
	}
	s.hears(`"route":"POST /v1/chat/completions","status":200`)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	change := func(text, heard string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.signal(syscall.SIGHUP)
		s.hears(heard)
	}
	change("use: [nobody\n", "the configuration was not reloaded")
	if status := s.asks("ok/big"); status != http.StatusOK {
		t.Errorf("after a broken configuration: %d", status)
	}
	change(strings.ReplaceAll(string(good), "name: ok,", "name: renamed,"), "the configuration was not reloaded") // use names nobody
	change(strings.ReplaceAll(strings.ReplaceAll(string(good), "name: ok,", "name: renamed,"), "use: ok", "use: renamed"), "reloaded the configuration")
	if status := s.asks("renamed/big"); status != http.StatusOK {
		t.Errorf("the new configuration: %d", status)
	}
	if status := s.asks("ok/big"); status != http.StatusNotFound {
		t.Errorf("what it no longer has: %d", status)
	}
	s.ends()
	if strings.Contains(s.all.String(), "canary") {
		t.Errorf("the log has something of a request: %s", s.all.String())
	}
}

// Under nohup SIGHUP is ignored from the start, so that a closed terminal does not end the
// server. It reads the configuration again all the same, and SIGTERM says what it does.
func TestServeReloadsUnderNohup(t *testing.T) {
	f, home := newFake(), t.TempDir()
	t.Cleanup(f.Close)
	socket := filepath.Join(t.TempDir(), "s")
	program := prepared(t, f, home, "dumb", "serve")
	priced(t, f, home)
	cmd := exec.Command("sh", "-c", `trap "" HUP; exec "$0" "$@"`, program.Path, "serve", "--listen", "unix:"+socket)
	cmd.Env = program.Env
	s := served(t, cmd, socket)
	for range 2 {
		s.signal(syscall.SIGHUP)
		s.hears("reloaded the configuration")
	}
	s.signal(syscall.SIGTERM)
	s.hears("stopping")
	s.ended()
}

// SIGHUP takes new names, origins and chains, too. Another address takes a restart, and is
// said to; names that are none change nothing.
func TestServeReloadsItsOwnSettings(t *testing.T) {
	f, home := newFake(), t.TempDir()
	t.Cleanup(f.Close)
	socket, folder := filepath.Join(t.TempDir(), "s"), filepath.Join(home, "chains")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "one.yaml"), []byte("steps:\n  - {name: one, prompt: 'What of {topic}?'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := prepared(t, f, home, "dumb", "serve")
	priced(t, f, home)
	file := filepath.Join(home, "config.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(gateway string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(string(good)+"gateway: {"+gateway+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("listen: 'unix:" + socket + "'")
	s := served(t, cmd, socket)
	const page = "Origin: https://chat.example.org"
	check := func(when string, host, origin int, chain bool) {
		t.Helper()
		if status, _ := s.gets("tandem.lan", "/healthz"); status != host {
			t.Errorf("%s: another name: %d", when, status)
		}
		if status, _ := s.gets("localhost", "/healthz", page); status != origin {
			t.Errorf("%s: another origin: %d", when, status)
		}
		if _, models := s.gets("localhost", "/v1/models"); strings.Contains(models, "chain:one") != chain {
			t.Errorf("%s: %s", when, models)
		}
	}
	check("at first", http.StatusMisdirectedRequest, http.StatusForbidden, false)
	write("listen: 'unix:" + socket + "', hosts: [tandem.lan], origins: ['https://chat.example.org'], chains: '" + folder + "', queue: 7")
	s.signal(syscall.SIGHUP)
	s.hears("reloaded the configuration")
	check("named", http.StatusOK, http.StatusOK, true)
	write("listen: 'unix:" + socket + "', hosts: ['not a host']")
	s.signal(syscall.SIGHUP)
	s.hears("the configuration was not reloaded")
	check("after a mistake", http.StatusOK, http.StatusOK, true)
	write("listen: '127.0.0.1:1'")
	s.signal(syscall.SIGHUP)
	s.hears("gateway.listen is 127.0.0.1:1 now; that takes a restart")
	check("taken back", http.StatusMisdirectedRequest, http.StatusForbidden, false)
	s.ends()
}
