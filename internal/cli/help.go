package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// helpFits has the help of root and of all below it fit the terminal.
func (a *app) helpFits(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		width, out := a.term.OutWidth(), cmd.OutOrStdout()
		if width == 0 {
			help(cmd, args)
			return
		}
		var b bytes.Buffer
		cmd.SetOut(&b)
		help(cmd, args)
		cmd.SetOut(nil)
		fmt.Fprint(out, fitHelp(b.String(), width))
	})
}

const (
	leastHelp  = 24 // columns of a description beside its name
	helpIndent = 10 // of one below it
)

// helpEntry is a line of a flag or a command and its description.
var helpEntry = regexp.MustCompile(`^( +\S+(?: \S+)*  +)(\S.*)$`)

// fitHelp breaks the lines of a help text that are wider than width: paragraphs as a
// whole, and descriptions below where they begin. Examples stay as they are, to be
// copied.
func fitHelp(text string, width int) string {
	var out strings.Builder
	var paragraph []string
	end := func() {
		joined := len(paragraph) > 1
		for _, line := range paragraph {
			joined = joined && !strings.HasPrefix(line, "-")
		}
		wide := false
		for _, line := range paragraph {
			wide = wide || chatui.Width(line) > width
		}
		if joined && wide {
			paragraph = []string{strings.Join(paragraph, " ")}
		}
		for _, line := range paragraph {
			writeFolded(&out, "", line, width, 0)
		}
		paragraph = nil
	}
	examples := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if line != "" && line[0] != ' ' {
			examples = line == "Examples:"
			paragraph = append(paragraph, line)
			continue
		}
		end()
		entry := helpEntry.FindStringSubmatch(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case examples, chatui.Width(line) <= width:
			out.WriteString(line + "\n")
		case entry == nil:
			writeFolded(&out, line[:indent], line[indent:], width, indent+2)
		case width-len(entry[1]) >= leastHelp:
			writeFolded(&out, entry[1], entry[2], width, len(entry[1]))
		default:
			out.WriteString(strings.TrimRight(entry[1], " ") + "\n")
			writeFolded(&out, strings.Repeat(" ", helpIndent), entry[2], width, helpIndent)
		}
	}
	end()
	return out.String()
}

// writeFolded writes a text behind a lead, and its further lines that far in.
func writeFolded(out *strings.Builder, lead, text string, width, hang int) {
	if text == "" {
		out.WriteString("\n")
		return
	}
	for i, line := range chatui.Fold(text, max(1, width-max(len(lead), hang))) {
		if i > 0 {
			lead = strings.Repeat(" ", hang)
		}
		out.WriteString(lead + line + "\n")
	}
}
