package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	psprocess "github.com/shirou/gopsutil/v4/process"
)

// Stop ends a server of ours and its runners. Errors: nothing runs, or what
// runs is not ours.
func (e *Engine) Stop(ctx context.Context) error {
	st, ok := e.ours()
	if !ok {
		if _, err := e.version(ctx); err == nil {
			return fmt.Errorf("the Ollama on %s was not started by tandem; stop it the way it was started", e.cfg.Host)
		}
		return fmt.Errorf("no Ollama runs on %s", e.cfg.Host)
	}
	if err := stopTree(ctx, st.process); err != nil {
		return fmt.Errorf("stopping Ollama (process %d): %w", st.PID, err)
	}
	e.settle(ctx)
	return nil
}

// settle waits until the supervisor of a server that was stopped is gone too,
// and tidies up where there was none. It gives up after a second: a start then
// waits for it instead.
func (e *Engine) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	l := flock.New(e.path(supervisorLock))
	defer l.Close()
	if held, err := l.TryLockContext(ctx, 10*time.Millisecond); err != nil || !held {
		return
	}
	if _, ok := e.ours(); !ok {
		e.forget()
	}
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

// sweep ends the runners that a server left when it was killed together with
// its supervisor. Nobody was there to see it end, so that its process id and
// its group may be another program's by now: a process counts as a runner only
// if it is the server's own program, or is called as Ollama's runners are.
func (e *Engine) sweep() {
	st, err := e.recall()
	if err != nil || st.PID <= 0 || st.alive() {
		return
	}
	pids, err := psprocess.Pids()
	if err != nil {
		return
	}
	for _, pid := range pids {
		if !belongs(int(pid), st.process) {
			continue
		}
		if p, err := psprocess.NewProcess(pid); err == nil && isRunner(p, st.Binary) {
			_ = p.Kill() // it may have ended by itself
		}
	}
}

func isRunner(p *psprocess.Process, binary string) bool {
	exe, err := p.Exe()
	if err != nil {
		return false
	}
	if own, err := filepath.EvalSymlinks(binary); err == nil && own == exe {
		return true
	}
	name := strings.ToLower(filepath.Base(exe))
	return strings.HasPrefix(name, "ollama") || strings.HasPrefix(name, "llama-server")
}
