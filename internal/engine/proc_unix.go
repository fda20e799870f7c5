//go:build unix

package engine

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// askToStop and killGroup signal the group that p leads, if p lives: its id is
// then no other group's.
func askToStop(p process) { signalGroup(p, syscall.SIGTERM) }

func killGroup(p process) { signalGroup(p, syscall.SIGKILL) }

func signalGroup(p process, sig syscall.Signal) {
	if p.PID > 1 && p.alive() && leads(p.PID) {
		_ = syscall.Kill(-p.PID, sig)
	}
}

// leads reports whether a process leads a group of its own.
func leads(pid int) bool {
	group, err := syscall.Getpgid(pid)
	return err == nil && group == pid
}

// openOwn opens a regular file of this user's, in a directory of this user's. It
// follows no link, and does not wait.
func openOwn(path string) (*os.File, error) {
	dir, err := os.Lstat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", path)
	case !mine(dir) || !mine(info):
		err = fmt.Errorf("%s, or its directory, belongs to another user", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func mine(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// belongs reports whether a process is of the group that p led.
func belongs(pid int, p process) bool {
	group, err := syscall.Getpgid(pid)
	return err == nil && group == p.PID
}
