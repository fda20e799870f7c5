//go:build unix

package mcp

import "syscall"

// grouped gives a server a process group of its own: no Ctrl-C of the terminal
// reaches it, and it can be ended with all that it started.
func grouped() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func askToStop(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
