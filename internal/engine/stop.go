package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"
	psprocess "github.com/shirou/gopsutil/v4/process"
)

// Stop ends a server of ours and its runners. Errors: nothing runs, or what
// runs is not provably ours.
func (e *Engine) Stop(ctx context.Context) error {
	st, why, ok := e.ownedServer()
	if !ok {
		if why != "" {
			why = " (" + why + ")"
		}
		if _, err := e.version(ctx); err == nil {
			return fmt.Errorf("the Ollama on %s was not started by tandem%s; stop it the way it was started", e.cfg.Host, why)
		}
		return fmt.Errorf("no Ollama runs on %s%s", e.cfg.Host, why)
	}
	if err := stopTree(ctx, st); err != nil {
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
	if _, _, ok := e.ownedServer(); !ok {
		e.removeState()
	}
}

// grace is how long a server may take to end when asked.
const grace = 10 * time.Second

// stopTree ends a server and its runners: asked first, then made to. The server
// is provably ours: it is a child, or see owned.
func stopTree(ctx context.Context, st state) error {
	askToStop(st.process)
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for st.alive() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			killGroup(st.process)
		case <-tick.C:
		}
	}
	killRunners(st)
	return nil
}

// sweep ends the runners that a server left when it was killed together with
// its supervisor.
func (e *Engine) sweep() {
	if st, err := e.loadState(); err == nil && !st.alive() {
		killRunners(st)
	}
}

// killRunners ends what a server that has ended left behind. Its process id, and
// its group, may be another program's by now: each process is looked at.
func killRunners(st state) {
	if st.Token == "" {
		return
	}
	pids, err := psprocess.Pids()
	if err != nil {
		return
	}
	for _, pid := range pids {
		if !leftBehind(int(pid), st) {
			continue
		}
		if p, err := psprocess.NewProcess(pid); err == nil {
			_ = p.Kill() // it may have ended by itself
		}
	}
}
