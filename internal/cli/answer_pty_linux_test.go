package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An answer at a terminal is formatted, and its lines break between words; --plain
// and a pipe get it as it came.
func TestAnswersAtATerminal(t *testing.T) {
	f := newFake()
	defer f.Close()
	home := t.TempDir()
	chain := filepath.Join(home, "c.yaml")
	if err := os.WriteFile(chain, []byte("steps:\n  - {name: a, prompt: 'first {x}'}\n  - {name: b, prompt: '{x}'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := "**The Ganges** rises in the western Himalayas and flows to the sea.\n```\na line of code that is wider than the terminal is\n```"
	const (
		bold  = "\x1b[0;1mThe Ganges\x1b[0m rises in the western\r\nHimalayas and flows to the sea.\r\n"
		plain = "**The Ganges** rises in the western\r\nHimalayas and flows to the sea.\r\n"
		code  = "a line of code that is wider than the terminal is\r\n"
	)
	for _, c := range []struct {
		name string
		args []string
		env  string
		want []string
		not  []string
	}{
		{"ask", []string{"ask", long}, "", []string{bold, code}, []string{"**"}},
		{"ask plainly", []string{"ask", "--plain", long}, "", []string{"**The Ganges** rises in the western Himalayas and flows", code}, nil},
		{"ask without colours", []string{"ask", long}, "NO_COLOR=1", []string{plain, code}, []string{"\x1b[0;1m"}},
		{"ask at a terminal that knows no styles", []string{"ask", long}, "TERM=dumb", []string{plain, code}, []string{"\x1b[0"}},
		{"the answer of a chain", []string{"run", chain, "-p", "x=" + long}, "", []string{bold, code}, nil},
		{"a chain's, plainly", []string{"run", "--plain", chain, "-p", "x=" + long}, "", []string{"**The Ganges** rises in the western Himalayas and flows", code}, []string{"\x1b[0;1m"}},
		{"JSON", []string{"ask", "--schema", "a_b_c text", `{"a_b_c": "_x_ **y** and more than a line of it has"}`}, "", []string{`{"a_b_c": "_x_ **y** and more than a line of it has"}`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := prepared(t, f, home, "xterm", c.args...)
			if c.env != "" {
				cmd.Env = append(cmd.Env, c.env)
			}
			s := startedIn(t, 40, cmd, "")
			s.ends()
			got := s.all.String()
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in %q", want, got)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("%q is in %q", not, got)
				}
			}
		})
	}
}

// Where nobody may answer, the table of --dry-run has the beginning of each reason,
// and the error below has it whole, broken between words.
func TestDryRunSaysAReasonOnce(t *testing.T) {
	f := newFake()
	defer f.Close()
	for _, columns := range []uint16{70, 80} {
		s := startedIn(t, columns, prepared(t, f, t.TempDir(), "dumb", "ask", "--dry-run", "--local-only", "--use", "far", "hi"), "")
		s.ends()
		got := strings.ReplaceAll(s.all.String(), "\r\n", "\n")
		const end = "may not leave it"
		if flat := strings.Join(strings.Fields(got), " "); strings.Count(flat, end) != 1 {
			t.Errorf("%d columns: the reason is not there once: %s", columns, got)
		}
		if !strings.Contains(got, "…\n") {
			t.Errorf("%d columns: the table has no cut reason: %s", columns, got)
		}
		for line := range strings.Lines(got) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > int(columns) {
				t.Errorf("%d columns: %q has %d", columns, line, n)
			}
		}
	}
}
