package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Ensure returns when a server answers on the host, and starts one if nothing
// listens there. Any number of processes may call it at once: one starts, the
// others wait for it. progress, if not nil, is told what is being waited for.
func (e *Engine) Ensure(ctx context.Context, progress func(string)) error {
	if done, err := e.answers(ctx); done {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.cfg.StartTimeout, errSlow)
	defer cancel()
	unlock, err := e.lock(ctx)
	if err != nil {
		return e.waited(ctx, err)
	}
	defer unlock()
	if done, err := e.answers(ctx); done {
		return err
	}
	if _, err := FindBinary(e.cfg.Binary); err != nil {
		return err
	}
	if progress != nil {
		progress(fmt.Sprintf("starting Ollama on %s; log in %s", e.cfg.Host, e.LogPath()))
	}
	_ = os.Remove(e.path(failedFile))
	e.touch()
	if !e.supervised() {
		if err := e.spawn(); err != nil {
			return fmt.Errorf("starting the engine's supervisor: %w", err)
		}
	}
	return e.await(ctx)
}

// answers reports whether there is nothing to start: a server answers, or
// something else is in its place.
func (e *Engine) answers(ctx context.Context) (bool, error) {
	_, err := e.version(ctx)
	switch {
	case err == nil:
		e.Keep()
		return true, nil
	case ctx.Err() != nil:
		return true, ctx.Err()
	case errors.Is(err, errNotOllama):
		return true, fmt.Errorf("%s is taken by a program that is not Ollama; stop it, or set another `host`", e.cfg.Host)
	}
	if _, ours := e.ours(); !ours && e.occupied() {
		return true, fmt.Errorf("%s is taken by a program that does not answer; stop it, or set another `host`", e.cfg.Host)
	}
	return false, nil
}

var errSlow = errors.New("Ollama did not answer in time")

// await waits until the server answers or its start has failed.
func (e *Engine) await(ctx context.Context) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := e.version(ctx); err == nil {
			return nil
		}
		if why, err := os.ReadFile(e.path(failedFile)); err == nil {
			return errors.New(strings.TrimSpace(string(why)))
		}
		select {
		case <-ctx.Done():
			return e.waited(ctx, ctx.Err())
		case <-tick.C:
		}
	}
}

func (e *Engine) waited(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSlow) {
		return fmt.Errorf("%w within %s; its log is %s", errSlow, e.cfg.StartTimeout, e.LogPath())
	}
	return err
}

// spawn starts a supervisor that outlives this process and holds none of its
// files.
func (e *Engine) spawn() error {
	argv := e.cfg.Supervisor
	if len(argv) == 0 {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		argv = []string{self, "engine", "supervise"}
	}
	argv = append(argv[:len(argv):len(argv)],
		"--host", e.cfg.Host, "--dir", e.cfg.Dir, "--idle", e.cfg.Idle.String(), "--binary", e.cfg.Binary)
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec // our own program
	cmd.Env = append(cleanEnv(os.Environ()), e.cfg.Env...)
	cmd.Dir = e.cfg.Dir
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// cleanEnv is env without secrets: a model server needs nobody's API keys.
func cleanEnv(env []string) []string {
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		upper := strings.ToUpper(name)
		secret := false
		for _, end := range []string{"_API_KEY", "_APIKEY", "_TOKEN", "_SECRET", "_PASSWORD", "_ACCESS_KEY"} {
			secret = secret || strings.HasSuffix(upper, end)
		}
		if !secret {
			out = append(out, kv)
		}
	}
	return out
}
