//go:build unix

package chatui

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// TTY is a terminal whose every key the program gets, Ctrl-C included. Output
// is as ever: a newline begins a line.
type TTY struct {
	f      *os.File
	before *unix.Termios
}

// Raw puts the terminal f into that mode.
func Raw(f *os.File) (*TTY, error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	t := &TTY{f, before}
	return t, t.set()
}

func (t *TTY) set() error {
	raw := *t.before
	raw.Iflag &^= unix.ICRNL | unix.INLCR | unix.IGNCR | unix.IXON
	raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ECHONL | unix.IEXTEN | unix.ISIG
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(t.f.Fd()), setTermios, &raw)
}

// Restore puts the terminal back.
func (t *TTY) Restore() error { return unix.IoctlSetTermios(int(t.f.Fd()), setTermios, t.before) }

// Suspend stops the process as Ctrl-Z does elsewhere, and returns when it goes
// on.
func (t *TTY) Suspend() {
	if t.Restore() != nil {
		return
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, unix.SIGCONT)
	defer signal.Stop(again)
	_ = unix.Kill(0, unix.SIGTSTP) // the shell's job: this process and those it waits for
	select {                       // it stops a moment later, if anybody is there to let it go on
	case <-again:
	case <-time.After(200 * time.Millisecond):
	}
	_ = t.set() // a terminal that is gone shows itself at the next key
}
