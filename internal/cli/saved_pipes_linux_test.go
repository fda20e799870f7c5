package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe or a device among the saved chains and roles is neither, and lists do not wait
// for it.
func TestSavedFilesAreRegular(t *testing.T) {
	d := newDesk(t)
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	for _, dir := range []string{"chains", "roles"} {
		dir = filepath.Join(home, "tandem", dir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600),
			os.Symlink("/dev/zero", filepath.Join(dir, "zero.yaml")),
			os.WriteFile(filepath.Join(dir, "good.yaml"), []byte("system: be brief\n"), 0o600),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, command := range []string{"chain", "role"} {
		out, _ := d.run(0, command, "list")
		says(t, out, "good")
		if strings.Contains(out, "pipe") || strings.Contains(out, "zero") {
			t.Errorf("%s list: %s", command, out)
		}
	}
	_, errs := d.run(2, "run", "zero")
	if strings.Contains(errs, "did you mean") {
		t.Error(errs)
	}
	d.run(2, "ask", "--role", "pipe", "hi")
}
