//go:build unix

package keystore

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// private reports what lets others change who may ask, or see who they are. The file's
// group may read it, and it may be root's: so is a secret that Kubernetes mounts.
func private(info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if info.Mode().Perm()&0o027 != 0 {
		return fmt.Errorf("others may read or write it (mode %04o); run chmod 600", info.Mode().Perm())
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 && os.Geteuid() != 0 {
		return errors.New("it belongs to another user")
	}
	return nil
}
