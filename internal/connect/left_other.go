//go:build !linux

package connect

// EndLeft ends what a program has left behind. Only on Linux is it known which processes
// those are.
func EndLeft(string) {}
