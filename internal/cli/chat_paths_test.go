package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPathsAsTerminalsPasteThem(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"my cat.png", "a.txt", "b.txt", "it's.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	slash := filepath.ToSlash(dir)
	for _, c := range []struct{ typed, want, source string }{
		{"my cat.png", "my cat.png", "typed"},
		{`my\ cat.png`, "my cat.png", "macOS Terminal, iTerm2, kitty"},
		{`'my cat.png'`, "my cat.png", "GNOME Terminal, Konsole, Windows Terminal"},
		{`"my cat.png"`, "my cat.png", "cmd.exe, Windows Terminal"},
		{"file://" + strings.ReplaceAll(slash, " ", "%20") + "/my%20cat.png", slash + "/my cat.png", "VTE with text/uri-list"},
		{"~/my cat.png", filepath.Join(dir, "my cat.png"), "typed"},
		{`'it'\''s.txt'`, "it's.txt", "GNOME Terminal"},
		{"it's.txt", "it's.txt", "typed"},
		{"a.txt b.txt", "a.txt|b.txt", "typed"},
		{"*.txt", "*.txt", "typed"},
		{"my cat.png a.txt", "my|cat.png|a.txt", "typed: a shell reads it so, too"},
		{"no such file", "no such file", "typed"},
		{"'no such file'", "no such file", "pasted"},
	} {
		if strings.Contains(c.typed, `\`) && filepath.Separator == '\\' {
			continue
		}
		if got := pathsOf(c.typed); !slices.Equal(got, strings.Split(c.want, "|")) {
			t.Errorf("%s (%s): %q, want %q", c.typed, c.source, got, c.want)
		}
	}
}
