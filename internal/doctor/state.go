package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/tandem-llm/tandem/internal/store"
)

// leastFree is the free disk space, in bytes, below which the state folder is warned of.
const leastFree = 256 << 20

// stateChecks look at the folder of the log, the budget, conversations and collections.
// Answers come without it, so nothing here fails.
func stateChecks(ctx context.Context, dir string) []Check {
	if dir == "" {
		return nil
	}
	checks := []Check{folderCheck(ctx, dir)}
	if d, ok := databaseCheck(ctx, dir); ok {
		checks = append(checks, d)
	}
	return checks
}

// folderCheck looks at the folder itself. Where there is none yet, what counts is
// the one that it will be made in.
func folderCheck(ctx context.Context, dir string) Check {
	c := Check{Name: "state folder", Status: OK, Detail: dir}
	in := existing(dir)
	if in != dir {
		c.Detail += ", which is made when it is needed"
	}
	warn := func(detail, remedy string) Check { return Check{c.Name, Warn, detail, remedy} }
	if st, err := os.Stat(in); err != nil || !st.IsDir() {
		return warn(in+" is not a folder that can be used"+because(err), "remove it, or set XDG_STATE_HOME to another folder")
	}
	if err := tryToWrite(in); err != nil {
		return warn(in+" cannot be written"+because(err)+": nothing is logged, and no budget can be kept",
			"let your user write there, or set XDG_STATE_HOME to another folder")
	}
	if in == dir && !windows {
		if open := openToOthers(dir); len(open) > 0 {
			return warn("other users of this machine can read "+strings.Join(open, ", "), "chmod go-rwx "+strings.Join(open, " "))
		}
	}
	if u, err := disk.UsageWithContext(ctx, in); err == nil {
		c.Detail += fmt.Sprintf(", %s free", mib(int64(min(u.Free, 1<<62)))) //nolint:gosec // bounded
		if u.Free < leastFree {
			return warn(c.Detail, "make space on that disk, or delete old runs with `tandem logs clear --older-than 90d`")
		}
	}
	return c
}

// existing is dir, or the nearest folder above it that there is.
func existing(dir string) string {
	for {
		_, err := os.Lstat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return dir
		}
		dir = parent
	}
}

// tryToWrite makes a file in a folder and removes it: what its mode and its disk allow
// is known only then.
func tryToWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".tandem-doctor-")
	if err != nil {
		return err
	}
	_, err = f.Write([]byte{0})
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// openToOthers are the folder and what is in it, as far as other users may read or
// write it. Within a folder that is closed to them, nothing is.
func openToOthers(dir string) (open []string) {
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm()&0o077 == 0 {
		return nil
	}
	open = append(open, dir)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 && info.Mode()&fs.ModeSymlink == 0 {
			open = append(open, filepath.Join(dir, e.Name()))
		}
	}
	return open
}

// because is the system's reason, behind a text; "" where there is none.
func because(err error) string {
	var path *fs.PathError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &path):
		return " (" + path.Err.Error() + ")"
	}
	return " (" + err.Error() + ")"
}

// databaseCheck opens the database as a command does that writes. ok is false where
// there is none yet.
func databaseCheck(ctx context.Context, dir string) (c Check, ok bool) {
	s := store.New(dir)
	defer s.Close()
	if !s.Exists() {
		return c, false
	}
	c = Check{Name: "database", Status: OK, Detail: s.Path()}
	_, err := withTimeout(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Examine(ctx) })
	var file *store.FileError
	switch {
	case err == nil:
		return c, true
	case errors.As(err, &file):
		c.Detail, c.Remedy = file.Path+": "+file.Problem, file.Remedy
	default: // it was waited for
		c.Detail, c.Remedy = fmt.Sprintf("another program has kept %s locked for %s", s.Path(), checkTimeout), "wait for the other tandem to end, or end it"
	}
	c.Status = Warn
	return c, true
}
