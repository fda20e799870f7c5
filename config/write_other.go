//go:build !linux

package config

// newDraftFile makes a file with a name of its own.
func newDraftFile(dir, base string) (*draftFile, error) { return namedDraft(dir, base) }

// link is for files without a name, which there are none of here.
func (*draftFile) link(string) (placed bool, err error) { return false, nil }
