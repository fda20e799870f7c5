package engine

import "os/exec"

// StartDetached starts a command in a session of its own, that outlives this
// process, which does not wait for it.
func StartDetached(cmd *exec.Cmd) error {
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
