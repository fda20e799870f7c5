package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
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
// whole, and descriptions below where they begin. An example goes on behind a backslash,
// so that it can be copied.
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
		case chatui.Width(line) <= width:
			out.WriteString(line + "\n")
		case examples:
			writeCommand(&out, line, width)
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

// writeCommand writes a command line that a shell takes as one: what does not fit goes on
// in the next line, and a comment stands above it. On Windows, whose shells differ, it stays
// as it is.
func writeCommand(out *strings.Builder, line string, width int) {
	if runtime.GOOS == "windows" {
		out.WriteString(line + "\n")
		return
	}
	words, comment := commandWords(line)
	const indent = 2
	lead := strings.Repeat(" ", indent)
	if comment != "" {
		for _, part := range chatui.Fold(comment, max(1, width-indent-2)) {
			out.WriteString(lead + "# " + part + "\n")
		}
	}
	if len(words) == 0 {
		return
	}
	used := 0
	for i, word := range words {
		room := width - len(" \\")
		if i == len(words)-1 {
			room = width
		}
		w := chatui.Width(word)
		switch {
		case i == 0:
			out.WriteString(lead + word)
			used = indent + w
		case used+1+w > room:
			out.WriteString(" \\\n" + lead + lead + word)
			used = 2*indent + w
		default:
			out.WriteString(" " + word)
			used += 1 + w
		}
	}
	out.WriteString("\n")
}

// commandWords are the words of a command line, what is in quotation marks as one, a flag with
// its value as one, and the comment behind it.
func commandWords(line string) (words []string, comment string) {
	word, quote := "", byte(0)
	end := func() {
		n := len(words)
		switch {
		case word == "":
		case n > 0 && strings.HasPrefix(words[n-1], "-") && !strings.Contains(words[n-1], " ") && !strings.HasPrefix(word, "-") && word != "|":
			words[n-1] += " " + word
		default:
			words = append(words, word)
		}
		word = ""
	}
	for i := range len(line) {
		switch c := line[i]; {
		case quote == 0 && c == ' ':
			end()
			continue
		case quote == 0 && c == '#' && word == "":
			return words, strings.TrimSpace(line[i+1:])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		word += line[i : i+1]
	}
	end()
	return words, ""
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
