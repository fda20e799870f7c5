package chatui

import (
	"os"

	"golang.org/x/term"
)

// TTY is a terminal whose every key the program gets, Ctrl-C included.
type TTY struct {
	f      *os.File
	before *term.State
}

// Raw puts the terminal f into that mode.
func Raw(f *os.File) (*TTY, error) {
	before, err := term.MakeRaw(int(f.Fd()))
	return &TTY{f, before}, err
}

// Restore puts the terminal back.
func (t *TTY) Restore() error { return term.Restore(int(t.f.Fd()), t.before) }

// Suspend does nothing: Windows knows no such thing.
func (t *TTY) Suspend() {}
