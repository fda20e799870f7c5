package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"golang.org/x/term"
)

// Signals returns a context for [Main] that ends at the first Ctrl-C, SIGTERM or
// SIGHUP: what was asked is written down then, and Main returns 128 and the
// signal's number. A Ctrl-C after that ends the process at once, whatever it
// waits for; a closed terminal may send SIGHUP and SIGTERM several times, which
// does not. A SIGHUP that was ignored from the start, as nohup does, stays so,
// unless it asks a command for a reload.
//
// Writing to a closed pipe becomes an error and no longer ends the process.
func Signals(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &signals{}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		s.terminal, _ = term.GetState(fd) // without it, it is left as it is
	}
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	came, pipes, gone := make(chan os.Signal, 8), make(chan os.Signal, 1), make(chan struct{})
	s.came = came
	signal.Notify(came, ends...)
	signal.Notify(pipes, syscall.SIGPIPE)
	go func() {
		for {
			select {
			case sig := <-came:
				if sig == syscall.SIGHUP && s.reload() {
					continue
				}
				if s.ending.Swap(true) && sig == os.Interrupt {
					s.quit()
				}
				cancel(&interruption{sig})
			case <-pipes: // the write fails
			case <-gone:
				return
			}
		}
	}()
	return context.WithValue(ctx, signalsKey{}, s), func() {
		signal.Stop(came)
		signal.Stop(pipes)
		close(gone)
		cancel(context.Canceled)
	}
}

type signalsKey struct{}

// signals is what has come of them. Nil: no one watches.
type signals struct {
	came     chan<- os.Signal
	terminal *term.State // as it was at the start; nil: it is none
	ending   atomic.Bool // the user wants the end
	reloads  atomic.Pointer[chan struct{}]
}

// takeReloads returns a channel that has something once a SIGHUP has asked for a reload,
// in place of the end, also where it was ignored from the start: nohup keeps a closed
// terminal from ending the process, and a reload does not. At a terminal there is none:
// SIGHUP says that it was closed.
func (s *signals) takeReloads() <-chan struct{} {
	if s == nil || s.terminal != nil || term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	asked := make(chan struct{}, 1)
	s.reloads.Store(&asked)
	signal.Notify(s.came, syscall.SIGHUP)
	return asked
}

// reload asks for a reload, or reports that nobody takes it.
func (s *signals) reload() bool {
	asked := s.reloads.Load()
	if asked == nil {
		return false
	}
	select {
	case *asked <- struct{}{}:
	default: // one is asked for already
	}
	return true
}

func signalsOf(ctx context.Context) *signals {
	s, _ := ctx.Value(signalsKey{}).(*signals)
	return s
}

// markEnding notes that the user wants to end: the next Ctrl-C is the second one.
func (s *signals) markEnding() {
	if s != nil {
		s.ending.Store(true)
	}
}

// quit ends the process now.
func (s *signals) quit() {
	if s == nil {
		return
	}
	if s.terminal != nil {
		_ = term.Restore(int(os.Stdin.Fd()), s.terminal)
	}
	os.Exit(exitInterrupted)
}

// interruption is a signal that ended the command.
type interruption struct{ sig os.Signal }

// Error names the signal, unless it is Ctrl-C.
func (i *interruption) Error() string {
	switch i.sig {
	case syscall.SIGTERM:
		return "ended by SIGTERM"
	case syscall.SIGHUP:
		return "ended by SIGHUP: the terminal was closed"
	}
	return "interrupted"
}

// Unwrap makes it the end of a context.
func (i *interruption) Unwrap() error { return context.Canceled }

// ExitCode is the one that shells use.
func (i *interruption) ExitCode() int {
	if n, ok := i.sig.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return exitInterrupted
}

// interrupted is err, or the signal behind it.
func interrupted(ctx context.Context, err error) error {
	var i *interruption
	if err != nil && errors.As(context.Cause(ctx), &i) && errors.Is(err, context.Canceled) {
		return i
	}
	return err
}

// unread reports whether err is that nobody reads standard output any more.
func unread(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Path == os.Stdout.Name() && errors.Is(err, syscall.EPIPE)
}
