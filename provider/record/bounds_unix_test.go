//go:build unix

package record_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/record"
)

// recorded makes a directory with one recording, and returns it and the file.
func recorded(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := drain(recorder(t, &providertest.Fake{}, record.Config{Dir: dir}), ask("hi")); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return dir, all[0]
}

// Recordings are kept in repositories, so that what lies among them may have
// been put there by anybody. What is not a regular file is told, and not waited for.
func TestWhatIsNoRegularFileIsNoRecording(t *testing.T) {
	for name, tc := range map[string]struct {
		put  func(path string) error
		says string
	}{
		"a pipe":                {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "is not a regular file but a pipe"},
		"a link to a device":    {func(p string) error { return os.Symlink("/dev/zero", p) }, "is not a regular file but a device"},
		"a link to nothing":     {func(p string) error { return os.Symlink("nothing", p) }, "is a broken link"},
		"a link to itself":      {func(p string) error { return os.Symlink(filepath.Base(p), p) }, "too many levels"},
		"a directory":           {func(p string) error { return os.Mkdir(p, 0o700) }, "is a directory"},
		"a link to a directory": {func(p string) error { return os.Symlink(".", p) }, "is a directory"},
		"a link to a pipe": {func(p string) error {
			if err := syscall.Mkfifo(p+".pipe", 0o600); err != nil {
				return err
			}
			return os.Symlink(p+".pipe", p)
		}, "is not a regular file but a pipe"},
		"a socket": {func(p string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		}, "is not a regular file but a socket"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := recorded(t)
			path := filepath.Join(dir, "x.json")
			if err := tc.put(path); err != nil {
				t.Fatal(err)
			}
			_, err := record.Replay("replay", record.PlayerConfig{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v", err)
			}
		})
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := record.Replay("replay", record.PlayerConfig{Dir: pipe}); err == nil || !strings.Contains(err.Error(), pipe+" is not a directory") {
		t.Errorf("%v", err)
	}
}

// A link to a recording is one.
func TestALinkToARecordingIsOne(t *testing.T) {
	dir, file := recorded(t)
	to := filepath.Join(t.TempDir(), "kept")
	if err := os.Rename(file, to); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, file); err != nil {
		t.Fatal(err)
	}
	if _, err := drain(replay(t, record.PlayerConfig{Dir: dir}), ask("hi")); err != nil {
		t.Error(err)
	}
}

// A file that would take all memory, or be read as what it is not, is told,
// whether it is asked for or passed on the way to what is nearest.
func TestAFileThatIsNoRecordingCostsLittle(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  string
	}{
		"10 GiB of nothing": {func(t *testing.T, path string) {
			if err := os.Truncate(path, 10<<30); err != nil {
				t.Fatal(err)
			}
		}, "is larger than 128 MiB"},
		"nested":            {overwrite(bytes.Repeat([]byte("["), 900_000)), "is not a recording"},
		"nested mappings":   {overwrite(bytes.Repeat([]byte(`{"a":`), 900_000)), "is not a recording"},
		"chunks of nothing": {overwrite([]byte(`{"version":1,"chunks":[{}` + strings.Repeat(",{}", 20<<20) + `]}`)), "has more than 1000000 values"},
		"not UTF-8":         {inserted("\xff"), "it is not UTF-8"},
		"cut": {func(t *testing.T, path string) {
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		}, "is not a recording"},
		"empty": {overwrite(nil), "is not a recording"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := recorded(t)
			tc.spoil(t, file)
			p := replay(t, record.PlayerConfig{Dir: dir})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, prompt := range []string{"hi", "another"} {
				_, err := drain(p, ask(prompt))
				if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: %.300v", prompt, err)
				}
			}
			runtime.ReadMemStats(&after)
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 1024 {
				t.Errorf("%d MiB were allocated", used)
			}
		})
	}
}

func overwrite(data []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// inserted puts text into the recorded answer.
func inserted(text string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(data, []byte(`"text": "`)) + len(`"text": "`)
		overwrite([]byte(fmt.Sprintf("%s%s%s", data[:at], text, data[at:])))(t, path)
	}
}
