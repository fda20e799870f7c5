package engine

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	psprocess "github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/windows"
)

func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

func grouped() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// gated is the command for `bin serve`; it waits for nothing here.
func gated(bin string) (cmd *exec.Cmd, gate io.WriteCloser, err error) {
	return exec.Command(bin, "serve"), nil, nil
}

// askToStop: Windows has no signal that a console-less process gets.
func askToStop(p process) { killGroup(p) }

func killGroup(p process) {
	if p.alive() {
		_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(p.PID)).Run()
	}
}

// leads: a process here has no group; taskkill follows its children.
func leads(int) bool { return true }

// openOwn opens a regular file; the system's rights say whose it is.
func openOwn(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

// belongs reports whether a process is a child that p left.
func belongs(pid int, p process) bool {
	child, err := psprocess.NewProcess(int32(pid)) //nolint:gosec // a process id fits
	if err != nil {
		return false
	}
	parent, err := child.Ppid()
	return err == nil && int(parent) == p.PID
}
