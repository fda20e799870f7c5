//go:build unix

package mcp

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// alive reports whether a process is there, and is not one that has ended and
// waits for its parent.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
