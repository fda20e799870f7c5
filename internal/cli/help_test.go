package cli

import (
	"bytes"
	"runtime"
	"slices"
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
			if got, want := sortedWords(fitted), sortedWords(b.String()); got != want {
				t.Errorf("%s at %d columns says\n%s", cmd.CommandPath(), width, fitted)
			}
			examples := false
			for line := range strings.Lines(fitted) {
				if line = strings.TrimRight(line, "\n"); line != "" && line[0] != ' ' {
					examples = line == "Examples:"
				}
				parts := strings.Fields(line)
				if examples && runtime.GOOS != "windows" {
					parts, _ = commandWords(strings.TrimSuffix(line, ` \`))
				}
				if len(parts) > 1 && chatui.Width(line) > width && (!examples || runtime.GOOS != "windows") {
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

// sortedWords are those of a help text, in any order: a comment moves above its command.
func sortedWords(text string) string {
	all := strings.Fields(strings.ReplaceAll(text, " \\\n", "\n"))
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestFitHelp(t *testing.T) {
	if runtime.GOOS != "windows" {
		for in, want := range map[string]string{
			"Examples:\n  tandem connect opencode --model qwen3:8b --check\n":       "Examples:\n  tandem connect opencode \\\n    --model qwen3:8b --check\n",
			"Examples:\n  tandem shell-widget fish | source     # in the file\n":    "Examples:\n  # in the file\n  tandem shell-widget fish | source\n",
			"Examples:\n  tandem run a.yaml -p 'a text that is long' --json | jq\n": "Examples:\n  tandem run a.yaml \\\n    -p 'a text that is long' --json | jq\n",
		} {
			if got := fitHelp(in, 40); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		}
	}
	for in, want := range map[string]string{
		"Ask one question and stream it\nas it comes to standard output.\n\nUsage:\n": "Ask one question and stream it\nas it comes to standard output.\n\nUsage:\n",
		"Ask one question and stream the answer to\nstandard output.\n":               "Ask one question and stream the answer\nto standard output.\n",
		"Examples:\n  tandem ask \"a question that is copied\"\n":                     "Examples:\n  tandem ask \"a question that is copied\"\n",
		"  -x, --extract   print only the last code block\n":                          "  -x, --extract\n          print only the last code block\n",
		"  -x, --ext   print only the last code block\n":                              "  -x, --ext   print only the last code\n              block\n",
	} {
		if got := fitHelp(in, 40); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
