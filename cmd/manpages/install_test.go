package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What `make install` puts below a prefix, `make uninstall` removes, and nothing else.
func TestInstallAndUninstall(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are for bash")
	}
	prefix, binary := filepath.Join(t.TempDir(), "a prefix"), filepath.Join(t.TempDir(), "tandem")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{"../../scripts/install.sh"}, args...)...)
		cmd.Env = append(os.Environ(), "PREFIX="+prefix, "DESTDIR=", "SHELL=/bin/zsh", "TANDEM_CACHE="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	files := func() (all []string) {
		err := filepath.WalkDir(prefix, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				all = append(all, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if out := run(binary); !strings.Contains(out, "fpath=(\""+prefix+"/share/zsh/site-functions") {
		t.Errorf("it does not say what zsh needs: %s", out)
	}
	if n := len(files()); n < 20 {
		t.Errorf("only %d files are installed", n)
	}
	other := filepath.Join(prefix, "bin", "another")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run("--uninstall")
	if left := files(); len(left) != 1 || left[0] != other {
		t.Errorf("what is left: %q", left)
	}
	if out := run("--uninstall"); !strings.Contains(out, "is not installed") {
		t.Errorf("a second time: %s", out)
	}
}
