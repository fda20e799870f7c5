package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	psprocess "github.com/shirou/gopsutil/v4/process"
)

// The files of a host's engine, in Config.Dir.
const (
	stateFile      = "state.json"      // which process serves
	usedFile       = "used"            // its modification time is the last use
	failedFile     = "failed"          // why the last start failed
	startLock      = "start.lock"      // held while starting
	supervisorLock = "supervisor.lock" // held by the supervisor as long as it lives
)

// process is a process that cannot be mistaken for a later one with its id.
type process struct {
	PID   int   `json:"pid"`
	Birth int64 `json:"birth_ms"` // start time, ms since 1970, as the system tells it
}

// alive reports whether it still runs.
func (p process) alive() bool {
	if p.PID <= 0 {
		return false
	}
	birth, err := birthOf(p.PID)
	return err == nil && birth == p.Birth
}

func birthOf(pid int) (int64, error) {
	pr, err := psprocess.NewProcess(int32(pid)) //nolint:gosec // a process id fits
	if err != nil {
		return 0, err
	}
	if s, err := pr.Status(); err == nil && len(s) > 0 && s[0] == psprocess.Zombie {
		return 0, os.ErrProcessDone
	}
	return pr.CreateTime()
}

// cpuSeconds is the processor time that p and its children have used.
func (p process) cpuSeconds() float64 {
	pr, err := psprocess.NewProcess(int32(p.PID)) //nolint:gosec // a process id fits
	if err != nil {
		return 0
	}
	total := 0.0
	all := []*psprocess.Process{pr}
	if children, err := pr.Children(); err == nil {
		all = append(all, children...)
	}
	for _, c := range all {
		if t, err := c.Times(); err == nil {
			total += t.User + t.System
		}
	}
	return total
}

type state struct {
	process
	Started time.Time     `json:"started"`
	Binary  string        `json:"binary"`
	Idle    time.Duration `json:"idle_ns"`
}

func (e *Engine) path(name string) string { return filepath.Join(e.cfg.Dir, name) }

// ours returns the server of ours that lives, if one does.
func (e *Engine) ours() (state, bool) {
	data, err := os.ReadFile(e.path(stateFile))
	if err != nil {
		return state{}, false
	}
	var st state
	if json.Unmarshal(data, &st) != nil || !st.alive() {
		return state{}, false
	}
	return st, true
}

func (e *Engine) remember(st state) error {
	data, err := json.Marshal(st)
	if err != nil {
		return err
	}
	tmp := e.path(stateFile + ".new")
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, e.path(stateFile))
}

func (e *Engine) forget() { _ = os.Remove(e.path(stateFile)) }

// touch notes a use.
func (e *Engine) touch() {
	now := time.Now()
	if os.Chtimes(e.path(usedFile), now, now) != nil {
		_ = os.WriteFile(e.path(usedFile), nil, 0o600)
	}
}

func (e *Engine) lastTouch() time.Time {
	st, err := os.Stat(e.path(usedFile))
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// supervised reports whether a supervisor lives.
func (e *Engine) supervised() bool {
	l := flock.New(e.path(supervisorLock))
	free, err := l.TryLock()
	if err != nil {
		return false
	}
	if free {
		_ = l.Unlock() // it was only a question
	}
	return !free
}

// lock takes the start lock, waiting for whoever starts now.
func (e *Engine) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(e.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the engine's state: %w", err)
	}
	l := flock.New(e.path(startLock))
	if _, err := l.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("locking %s: %w", e.path(startLock), err)
	}
	return func() { _ = l.Unlock() }, nil
}
