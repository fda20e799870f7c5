//go:build unix

package engine

import (
	"io"
	"os/exec"
	"syscall"
)

// detached makes the supervisor a session of its own: no terminal's hang-up or
// Ctrl-C reaches it.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// grouped gives the server a process group of its own, so that it and its
// runners can be ended together.
func grouped() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// gated is the command for `bin serve` that waits, as a shell under the process
// id that the server will have, until a line comes: by then the id is on disk.
// A supervisor that is killed before that leaves nothing behind, for the shell
// then reads the end and ends.
func gated(bin string) (cmd *exec.Cmd, gate io.WriteCloser, err error) {
	const shell = "/bin/sh"
	if _, missing := exec.LookPath(shell); missing != nil {
		return exec.Command(bin, "serve"), nil, nil //nolint:nilerr // it then starts without a gate
	}
	cmd = exec.Command(shell, "-c", `read -r go && exec "$0" serve </dev/null`, bin)
	gate, err = cmd.StdinPipe()
	return cmd, gate, err
}

func askToStop(p process) { _ = syscall.Kill(-p.PID, syscall.SIGTERM) }

// killGroup ends what is left of the group, unless its id is another process's
// by now.
func killGroup(p process) {
	if birth, err := birthOf(p.PID); err == nil && birth != p.Birth {
		return
	}
	_ = syscall.Kill(-p.PID, syscall.SIGKILL)
}

// belongs reports whether a process is of the group that p led.
func belongs(pid int, p process) bool {
	group, err := syscall.Getpgid(pid)
	return err == nil && group == p.PID
}
