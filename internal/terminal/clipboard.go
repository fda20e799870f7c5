package terminal

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// maxClipboard is the most bytes that are sent to a terminal's clipboard, in
// base64: xterm and hterm take no more, and cut nothing off, but ignore it all.
const maxClipboard = 74994

// ErrNoClipboard says that there is no program for the clipboard and no terminal.
var ErrNoClipboard = errors.New("there is no clipboard: no pbcopy, wl-copy, xclip, xsel or clip.exe, and no terminal")

// Copy puts text on the clipboard, without control sequences and the line ends
// behind it, so that pasting it into a shell runs nothing by itself. It returns where
// the text went, for people. The system's own program is used, and over SSH or
// without one the terminal (OSC 52), which does not confirm it. getenv reads the
// environment.
func (t *Terminal) Copy(ctx context.Context, getenv func(string) string, text string) (where string, err error) {
	text = strings.TrimRight(StripControls(text), "\n")
	var failed error
	for _, args := range clipboardPrograms(getenv) {
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		if err := pipeTo(ctx, getenv, args, text); err != nil {
			failed = fmt.Errorf("%s: %w", args[0], err)
			continue
		}
		if args[0] == "tmux" {
			return "tmux and the terminal's clipboard", nil
		}
		return "the clipboard", nil
	}
	var out io.Writer
	switch {
	case t.ErrIsTTY:
		out = Raw(t.Err)
	case t.OutIsTTY:
		out = Raw(t.Out)
	case failed != nil:
		return "", failed
	default:
		return "", ErrNoClipboard
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	if len(encoded) > maxClipboard {
		return "", fmt.Errorf("%d bytes are too many for a terminal's clipboard", len(text))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := io.WriteString(out, passThrough("\x1b]52;c;"+encoded+"\x07", getenv)); err != nil {
		return "", err
	}
	return "the terminal's clipboard", nil
}

// clipboardPrograms are the programs that may reach the user's clipboard, in the
// order in which they are tried.
func clipboardPrograms(getenv func(string) string) (all [][]string) {
	if getenv("SSH_CONNECTION") == "" && getenv("SSH_TTY") == "" { // else they reach that of the other machine
		switch {
		case runtime.GOOS == "darwin":
			all = append(all, []string{"pbcopy"})
		case runtime.GOOS == "windows":
			all = append(all, []string{"clip.exe"})
		}
		if getenv("WAYLAND_DISPLAY") != "" {
			all = append(all, []string{"wl-copy"})
		}
		if getenv("DISPLAY") != "" {
			all = append(all, []string{"xclip", "-selection", "clipboard"}, []string{"xsel", "--clipboard", "--input"})
		}
		if getenv("WSL_DISTRO_NAME") != "" {
			all = append(all, []string{"clip.exe"})
		}
	}
	if getenv("TMUX") != "" {
		all = append(all, []string{"tmux", "load-buffer", "-w", "-"}) // it passes OSC 52 of programs on only if it is told to
	}
	return all
}

// pipeTo runs a program with text as its input. It gets what it needs of the
// environment, and no keys.
func pipeTo(ctx context.Context, getenv func(string) string, args []string, text string) error {
	const timeout = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // one of clipboardPrograms
	cmd.Env = []string{}
	for _, name := range []string{"PATH", "HOME", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "TMUX", "TMUX_TMPDIR", "WSL_INTEROP", "WSL_DISTRO_NAME", "SYSTEMROOT"} {
		if value := getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	switch args[0] {
	case "clip.exe":
		text = utf16Text(text)
	case "pbcopy":
		cmd.Env = append(cmd.Env, "LC_CTYPE=UTF-8")
	}
	cmd.Stdin = strings.NewReader(text)
	cmd.WaitDelay = time.Second
	return cmd.Run()
}

// utf16Text is text as clip.exe reads every letter: little-endian UTF-16 with its mark.
func utf16Text(text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// passThrough wraps a sequence so that tmux and GNU screen hand it on to the terminal
// around them.
func passThrough(sequence string, getenv func(string) string) string {
	switch {
	case getenv("TMUX") != "":
		return "\x1bPtmux;" + strings.ReplaceAll(sequence, "\x1b", "\x1b\x1b") + "\x1b\\"
	case getenv("STY") != "": // screen takes strings of 768 bytes
		var b strings.Builder
		for part := range slices.Chunk([]byte(sequence), 700) {
			b.WriteString("\x1bP" + string(part) + "\x1b\\")
		}
		return b.String()
	}
	return sequence
}
