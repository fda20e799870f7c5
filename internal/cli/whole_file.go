package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tandem-llm/tandem/internal/files"
)

// writeWhole writes a file that takes its place when all of it is written and synced;
// else nothing of it is left. Unless replace is true, it takes the place of no other.
// Links are followed, and a file that is replaced keeps its mode.
func writeWhole(path string, replace bool, write func(io.Writer) error) error {
	if err := checkPlace(path, replace); err != nil {
		return err
	}
	path, err := files.Target(path)
	if err != nil {
		return err
	}
	f, err := files.NewDraft(filepath.Dir(path), filepath.Base(path), 0o666) // less the umask, as a shell would make it
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if st, serr := os.Stat(path); err == nil && serr == nil {
		err = f.Chmod(st.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Publish(path)
	}
	return errors.Join(err, f.Discard())
}

// checkPlace returns an error where a file may not take the place of what is there: a
// directory, a device or a pipe, or without replace anything.
func checkPlace(path string, replace bool) error {
	switch st, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", path, cause(err))
	case st.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case !replace:
		return fmt.Errorf("%s exists; add --overwrite to replace it", path)
	}
	return nil
}
