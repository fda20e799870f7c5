package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// What is waited for is shown until the first word, in a line that is erased
// before anything else is written, however the wait ends.
func TestWaitingAtATerminal(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cfg := write("late.yaml", fmt.Sprintf(`use: late
providers:
  - {name: late, kind: openai, base_url: '%[1]s/late/v1', model: big, local: true, max_concurrent: 1}
  - {name: denied, kind: openai, base_url: '%[1]s/denied/v1', model: big, local: true}
  - {name: limited, kind: openai, base_url: '%[1]s/limited/v1', model: big, local: true}
  - {name: a-provider-whose-name-is-longer-than-a-line, kind: openai, base_url: '%[1]s/late/v1', model: big, local: true}
`, f.URL))
	chain := write("two.yaml", "steps:\n  - {name: a, prompt: 'one'}\n  - {name: b, prompt: '{a}'}\n")
	both := write("both.yaml", "steps:\n  - name: x\n    parallel:\n      p: {prompt: one}\n      q: {prompt: two}\n  - {name: b, prompt: '{x}'}\n")
	long := write("long.txt", strings.Repeat("word and word ", 4000))
	const waiting = "waiting for late"
	for _, c := range []struct {
		name    string
		args    []string
		env     string
		columns uint16
		resized uint16   // while it waits; 0: it is not
		shows   []string // in order; an answer begins when all of one have come
		keys    string   // in place of the answer
		code    int
		screen  string // is in what stands at the end
	}{
		{"ask", []string{"ask", "hi"}, "", 80, 0, []string{waiting}, "", 0, "Hello wörld"},
		{"ask at 40 columns", []string{"ask", "-f", long, "hi"}, "", 40, 0, []string{`reading \d+k tokens · late`}, "", 0, "Hello wörld"},
		{"ask, and the window shrinks", []string{"ask", "-m", "a-provider-whose-name-is-longer-than-a-line", "hi"}, "", 80, 40, []string{`waiting for a-provider-whose-name-.*…`}, "", 0, "Hello wörld"},
		{"ask at 20 columns", []string{"ask", "-f", long, "hi"}, "", 20, 0, []string{`reading \d+k tok`}, "", 0, "Hello wörld"},
		{"ask without colours", []string{"ask", "hi"}, "NO_COLOR=1", 80, 0, []string{waiting}, "", 0, "Hello wörld"},
		{"JSON", []string{"ask", "--json", "hi"}, "", 80, 0, []string{waiting}, "", 0, `{"ok":true,`},
		{"Ctrl-C", []string{"ask", "hi"}, "", 80, 0, []string{waiting}, "\x03", 130, "tandem: interrupted"},
		{"a retry", []string{"ask", "-m", "limited", "hi"}, "", 80, 0, []string{"retrying limited in "}, "\x03", 130, "retrying limited in"},
		{"a fallback", []string{"ask", "--use", "denied,late", "hi"}, "", 80, 0, []string{waiting}, "", 0, "Hello wörld"},
		{"with notes", []string{"ask", "-v", "hi"}, "", 80, 0, []string{waiting}, "", 0, "· asking late (big)"},
		{"a chain", []string{"run", chain}, "", 80, 0, []string{"▸ a", waiting, "▸ b", waiting}, "", 0, "Hello wörld"},
		{"steps at the same time", []string{"run", both}, "", 80, 0, []string{"waiting for a free slot of late|" + waiting}, "", 0, "Hello wörld"},
		{"chat", []string{"chat", "--no-save", "hi"}, "", 80, 0, []string{waiting}, "", 0, "Hello wörld"},
		{"chat, and Ctrl-C", []string{"chat", "--no-save", "hi"}, "", 80, 0, []string{waiting}, "\x03", 0, "Interrupted before any answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := prepared(t, f, home, "xterm", append(c.args[:len(c.args):len(c.args)], "--config", cfg)...)
			cmd.Env = append(cmd.Env, c.env)
			s := startedIn(t, c.columns, cmd, "")
			for _, shows := range c.shows {
				s.expect(shows)
				if strings.HasPrefix(shows, "▸") {
					continue
				}
				if c.resized > 0 {
					if err := unix.IoctlSetWinsize(int(s.keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: c.resized}); err != nil {
						t.Fatal(err)
					}
				}
				if c.keys != "" {
					s.types(c.keys)
					break
				}
				f.late <- struct{}{}
			}
			if c.args[1] == both { // the other step, and the one after them
				f.late <- struct{}{}
				f.late <- struct{}{}
			}
			if c.args[0] == "chat" {
				s.expect(ready)
				s.types("\x04")
			}
			if code := s.ends(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			all := s.all.String()
			for _, frame := range spinners.FindAllStringSubmatch(all, -1) {
				if w, most := chatui.Width(frame[2]), min(int(c.columns), 40)-1; w > most {
					t.Errorf("%q has %d columns; it may have %d", frame[2], w, most)
				}
				if (frame[1] == "") != (c.env != "") {
					t.Errorf("the colour of %q", frame[0])
				}
			}
			got := standing(all)
			if !strings.Contains(got, c.screen) || strings.ContainsAny(got, "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏") {
				t.Errorf("%q does not stand on the screen, or what was waited for does:\n%s", c.screen, got)
			}
		})
	}
}

// Where nothing can be erased, or nothing is to be said, an answer is waited for in
// silence. The server lets each wait for a second.
func TestWaitingInSilence(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	cfg := filepath.Join(home, "busy.yaml")
	text := fmt.Sprintf("use: busy\nproviders:\n  - {name: busy, kind: openai, base_url: '%s/busy/v1', model: big, local: true}\n", f.URL)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, kind, flag string
		shows            bool
	}{
		{"a terminal", "xterm", "--color=auto", true},
		{"a dumb terminal", "dumb", "--color=auto", false},
		{"quiet", "xterm", "--quiet", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startedIn(t, 80, prepared(t, f, home, c.kind, "ask", c.flag, "hi", "--config", cfg), "")
			if code := s.ends(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if got := s.all.String(); strings.Contains(got, "\x1b[K") != c.shows || !strings.Contains(got, "Hello wörld") {
				t.Errorf("%q", got)
			}
		})
	}
}

var spinners = regexp.MustCompile(`\r(\x1b\[2m)?([⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏][^\x1b\r]*)(\x1b\[0m)?\x1b\[K`)

// standing is what stands on a terminal after what was written there, without colours:
// lines are long enough, and of the cursor's moves only those to the line's start and
// its erasure are followed.
func standing(written string) string {
	var lines []string
	for _, line := range strings.Split(regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(written, ""), "\n") {
		line = strings.TrimRight(line, "\r")
		if i := strings.LastIndex(line, "\r\x1b[K"); i >= 0 {
			line = line[i+len("\r\x1b[K"):]
		}
		if i := strings.LastIndex(line, "\r"); i >= 0 {
			line = line[i+1:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
