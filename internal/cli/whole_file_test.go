package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file is written whole or not at all, and never in the place of what is no file.
func TestFilesAreWrittenWhole(t *testing.T) {
	failed := errors.New("no more")
	for _, tt := range []struct {
		name, was string // the file before; "": there is none
		replace   bool
		err       error  // of writing
		want      string // the file then
		says      string // the error; "": there is none
	}{
		{name: "a new one", want: "new"},
		{name: "another", was: "old", replace: true, want: "new"},
		{name: "another that stays", was: "old", want: "old", says: "exists; add --overwrite"},
		{name: "one that fails", was: "old", replace: true, err: failed, want: "old", says: "no more"},
		{name: "a new one that fails", err: failed, says: "no more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if tt.was != "" {
				if err := os.WriteFile(path, []byte(tt.was), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := writeWhole(path, tt.replace, func(w io.Writer) error {
				_, err := io.WriteString(w, "new")
				return errors.Join(err, tt.err)
			})
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			data, _ := os.ReadFile(path) // none is ""
			left, err := os.ReadDir(filepath.Dir(path))
			if string(data) != tt.want || err != nil || len(left) > 1 {
				t.Errorf("%q, want %q; %v, %v", data, tt.want, left, err)
			}
		})
	}
	for _, path := range []string{t.TempDir(), os.DevNull} {
		if err := checkPlace(path, true); err == nil || !strings.Contains(err.Error(), path+" is ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What a link leads to is replaced, and keeps its mode; the link stays.
func TestFilesAreWrittenThroughLinks(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o666, 0} { // 0: there is no such file
		path, link := filepath.Join(t.TempDir(), "f"), filepath.Join(t.TempDir(), "link")
		want := os.FileMode(0o666)
		if mode != 0 {
			want = mode
			if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if err := writeWhole(link, true, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
			t.Fatal(err)
		}
		if mode == 0 { // as a shell would make it
			other := filepath.Join(t.TempDir(), "other")
			if err := os.WriteFile(other, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			st, err := os.Stat(other)
			if err != nil {
				t.Fatal(err)
			}
			want = st.Mode()
		}
		st, err := os.Lstat(path)
		data, rerr := os.ReadFile(link)
		if to, lerr := os.Readlink(link); err != nil || rerr != nil || lerr != nil || to != path || string(data) != "new" || st.Mode() != want {
			t.Errorf("mode %v: %q, link to %q, mode %v, want %v; %v", mode, data, to, st.Mode(), want, errors.Join(err, rerr, lerr))
		}
	}
}
