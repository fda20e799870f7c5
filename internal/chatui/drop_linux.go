package chatui

import (
	"os"

	"golang.org/x/sys/unix"
)

// DropTyped drops what has been typed at a terminal and not been read.
func DropTyped(f *os.File) error {
	return unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCIFLUSH)
}
