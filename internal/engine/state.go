package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	PID   int    `json:"pid"`
	Birth string `json:"birth"` // when it started, see birthOf
}

// alive reports whether it still runs.
func (p process) alive() bool {
	if p.PID <= 0 {
		return false
	}
	birth, err := birthOf(p.PID)
	return err == nil && birth == p.Birth
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
	Exe     string        `json:"exe,omitempty"`   // the program that ran when the server first answered; "": it has not
	Token   string        `json:"token,omitempty"` // in its environment, see tokenVariable
	Idle    time.Duration `json:"idle_ns"`
	// Stopping: the supervisor is about to end it. Who finds this after having
	// noted a use starts anew; who noted the use before is found by the
	// supervisor, which then goes on.
	Stopping bool `json:"stopping,omitempty"`
}

func (e *Engine) path(name string) string { return filepath.Join(e.cfg.Dir, name) }

// maxFile is the most that a file of ours holds, in bytes.
const maxFile = 64 << 10

// read reads a small file of ours. Errors: it is not a regular file of this
// user's, or too large; it never waits for a pipe's other end.
func (e *Engine) read(name string) ([]byte, error) {
	f, err := openOwn(e.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d KiB", e.path(name), maxFile>>10)
	}
	return data, err
}

// write puts a small file of ours in place of what has its name, whatever that is.
func (e *Engine) write(name string, data []byte) error {
	tmp := e.path(name + ".new")
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = joinClose(err, f); err != nil {
		return err
	}
	return os.Rename(tmp, e.path(name))
}

// loadState reads the state, whether its process lives or not.
func (e *Engine) loadState() (state, error) {
	data, err := e.read(stateFile)
	if err != nil {
		return state{}, err
	}
	var st state
	err = json.Unmarshal(data, &st)
	return st, err
}

// ownedServer returns the server of ours that lives, if one does. Without one, why says
// what became of the server that the state file names; "": it names none.
func (e *Engine) ownedServer() (st state, why string, ok bool) {
	st, err := e.loadState()
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, "", false
	}
	if err != nil {
		return state{}, "the state file cannot be used: " + err.Error(), false
	}
	if ok, why := owned(st, e.inspectProcess(st)); !ok {
		return state{}, fmt.Sprintf("process %d in the state file is not ours: %s", st.PID, why), false
	}
	return st, "", true
}

// saveState and forget are for whoever holds the supervisor's lock.
func (e *Engine) saveState(st state) error {
	data, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return e.write(stateFile, data)
}

func (e *Engine) removeState() { _ = os.Remove(e.path(stateFile)) }

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

// supervised reports whether a supervisor lives. The question holds the lock
// for a moment, which is why a supervisor tries more than once.
func (e *Engine) supervised() bool {
	l := flock.New(e.path(supervisorLock))
	defer l.Close()
	free, err := l.TryLock()
	return err == nil && !free
}

// tryLock takes the start lock; unlock is nil while somebody else has it.
func (e *Engine) tryLock() (unlock func(), err error) {
	if err := os.MkdirAll(e.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the engine's state: %w; set XDG_STATE_HOME to one that can be written", err)
	}
	l := flock.New(e.path(startLock))
	held, err := l.TryLock()
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("locking the engine's state: %w; see who owns it, or set XDG_STATE_HOME to another directory", err)
	}
	if !held {
		_ = l.Close()
		return nil, nil
	}
	return func() { _ = l.Close() }, nil
}
