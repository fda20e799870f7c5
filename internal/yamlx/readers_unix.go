//go:build unix

package yamlx

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// readers says who may read the file at path, as far as can be told.
func readers(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "a directory above it is closed to you"
	}
	owner := "someone else"
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = strconv.FormatUint(uint64(st.Uid), 10)
		if u, err := user.LookupId(owner); err == nil {
			owner = u.Username
		}
	}
	return fmt.Sprintf("it belongs to %s and its mode is %04o", owner, info.Mode().Perm())
}
