package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockTimeout is how long a new supervisor tries to get its lock, which
// somebody's question holds for a moment now and then.
const lockTimeout = time.Second

// Supervise runs the server of a host until it has not been used for
// Config.Idle, it ends, or ctx does. If a supervisor lives already, it returns
// without an error. It is the body of `tandem engine supervise`, a process of
// its own.
func Supervise(ctx context.Context, cfg Config) error {
	e := New(cfg)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return err
	}
	l := flock.New(e.path(supervisorLock))
	defer l.Close()
	patience, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	if _, err := l.TryLockContext(patience, 5*time.Millisecond); err != nil {
		if patience.Err() != nil {
			return ctx.Err() // another supervisor lives
		}
		return err
	}
	if st, _, ok := e.ownedServer(); ok { // its supervisor was killed: take over
		st.Idle, st.Stopping = e.cfg.Idle, false
		if err := e.saveState(st); err != nil {
			return err
		}
		return e.watchServer(ctx, server{state: st, answered: true})
	}
	e.sweep()
	srv, err := e.startServer()
	if err != nil {
		e.writeFailure(err)
		return err
	}
	return e.watchServer(ctx, srv)
}

// writeFailure tells those who wait why there will be no server.
func (e *Engine) writeFailure(why error) {
	_ = e.write(failedFile, []byte(why.Error())) // they then wait in vain
}

// server is the process that is watched.
type server struct {
	state
	ended    <-chan struct{} // closed when it ends; nil: not a child of ours
	logFrom  int64           // where its output begins in the log
	answered bool            // it has answered
}

// startServer starts `ollama serve`. Its process id is on disk before it runs.
func (e *Engine) startServer() (server, error) {
	bin, err := FindBinary(e.cfg.Binary)
	if err != nil {
		return server{}, err
	}
	log, from, err := e.openLog()
	if err != nil {
		return server{}, err
	}
	defer log.Close()
	cmd, gate, err := gated(bin)
	if err != nil {
		return server{}, err
	}
	token := newToken()
	cmd.Env = append(os.Environ(), "OLLAMA_HOST="+e.cfg.Host, tokenVariable+"="+token) // as spawn made it: little, and what the configuration adds
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = grouped()
	if err := cmd.Start(); err != nil {
		return server{}, fmt.Errorf("starting %s: %w", bin, err)
	}
	giveUp := func(err error) (server, error) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return server{}, err
	}
	srv := server{state: state{process: process{PID: cmd.Process.Pid}, Started: time.Now(), Binary: bin, Idle: e.cfg.Idle, Token: token}, logFrom: from}
	if srv.Birth, err = birthOf(srv.PID); err != nil {
		return giveUp(e.endedError(srv))
	}
	if err := e.saveState(srv.state); err != nil {
		return giveUp(fmt.Errorf("saving the engine's state: %w", err))
	}
	if gate != nil {
		_, err := gate.Write([]byte("\n"))
		if err = joinClose(err, gate); err != nil {
			return giveUp(e.endedError(srv))
		}
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its log says why it ended
		close(ended)
	}()
	srv.ended = ended
	return srv, nil
}

// endedError says what a server that exited before it answered wrote last.
func (e *Engine) endedError(s server) error {
	return fmt.Errorf("%s exited before it answered; last log lines: %s; log: %s", s.Binary, e.lastWords(s.logFrom), e.LogPath())
}

// watchServer waits for the server's end, for idleness, or for ctx.
func (e *Engine) watchServer(ctx context.Context, s server) error {
	if s.ended == nil {
		polled, cancel := context.WithCancel(ctx)
		defer cancel()
		s.ended = pollEnd(polled, s.process)
	}
	every := min(max(e.cfg.Idle/10, 100*time.Millisecond), 15*time.Second)
	tick := time.NewTicker(50 * time.Millisecond) // until it answers
	defer tick.Stop()
	if s.answered {
		tick.Reset(every)
	}
	// Touches are told apart, not compared with the clock: it may be set.
	used, touched, cpu := time.Now(), e.lastTouch(), s.cpuSeconds()
	for {
		select {
		case <-s.ended:
			if ctx.Err() != nil {
				return e.stopServer(s)
			}
			return e.cleanUp(ctx, s)
		case <-ctx.Done():
			return e.stopServer(s)
		case <-tick.C:
		}
		if !s.answered {
			if s.answered = e.confirmAnswering(ctx, &s); s.answered {
				tick.Reset(every)
			}
		}
		e.rotate()
		// Others than tandem may use the server: whoever does keeps it busy.
		now := s.cpuSeconds()
		if now-cpu > 0.02*every.Seconds() {
			used = time.Now()
		}
		cpu = now
		if t := e.lastTouch(); !t.Equal(touched) {
			used, touched = time.Now(), t
		}
		if time.Since(used) < e.cfg.Idle {
			continue
		}
		s.Stopping = true
		if err := e.saveState(s.state); err != nil || e.lastTouch().Equal(touched) {
			return errors.Join(err, e.stopServer(s))
		}
		s.Stopping = false // it was used in the last moment
		_ = e.saveState(s.state)
	}
}

// confirmAnswering reports whether a child of ours answers, and notes which program that is:
// a start may lead over a shell or a wrapper.
func (e *Engine) confirmAnswering(ctx context.Context, s *server) bool {
	if _, err := e.version(ctx); err != nil || !s.alive() {
		return false
	}
	s.Exe = exeOf(s.PID)
	return e.saveState(s.state) == nil
}

// pollEnd returns a channel that is closed when p has ended, or ctx.
func pollEnd(ctx context.Context, p process) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for p.alive() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return ended
}

// cleanUp tidies up after a server that has ended by itself.
func (e *Engine) cleanUp(ctx context.Context, s server) error {
	killRunners(s.state) // they must not outlive their server
	e.removeState()
	if s.answered {
		return nil
	}
	if _, err := e.version(ctx); err != nil { // else another was faster
		e.writeFailure(e.endedError(s))
	}
	return nil
}

// stopServer stops the server.
func (e *Engine) stopServer(s server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*grace)
	defer cancel()
	if err := stopTree(ctx, s.state); err != nil {
		return err
	}
	e.removeState()
	return nil
}
