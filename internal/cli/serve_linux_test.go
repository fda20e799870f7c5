package cli_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
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
	s := &serving{socket: filepath.Join(t.TempDir(), "s"), lines: make(chan string, 100)}
	p := &process{t: t, cmd: prepared(t, f, home, "dumb", append([]string{"serve", "--listen", "unix:" + s.socket}, args...)...)}
	priced(t, f, home)
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

// asks sends a question, and is the status.
func (s *serving) asks(model string) int {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket)
	}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://localhost/v1/chat/completions?secret=canary-query",
		strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"canary-prompt"}]}`))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer canary-key")
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// SIGHUP reads the configuration anew, and a broken one changes nothing. Each request is
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
	change("use: [nobody\n", "the configuration is as it was")
	if status := s.asks("ok/big"); status != http.StatusOK {
		t.Errorf("after a broken configuration: %d", status)
	}
	change(strings.ReplaceAll(string(good), "name: ok,", "name: renamed,"), "the configuration is as it was") // use names nobody
	change(strings.ReplaceAll(strings.ReplaceAll(string(good), "name: ok,", "name: renamed,"), "use: ok", "use: renamed"), "read the configuration anew")
	if status := s.asks("renamed/big"); status != http.StatusOK {
		t.Errorf("the new configuration: %d", status)
	}
	if status := s.asks("ok/big"); status != http.StatusNotFound {
		t.Errorf("what it no longer has: %d", status)
	}
	s.signal(syscall.SIGTERM)
	for line := range s.lines {
		s.all.WriteString(line + "\n")
	}
	_ = s.cmd.Wait() // its code is what matters
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ends with %d; %s", code, s.all.String())
	}
	if strings.Contains(s.all.String(), "canary") {
		t.Errorf("the log has something of a request: %s", s.all.String())
	}
}
