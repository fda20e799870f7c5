//go:build unix

package files_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/files"
)

func TestReadTakesRegularFilesOfABoundedSize(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("small"), []byte("text"), 0o600))
	must(os.WriteFile(at("full"), make([]byte, 2048), 0o600))
	must(os.WriteFile(at("more"), make([]byte, 2049), 0o600))
	must(os.WriteFile(at("sparse"), nil, 0o600))
	must(os.Truncate(at("sparse"), 10<<30))
	must(os.Mkdir(at("dir"), 0o700))
	must(syscall.Mkfifo(at("fifo"), 0o600))
	must(os.Symlink("/dev/zero", at("zero")))
	must(os.Symlink("fifo", at("to-fifo")))
	must(os.Symlink("small", at("to-small")))
	must(os.Symlink("nothing", at("to-nothing")))
	must(os.Symlink("loop", at("loop")))
	l, err := net.Listen("unix", at("socket"))
	must(err)
	defer l.Close()
	root, err := os.OpenRoot(dir)
	must(err)
	defer root.Close()

	for name, want := range map[string]string{
		"small": "", "full": "", "to-small": "",
		"more":    "is larger than 2 KiB",
		"sparse":  "is larger than 2 KiB",
		"dir":     "is a directory",
		"fifo":    "is not a regular file but a pipe",
		"to-fifo": "is not a regular file but a pipe",
		"zero":    "is not a regular file but a device",
		"socket":  "is not a regular file but a socket",
	} {
		for how, read := range map[string]func() ([]byte, error){
			"Read":   func() ([]byte, error) { return files.Read(at(name), 2048) },
			"ReadIn": func() ([]byte, error) { return files.ReadIn(root, name, 2048) },
		} {
			if name == "zero" && how == "ReadIn" {
				want = "" // leads out of the directory
			}
			start := time.Now()
			_, err := read()
			var e *files.Error
			switch {
			case time.Since(start) > time.Minute:
				t.Errorf("%s %s took %v", how, name, time.Since(start))
			case want == "" && name == "zero":
				if err == nil {
					t.Errorf("%s reads %s", how, name)
				}
			case want == "" && err != nil:
				t.Errorf("%s %s: %v", how, name, err)
			case want != "" && (!errors.As(err, &e) || e.What != want || filepath.Base(e.Path) != name):
				t.Errorf("%s %s: %v, want %q", how, name, err, want)
			}
		}
	}
	for _, name := range []string{"to-nothing", "nothing"} {
		if _, err := files.Read(at(name), 1); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := files.Read(at("loop"), 1); err == nil {
		t.Error("a loop of links was read")
	}
	if _, err := files.Read("/proc/self/status", 1); err == nil { // says that it has no bytes
		t.Error("more than the limit was read")
	}
}
