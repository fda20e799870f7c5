package connect

import (
	"os/exec"
	"syscall"
	"testing"
)

// A daemon that a program has left behind is ended, and nothing else is.
func TestEndLeft(t *testing.T) {
	home := t.TempDir()
	start := func(home string) *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.Env, cmd.SysProcAttr = []string{"HOME=" + home}, &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		return cmd
	}
	left, other := start(home), start(home+"/other")
	EndLeft(home)
	if err := left.Wait(); err == nil {
		t.Error("what was left behind has ended by itself")
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("another process is gone: %v", err)
	}
}
