//go:build !linux

package engine

import (
	"os"
	"strconv"

	psprocess "github.com/shirou/gopsutil/v4/process"
)

// birthOf says when a process started, as the system keeps it. Errors: there
// is no such process, or it has ended.
func birthOf(pid int) (string, error) {
	p, err := psprocess.NewProcess(int32(pid)) //nolint:gosec // a process id fits
	if err != nil {
		return "", err
	}
	if s, err := p.Status(); err == nil && len(s) > 0 && s[0] == psprocess.Zombie {
		return "", os.ErrProcessDone
	}
	at, err := p.CreateTime()
	return strconv.FormatInt(at, 10), err
}
