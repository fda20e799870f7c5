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
