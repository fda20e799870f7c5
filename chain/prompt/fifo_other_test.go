//go:build !unix

package prompt

import "os"

// mkfifo makes a folder where there are no pipes: it is not a regular file either.
func mkfifo(path string) error { return os.Mkdir(path, 0o700) }
