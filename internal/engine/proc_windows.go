package engine

import (
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"
)

func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

func grouped() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// askToStop: Windows has no signal that a console-less process gets.
func askToStop(p process) { killGroup(p) }

func killGroup(p process) {
	if p.alive() {
		_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(p.PID)).Run()
	}
}
