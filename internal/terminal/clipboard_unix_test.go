//go:build unix

package terminal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// programs makes programs that write what they read, their arguments and their
// environment beside themselves; a name with an exclamation mark fails.
func programs(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range names {
		name, fails := strings.CutSuffix(name, "!")
		script := "#!/bin/sh\n/bin/cat > '" + dir + "/" + name + ".got'\nprintf '%s ' \"$@\" > '" + dir + "/args'\n/usr/bin/env > '" + dir + "/env'\n"
		if fails {
			script = "#!/bin/sh\nexit 1\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	return dir
}

// The clipboard is the one in front of the user: the system's program, tmux's, or
// the terminal's, whichever reaches it.
func TestCopy(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Setenv("DISPLAY", "") // pbcopy is tried first there, and is on the machine
	}
	osc := "\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("a wörd")) + "\x07"
	for name, c := range map[string]struct {
		has   []string // the programs on the machine
		env   map[string]string
		noTTY bool
		got   string // by this program
		shown string // at the terminal
		fails bool
	}{
		"X11":                       {has: []string{"xclip", "xsel", "wl-copy"}, env: map[string]string{"DISPLAY": ":0"}, got: "xclip"},
		"X11 without xclip":         {has: []string{"xsel"}, env: map[string]string{"DISPLAY": ":0"}, got: "xsel"},
		"Wayland":                   {has: []string{"xclip", "wl-copy"}, env: map[string]string{"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, got: "wl-copy"},
		"a program that fails":      {has: []string{"xclip!", "xsel"}, env: map[string]string{"DISPLAY": ":0"}, got: "xsel"},
		"all programs fail":         {has: []string{"xclip!"}, env: map[string]string{"DISPLAY": ":0"}, shown: osc},
		"fails without a terminal":  {has: []string{"xclip!"}, env: map[string]string{"DISPLAY": ":0"}, noTTY: true, fails: true},
		"no display":                {has: []string{"xclip", "wl-copy"}, shown: osc},
		"nothing at all":            {noTTY: true, fails: true},
		"over SSH":                  {has: []string{"xclip"}, env: map[string]string{"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "x"}, shown: osc},
		"tmux":                      {has: []string{"tmux"}, env: map[string]string{"TMUX": "x"}, got: "tmux"},
		"tmux over SSH":             {has: []string{"tmux", "xclip"}, env: map[string]string{"DISPLAY": ":0", "TMUX": "x", "SSH_TTY": "x"}, got: "tmux"},
		"an old tmux":               {has: []string{"tmux!"}, env: map[string]string{"TMUX": "x"}, shown: "\x1bPtmux;" + strings.ReplaceAll(osc, "\x1b", "\x1b\x1b") + "\x1b\\"},
		"GNU screen":                {env: map[string]string{"STY": "x"}, shown: "\x1bP" + osc + "\x1b\\"},
		"a pipe, with a program":    {has: []string{"wl-copy"}, env: map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, noTTY: true, got: "wl-copy"},
		"no key goes to a program":  {has: []string{"wl-copy"}, env: map[string]string{"WAYLAND_DISPLAY": "wayland-0", "OPENAI_API_KEY": "key"}, got: "wl-copy"},
		"Windows' program, in WSL":  {has: []string{"clip.exe"}, env: map[string]string{"WSL_DISTRO_NAME": "Ubuntu"}, got: "clip.exe"},
		"clip.exe, and WSL's is no": {has: []string{"clip.exe"}, shown: osc},
	} {
		t.Run(name, func(t *testing.T) {
			dir := programs(t, c.has...)
			t.Setenv("PATH", dir)
			getenv := func(name string) string { return c.env[name] }
			var shown bytes.Buffer
			term := &Terminal{Out: &shown, Err: &shown, ErrIsTTY: !c.noTTY}
			where, err := term.Copy(t.Context(), getenv, "a \x1b]0;owned\x07wörd\u202e\n\n")
			if (err != nil) != c.fails || (where == "") != c.fails {
				t.Fatalf("%q, %v", where, err)
			}
			if shown.String() != c.shown {
				t.Errorf("%q is shown, want %q", shown.String(), c.shown)
			}
			if c.got == "" {
				return
			}
			data, err := os.ReadFile(filepath.Join(dir, c.got+".got"))
			want := "a wörd"
			if c.got == "clip.exe" {
				want = "\xff\xfea\x00 \x00w\x00\xf6\x00r\x00d\x00"
			}
			if err != nil || string(data) != want {
				t.Errorf("%s got %q, %v", c.got, data, err)
			}
			env, err := os.ReadFile(filepath.Join(dir, "env"))
			if err != nil || strings.Contains(string(env), "KEY") {
				t.Errorf("its environment is %s, %v", env, err)
			}
		})
	}
}

// What a terminal would ignore is not sent.
func TestCopyTooMuch(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var shown bytes.Buffer
	term := &Terminal{Out: &shown, Err: &shown, ErrIsTTY: true}
	none := func(string) string { return "" }
	if where, err := term.Copy(t.Context(), none, strings.Repeat("x", 60<<10)); err == nil || errors.Is(err, ErrNoClipboard) || shown.Len() > 0 {
		t.Errorf("%q, %v, %d bytes are shown", where, err, shown.Len())
	}
	if _, err := term.Copy(t.Context(), none, strings.Repeat("x", 50<<10)); err != nil {
		t.Error(err)
	}
}
