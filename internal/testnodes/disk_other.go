//go:build unix && !linux

package testnodes

// newDisk is a disk that cannot be made full here.
func newDisk(string) disk { return endless{} }

type endless struct{}

func (endless) String() string      { return "none: only Linux has a way" }
func (endless) fill(*process) error { return nil }
func (endless) free(*process) error { return nil }
func (endless) close()              {}
