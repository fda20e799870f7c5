//go:build unix

package engine

import "syscall"

// detached makes the supervisor a session of its own: no terminal's hang-up or
// Ctrl-C reaches it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// grouped gives the server a process group of its own, so that it and its
// runners can be ended together.
func grouped() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func askToStop(p process) { _ = syscall.Kill(-p.PID, syscall.SIGTERM) }

// killGroup ends what is left of the group, unless its id is another process's
// by now.
func killGroup(p process) {
	if birth, err := birthOf(p.PID); err == nil && birth != p.Birth {
		return
	}
	_ = syscall.Kill(-p.PID, syscall.SIGKILL)
}
