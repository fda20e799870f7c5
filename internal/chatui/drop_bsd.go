//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package chatui

import (
	"os"

	"golang.org/x/sys/unix"
)

// DropTyped drops what has been typed at a terminal and not been read.
func DropTyped(f *os.File) error {
	const read = 1 // FREAD: what comes in
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.TIOCFLUSH, read)
}
