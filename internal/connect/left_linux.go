package connect

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// EndLeft ends the processes that a program has left behind, such as a daemon of its own:
// those that have that folder, made for one run, as their home.
func EndLeft(home string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil { // another user's, or it has ended
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && pid != os.Getpid() && slices.ContainsFunc(bytes.Split(data, []byte{0}), func(kv []byte) bool { return string(kv) == "HOME="+home }) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
	}
}
