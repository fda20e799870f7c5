//go:build unix

package testnodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// home is a user's home directory, with a configuration, and a project in it.
type home struct {
	program, dir, project string
}

// newHome makes a home whose provider is an engine, asked in the name of a node.
func newHome(program, dir, node string, e *Engine) (*home, error) {
	h := &home{program: program, dir: dir, project: filepath.Join(dir, "project")}
	config := fmt.Sprintf("use: s\nretries: 0\nlog: off\nproviders:\n  - {name: s, kind: openai, base_url: \"%s/%s/v1\", model: m, api_key: env:TANDEM_TESTNODES_KEY, price: {input: 1000, output: 20000}}\n", e.URL, node)
	return h, errors.Join(h.write("project/c.yaml", "prompt: '{what}'\n"), h.write(".config/tandem/config.yaml", config))
}

func (h *home) write(name, text string) error {
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// state is a file below the state directory.
func (h *home) state(name string) string {
	return filepath.Join(h.dir, ".local/state/tandem", name)
}

func (h *home) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.program, args...) //nolint:gosec // the built tandem
	cmd.Dir = h.project
	cmd.Env = []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + h.dir, "TANDEM_KEYRING=file", "TANDEM_TESTNODES_KEY=sk-none"}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs tandem to its end.
func (h *home) run(ctx context.Context, stdin string, args ...string) (stdout string, err error) {
	cmd := h.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("tandem %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// process is a tandem that goes on until it is ended.
type process struct {
	cmd   *exec.Cmd
	said  *said
	ended chan struct{}
}

// said is what a process has written, which is read while it writes.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start starts tandem, which goes on.
func (h *home) start(args ...string) (*process, error) {
	p := &process{cmd: h.command(context.Background(), args...), said: &said{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // its state says how it ended
		close(p.ended)
	}()
	return p, nil
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// end ends it with a signal, also where it stands still, and waits for that.
func (p *process) end(s syscall.Signal) {
	p.signal(s)
	p.signal(syscall.SIGCONT)
	<-p.ended
}

// says waits until it has said something.
func (p *process) says(ctx context.Context, text string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(p.said.String(), text) {
		select {
		case <-p.ended:
			return fmt.Errorf("it ended before it said %q: exit code %d, %s", text, p.cmd.ProcessState.ExitCode(), p.said)
		case <-ctx.Done():
			return fmt.Errorf("it does not say %q: %w: %s", text, ctx.Err(), p.said)
		case <-tick.C:
		}
	}
	return nil
}
