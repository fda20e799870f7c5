package engine

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// birthOf says when a process started: the boot, and the clock tick since. The
// time of day would not do: it is set, and what the system tells as a start
// time moves with it. Errors: there is no such process, or it has ended.
func birthOf(pid int) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name, in brackets, may hold anything; the state follows it.
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	const state, start = 0, 19
	if len(f) <= start || f[state] == "Z" || f[state] == "X" {
		return "", os.ErrProcessDone
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it, ticks alone must do
	return strings.TrimSpace(string(boot)) + "/" + f[start], nil
}
