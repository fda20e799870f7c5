package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A file is replaced as a whole, through links too, and nothing else stays in its
// directory, whether the new one had a name meanwhile or not.
func TestADraftLeavesNothingElse(t *testing.T) {
	for name, draft := range map[string]func(dir, base string, mode fs.FileMode) (*Draft, error){"without a name": NewDraft, "with a name": named} {
		for _, was := range []string{"old", ""} { // "": there is no such file
			dir := t.TempDir()
			path, link, far := filepath.Join(dir, "real"), filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "far")
			if err := errors.Join(os.Symlink(path, link), os.Symlink(link, far)); err != nil {
				t.Fatal(err)
			}
			for _, to := range []string{path, link, far} {
				if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
				if was != "" {
					if err := os.WriteFile(path, []byte(was), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				target, err := Target(to)
				if err != nil || target != path {
					t.Fatalf("%s is %s, %v", to, target, err)
				}
				for _, publish := range []bool{false, true} {
					d, err := draft(filepath.Dir(target), filepath.Base(target), 0o600)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := d.WriteString(name); err != nil {
						t.Fatal(err)
					}
					want := was
					if publish {
						want = name
						if err := d.Publish(target); err != nil {
							t.Error(err)
						}
					}
					if err := d.Discard(); err != nil {
						t.Error(err)
					}
					data, _ := os.ReadFile(path) // "": there is none
					if all, err := os.ReadDir(dir); err != nil || string(data) != want || len(all) > 1 {
						t.Errorf("%s, published %t: %q, want %q; %v, %v", name, publish, data, want, all, err)
					}
				}
			}
		}
	}
}

// A relative link leads from the directory that it really lies in, and one that leads
// to itself nowhere.
func TestWhereLinksLead(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	err = errors.Join(os.MkdirAll(at("a", "b"), 0o700), os.Symlink(at("a", "b"), at("short")), os.Symlink(filepath.Join("..", "f"), at("a", "b", "up")), os.Symlink("round", at("round")))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{at("short", "up"): at("a", "f"), at("none"): at("none"), "rel": "rel"} {
		if got, err := Target(path); got != want || err != nil {
			t.Errorf("%s is %s, want %s; %v", path, got, want, err)
		}
	}
	if got, err := Target(at("round")); err == nil {
		t.Errorf("a link to itself is %s", got)
	}
}
