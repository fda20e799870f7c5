package gitignore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/gitignore"
)

// TestIgnored: each row is what `git check-ignore` (2.39) says.
func TestIgnored(t *testing.T) {
	for _, c := range []struct {
		rules, path string
		want        bool
	}{
		{"*.log", "a.log", true},
		{"*.log", "sub/deep/a.log", true},
		{"*.log", "a.log.txt", false},
		{"/a.log", "a.log", true},
		{"/a.log", "sub/a.log", false},
		{"sub/a.log", "sub/a.log", true},
		{"sub/a.log", "x/sub/a.log", false},
		{"node_modules/", "node_modules/", true},
		{"node_modules/", "sub/node_modules/", true},
		{"node_modules/", "node_modules", false}, // a file
		{"**/build", "x/y/build", true},
		{"**/build", "build", true},
		{"doc/**", "doc/a/b", true},
		{"doc/**", "doc/", false},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"*.log\n!keep.log", "keep.log", false},
		{"!keep.log\n*.log", "keep.log", true},
		{"# comment", "# comment", false},
		{`\#file`, "#file", true},
		{`\!file`, "!file", true},
		{"a.log   ", "a.log", true},
		{`a\ `, "a ", true},
		{"a.log\r", "a.log", true},
		{"[!a].txt", "b.txt", true},
		{"[!a].txt", "a.txt", false},
		{"f?o", "foo", true},
		{"f?o", "f/o", false},
		{"*", "x", true},
		{"a[", "a[", false}, // a mistake matches nothing
		{"/", "x", false},
		{"\ufeff*.log", "a.log", true},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, ".gitignore"), c.rules)
		r, err := gitignore.New(dir)
		if err != nil {
			t.Fatal(err)
		}
		name, isDir := strings.CutSuffix(c.path, "/")
		if got := r.Ignored(filepath.Join(dir, filepath.FromSlash(name)), isDir); got != c.want {
			t.Errorf("%q: Ignored(%q) = %v, want %v", c.rules, c.path, got, c.want)
		}
	}
}

// The rules of the folders above count too, up to the repository's, and those below
// override them.
func TestNested(t *testing.T) {
	repo := t.TempDir()
	write(t, filepath.Join(repo, ".git", "info", "exclude"), "secret\n")
	write(t, filepath.Join(repo, ".gitignore"), "*.log\n/sub/gen\n")
	write(t, filepath.Join(repo, "sub", ".gitignore"), "!wanted.log\n/own\n")
	r, err := gitignore.New(filepath.Join(repo, "sub"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"sub/a.log": true, "sub/wanted.log": false, "sub/gen": true, "sub/own": true, "sub/x/own": false,
		"sub/secret": true, "sub/a.go": false, "../outside.log": false,
	} {
		if got := r.Ignored(filepath.Join(repo, filepath.FromSlash(name)), false); got != want {
			t.Errorf("Ignored(%q) = %v, want %v", name, got, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
