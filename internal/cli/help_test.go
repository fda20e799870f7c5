package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// The help of every command fits the usual terminals, and loses no word.
func TestHelpOfCommandsFits(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		var b bytes.Buffer
		cmd.SetOut(&b)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{40, 80, 120} {
			fitted := fitHelp(b.String(), width)
			if got, want := strings.Fields(fitted), strings.Fields(b.String()); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s at %d columns says\n%s", cmd.CommandPath(), width, fitted)
			}
			examples := false
			for line := range strings.Lines(fitted) {
				if line = strings.TrimRight(line, "\n"); line != "" && line[0] != ' ' {
					examples = line == "Examples:"
				}
				if strings.Contains(strings.TrimSpace(line), " ") && !examples && chatui.Width(line) > width {
					t.Errorf("%s at %d columns: %q", cmd.CommandPath(), width, line)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(Command())
}

func TestFitHelp(t *testing.T) {
	for in, want := range map[string]string{
		"Ask one question and stream it\nas it comes to standard output.\n\nUsage:\n": "Ask one question and stream it\nas it comes to standard output.\n\nUsage:\n",
		"Ask one question and stream the answer to\nstandard output.\n":               "Ask one question and stream the answer\nto standard output.\n",
		"Examples:\n  tandem ask \"a long question that is copied\"\n":                "Examples:\n  tandem ask \"a long question that is copied\"\n",
		"  -x, --extract   print only the last code block\n":                          "  -x, --extract\n          print only the last code block\n",
		"  -x, --ext   print only the last code block\n":                              "  -x, --ext   print only the last code\n              block\n",
	} {
		if got := fitHelp(in, 40); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
