//go:build !linux

package files

import "io/fs"

// NewDraft makes a file with a name of its own, for the place of the file base in dir.
// It has the mode that the process's umask leaves.
func NewDraft(dir, base string, mode fs.FileMode) (*Draft, error) { return named(dir, base, mode) }

// link is for files without a name, which there are none of here.
func (*Draft) link(string) (placed bool, err error) { return false, nil }
