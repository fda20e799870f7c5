//go:build !windows

package httpx

import "syscall"

const errRefused = syscall.ECONNREFUSED
