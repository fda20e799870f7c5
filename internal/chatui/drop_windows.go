package chatui

import (
	"os"

	"golang.org/x/sys/windows"
)

// DropTyped drops what has been typed at a terminal and not been read.
func DropTyped(f *os.File) error { return windows.FlushConsoleInputBuffer(windows.Handle(f.Fd())) }
