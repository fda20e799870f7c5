package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// maxLog is the size at which a log is put aside, in bytes; one old one stays.
const maxLog = 8 << 20

// Supervise runs the server of a host until it has not been used for
// Config.Idle, it ends, or ctx does. If a supervisor lives already, it returns
// at once. It is the body of `tandem engine supervise`, a process of its own.
func Supervise(ctx context.Context, cfg Config) error {
	e := New(cfg)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return err
	}
	l := flock.New(e.path(supervisorLock))
	if free, err := l.TryLock(); err != nil || !free {
		return err
	}
	defer func() { _ = l.Unlock() }()
	if st, ok := e.ours(); ok { // its supervisor was killed: take over
		return e.watch(ctx, st, nil)
	}
	st, ended, err := e.serve()
	if err != nil {
		_ = os.WriteFile(e.path(failedFile), []byte(err.Error()), 0o600)
		return err
	}
	return e.watch(ctx, st, ended)
}

// serve starts `ollama serve`; ended is closed when it ends.
func (e *Engine) serve() (st state, ended chan struct{}, err error) {
	bin, err := FindBinary(e.cfg.Binary)
	if err != nil {
		return state{}, nil, err
	}
	if info, err := os.Stat(e.LogPath()); err == nil && info.Size() > maxLog {
		_ = os.Rename(e.LogPath(), e.LogPath()+".1")
	}
	log, err := os.OpenFile(e.LogPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return state{}, nil, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(bin, "serve") //nolint:gosec // the user's own ollama
	cmd.Env = append(cleanEnv(os.Environ()), "OLLAMA_HOST="+e.cfg.Host)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = grouped()
	if err := cmd.Start(); err != nil {
		return state{}, nil, fmt.Errorf("starting %s: %w", bin, err)
	}
	birth, err := birthOf(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return state{}, nil, e.ended(bin)
	}
	st = state{process: process{PID: cmd.Process.Pid, Birth: birth}, Started: time.Now(), Binary: bin, Idle: e.cfg.Idle}
	if err := e.remember(st); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return state{}, nil, err
	}
	ended = make(chan struct{})
	go func() {
		_ = cmd.Wait() // why it ended stands in its log
		close(ended)
	}()
	return st, ended, nil
}

// ended says what a server that ended before it answered wrote last.
func (e *Engine) ended(bin string) error {
	return fmt.Errorf("%s ended before it answered; its last words: %s; its log is %s", bin, e.lastWords(), e.LogPath())
}

func (e *Engine) lastWords() string {
	data, err := os.ReadFile(e.LogPath())
	if err != nil {
		return "none"
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte{'\n'})
	last := strings.TrimSpace(string(lines[len(lines)-1]))
	if last == "" {
		return "none"
	}
	if len(last) > 300 {
		last = last[:300] + "…"
	}
	return last
}

// watch waits for the server's end, for idleness, or for ctx.
func (e *Engine) watch(ctx context.Context, st state, ended <-chan struct{}) error {
	every := min(max(e.cfg.Idle/10, 100*time.Millisecond), 15*time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	used, cpu, answered := time.Now(), st.cpuSeconds(), ended == nil
	for {
		select {
		case <-ended:
			killGroup(st.process) // a runner must not outlive its server
			e.forget()
			if !answered {
				if _, err := e.version(ctx); err != nil {
					_ = os.WriteFile(e.path(failedFile), []byte(e.ended(st.Binary).Error()), 0o600)
				}
			}
			return nil
		case <-ctx.Done():
			return e.end(st)
		case <-tick.C:
		}
		if ended == nil && !st.alive() {
			killGroup(st.process)
			e.forget()
			return nil
		}
		if !answered {
			_, err := e.version(ctx)
			answered = err == nil
		}
		// Others than tandem may use the server: whoever does keeps it busy.
		if now := st.cpuSeconds(); now-cpu > 0.02*every.Seconds() {
			used, cpu = time.Now(), now
		}
		if t := e.lastTouch(); t.After(used) {
			used = t
		}
		if time.Since(used) >= e.cfg.Idle {
			return e.end(st)
		}
	}
}

func (e *Engine) end(st state) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := stopTree(ctx, st.process)
	e.forget()
	return err
}

// grace is how long a server may take to end when asked.
const grace = 10 * time.Second

// stopTree ends a process and its children: asked first, then made to.
func stopTree(ctx context.Context, p process) error {
	askToStop(p)
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.alive() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			killGroup(p)
		case <-tick.C:
		}
	}
	killGroup(p)
	return nil
}
