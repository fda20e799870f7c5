package mcp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/internal/redact"
)

// process is a server of ours: a program in a group of its own, so that all
// that it starts can be ended with it.
type process struct {
	cmd    *exec.Cmd
	stdin  *pipeIn
	stdout *os.File
	out    *messages // of stdout
	log    tail
	gone   chan struct{} // closed when it has ended
	how    string        // it ended; after gone
	once   sync.Once
}

// The time that a server has to end: by itself when its standard input is
// closed, and then when it is asked to.
const grace = 400 * time.Millisecond

// start runs a command. Its pipes are our own, for those of package exec close
// as soon as the process ends, with what it last wrote unread.
func start(command, env []string, secrets *redact.Redactor) (*process, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...), gone: make(chan struct{})}
	if p.cmd.Err != nil {
		return nil, cannotRun(command[0], p.cmd.Err)
	}
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, inR.Close(), inW.Close())
	}
	p.log.secrets = secrets
	p.stdin, p.stdout, p.out = &pipeIn{inW}, outR, newMessages(outR)
	p.cmd.Env, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = env, inR, outW, &p.log
	p.cmd.SysProcAttr = grouped()
	p.cmd.WaitDelay = exitGrace // what it started may hold its standard error open
	err = p.cmd.Start()
	_, _ = inR.Close(), outW.Close() // the process has its own
	if err != nil {
		_, _ = inW.Close(), outR.Close()
		return nil, cannotRun(command[0], err)
	}
	go p.wait()
	return p, nil
}

func cannotRun(program string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no such program: %s; install it, or set its full path in `command`", program)
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("the program %s cannot be run: %w", program, err)
}

// wait reaps the process, and ends what it left behind.
func (p *process) wait() {
	err := p.cmd.Wait()
	p.how = p.cmd.ProcessState.String()
	if err != nil && p.how == "" {
		p.how = err.Error()
	}
	killGroup(p.cmd.Process.Pid)
	close(p.gone)
	// Who has left the group may hold the pipe open for ever; what was written
	// is read by then.
	time.AfterFunc(exitGrace, func() { _ = p.stdout.Close() })
}

// waitEnded reports whether it has ended, within d, and how.
func (p *process) waitEnded(d time.Duration) (how string, ended bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.gone:
		return p.how, true
	case <-t.C:
		return "", false
	}
}

// stop ends it: its input ends, then it is asked, then it is killed.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.stdin.Close()
		if _, ended := p.waitEnded(grace); !ended {
			askToStop(p.cmd.Process.Pid)
		}
		if _, ended := p.waitEnded(grace); !ended {
			killGroup(p.cmd.Process.Pid)
		}
		<-p.gone
		_ = p.stdout.Close()
	})
}

// pipeIn is the way to a server's standard input. A server that reads nothing
// does not hold up the writer for ever.
type pipeIn struct{ f *os.File }

// writeWithin is how long a server may take to read a message.
const writeWithin = 10 * time.Second

// Write writes, within writeWithin.
func (w *pipeIn) Write(b []byte) (int, error) {
	_ = w.f.SetWriteDeadline(time.Now().Add(writeWithin)) // not every system's pipes know it
	return w.f.Write(b)
}

// Close ends the server's input.
func (w *pipeIn) Close() error { return w.f.Close() }

var _ io.WriteCloser = (*pipeIn)(nil)
