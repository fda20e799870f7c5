package config

import (
	"os"
	"path/filepath"
	"testing"
)

// A file is replaced as a whole, through a link too, and nothing else stays in
// its directory, whether the new one had a name meanwhile or not.
func TestWriteFileLeavesNothingElse(t *testing.T) {
	for name, draft := range map[string]func(dir, base string) (*draftFile, error){"without a name": newDraftFile, "with a name": namedDraft} {
		dir := t.TempDir()
		path, link := filepath.Join(dir, "real"), filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{path, path, link} {
			if err := WriteFile(to, []byte("old")); err != nil {
				t.Fatal(err)
			}
			f, err := draft(dir, "real")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(name); err != nil {
				t.Fatal(err)
			}
			if err := f.publish(path); err != nil {
				t.Error(err)
			}
			if err := f.discard(); err != nil {
				t.Error(err)
			}
			data, err := os.ReadFile(path)
			if err != nil || string(data) != name {
				t.Errorf("%s: %q, %v", name, data, err)
			}
			f, err = draft(dir, "real") // and one that is given up
			if err != nil {
				t.Fatal(err)
			}
			if err := f.discard(); err != nil {
				t.Error(err)
			}
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}
