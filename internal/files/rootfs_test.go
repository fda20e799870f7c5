package files_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/tandem-llm/tandem/internal/files"
)

// A directory's files are all that there is, also after the directory was replaced.
func TestRootFS(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "dir")
	put := func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{filepath.Join(base, "secret"), filepath.Join(dir, "a"), filepath.Join(dir, "sub/b")} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for name, to := range map[string]string{"in": "a", "out": "../secret", "away": filepath.Join(base, "secret"), "sub/up": "../../secret"} {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("one")
	fsys := files.RootFS(dir)
	for _, name := range []string{"out", "away", "sub/up", "../secret", "/etc/hosts"} {
		if data, err := fs.ReadFile(fsys, name); err == nil {
			t.Errorf("%s is %q", name, data)
		}
		if _, err := fs.Stat(fsys, name); err == nil {
			t.Errorf("%s can be seen", name)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	put("two")
	for _, name := range []string{"a", "in", "sub/b"} {
		if data, err := fs.ReadFile(fsys, name); string(data) != "two" {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"out", "away", "sub/up"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := fstest.TestFS(fsys, "a", "sub/b"); err != nil {
		t.Error(err)
	}
}
