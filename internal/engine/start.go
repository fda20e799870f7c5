package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/childenv"
	"github.com/tandem-llm/tandem/internal/httpx"
)

// Ensure returns when a server answers on the host, and starts one if nothing
// listens there. Any number of processes may call it at once: one starts, the
// others wait for it. progress, if not nil, is told what is being waited for.
// Errors: something else is in the server's place, there is no program to
// start, or it does not come up: with its last words.
func (e *Engine) Ensure(ctx context.Context, progress func(string)) error {
	if done, err := e.answers(ctx); done {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.cfg.StartTimeout, errStartTimeout)
	defer cancel()
	for {
		unlock, err := e.tryLock()
		if err != nil {
			return err
		}
		if unlock != nil {
			defer unlock()
			return e.start(ctx, progress)
		}
		if err := e.pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if done, err := e.answers(ctx); done {
			return e.startTimeoutError(ctx, err)
		}
	}
}

// answers reports whether there is nothing to start: a server answers, or
// something else is in its place.
func (e *Engine) answers(ctx context.Context) (bool, error) {
	_, before := e.loadState()
	_, err := e.version(ctx)
	switch {
	case err == nil:
		stopping := e.KeepAlive()
		if _, after := e.loadState(); before == nil && errors.Is(after, fs.ErrNotExist) {
			return false, nil // it was ours, and has ended since
		}
		return !stopping, nil
	case ctx.Err() != nil:
		return true, ctx.Err()
	case errors.Is(err, errNotOllama):
		return true, &takenError{e.cfg.Host, "is not Ollama"}
	case httpx.Refused(err):
		return false, nil
	}
	if _, _, ours := e.ownedServer(); ours || e.supervised() || !e.occupied(ctx) {
		return false, nil
	}
	// A server that was ending may have failed the question, and its successor
	// may listen by now: only who fails it again is another program.
	if _, err := e.version(ctx); err == nil || httpx.Refused(err) {
		return err == nil && !e.KeepAlive(), nil
	}
	return true, &takenError{e.cfg.Host, "does not answer as Ollama does"}
}

// ErrTaken is under the error of a host where another program listens.
var ErrTaken = errors.New("the host is in use")

type takenError struct{ host, why string }

func (e *takenError) Error() string {
	return fmt.Sprintf("%s is used by a program that %s; stop it, or set another `host`", e.host, e.why)
}

// Is reports whether target is ErrTaken.
func (e *takenError) Is(target error) bool { return target == ErrTaken }

var errStartTimeout = errors.New("Ollama did not answer")

// maxSpawns is how many supervisors one start tries, where they end without a
// word: killed, or broken.
const maxSpawns = 3

// start starts the server and waits until it answers. The caller holds the
// start lock.
func (e *Engine) start(ctx context.Context, progress func(string)) error {
	defer e.restartSupervisorLocked() // the supervisor of a server that answers may have been killed
	if done, err := e.answers(ctx); done {
		return e.startTimeoutError(ctx, err)
	}
	bin, err := FindBinary(e.cfg.Binary)
	switch {
	case errors.Is(err, ErrNoBinary):
		return fmt.Errorf("nothing listens on %s, and %w", e.cfg.Host, err)
	case err != nil:
		return err
	}
	if progress != nil {
		progress(fmt.Sprintf("starting Ollama on %s; log in %s", e.cfg.Host, e.LogPath()))
	}
	e.touch()
	var spawned <-chan struct{} // the end of the supervisor that this call started
	for tries := 0; ; {
		// A supervisor may be running and still not help: it may be stopping the
		// server that it had. So it is looked for until the server answers. And
		// only the failure of one's own is this start's failure.
		over := spawned != nil && isClosed(spawned)
		if why, err := e.read(failedFile); over && err == nil {
			return errors.New(strings.TrimSpace(string(why)))
		}
		if (spawned == nil || over) && !e.supervised() {
			if tries++; tries > maxSpawns {
				return fmt.Errorf("the process that should start Ollama on %s exited %d times without an error; see %s", e.cfg.Host, maxSpawns, e.LogPath())
			}
			_ = os.Remove(e.path(failedFile))
			if spawned, err = e.spawn(bin); err != nil {
				return fmt.Errorf("starting the engine's supervisor: %w", err)
			}
		}
		if err := e.pause(ctx, 25*time.Millisecond); err != nil {
			return err
		}
		if done, err := e.answers(ctx); done {
			if err == nil {
				e.awaitState(ctx)
			}
			return e.startTimeoutError(ctx, err)
		}
	}
}

// awaitState waits until the supervisor has noted which program answers, so that
// a stop right after a start knows it. It gives up after a second.
func (e *Engine) awaitState(ctx context.Context) {
	for deadline := time.Now().Add(lockTimeout); time.Now().Before(deadline) && e.supervised(); {
		if st, _, ok := e.ownedServer(); ok && st.Exe != "" || e.pause(ctx, 10*time.Millisecond) != nil {
			return
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// pause waits for d, or for ctx, whose error it then returns in plain words.
func (e *Engine) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return e.startTimeoutError(ctx, ctx.Err())
	case <-t.C:
		return nil
	}
}

// startTimeoutError is err, unless ctx ended because the start took too long.
func (e *Engine) startTimeoutError(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStartTimeout) {
		return fmt.Errorf("%w within %s; log: %s", errStartTimeout, e.cfg.StartTimeout, e.LogPath())
	}
	return err
}

// restartSupervisor gives a server of ours whose supervisor was killed a new one.
func (e *Engine) restartSupervisor() {
	unlock, err := e.tryLock()
	if err != nil || unlock == nil {
		return // whoever has the lock sees to it
	}
	defer unlock()
	e.restartSupervisorLocked()
}

// restartSupervisorLocked is rewatch for a caller that holds the start lock. It waits
// until the supervisor watches, so that a busy caller does not start a hundred.
func (e *Engine) restartSupervisorLocked() {
	st, _, ok := e.ownedServer()
	if !ok || e.supervised() {
		return
	}
	ended, err := e.spawn(st.Binary)
	if err != nil {
		return // the server works unwatched too
	}
	for deadline := time.Now().Add(lockTimeout); time.Now().Before(deadline) && !isClosed(ended) && !e.supervised(); {
		time.Sleep(5 * time.Millisecond)
	}
}

// spawn starts a supervisor that outlives this process and holds none of its
// files. ended is closed when it ends while this process lives.
func (e *Engine) spawn(bin string) (ended <-chan struct{}, err error) {
	argv := e.cfg.Supervisor
	if len(argv) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		argv = []string{self, "engine", "supervise"}
	}
	// It works in another directory than this process.
	dir, err := filepath.Abs(e.cfg.Dir)
	if err != nil {
		return nil, err
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	argv = append(argv[:len(argv):len(argv)],
		"--host", e.cfg.Host, "--dir", dir, "--idle", e.cfg.Idle.String(), "--binary", bin)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(childenv.Engine(os.Environ()), e.cfg.Env...)
	cmd.Dir = dir
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it says in its files what there is to say
		close(gone)
	}()
	return gone, nil
}
