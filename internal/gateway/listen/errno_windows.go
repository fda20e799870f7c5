package listen

import (
	"errors"

	"golang.org/x/sys/windows"
)

func inUse(err error) bool {
	// With an exclusive use of the port by another, Windows says that it is denied.
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
