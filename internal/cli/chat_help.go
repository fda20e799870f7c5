package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/terminal"
)

// help is /help.
func (s *chatSession) help(context.Context, string) error {
	s.app.term.Noticef("%s", helpText(s.width()))
	return nil
}

// width is how many columns the terminal has.
func (s *chatSession) width() int {
	if w := s.app.term.ErrWidth(); w > 0 {
		return w
	}
	return 80
}

// helpText lists the commands by group, and says how to type messages, in at most
// width columns.
func helpText(width int) string {
	var b strings.Builder
	groups := []string{}
	for _, c := range chatCommands() {
		if !slices.Contains(groups, c.group) {
			groups = append(groups, c.group)
		}
	}
	for _, g := range groups {
		b.WriteString(g + "\n")
		for _, c := range chatCommands() {
			if c.group == g && c.does != "" {
				b.WriteString(entryText(strings.TrimSpace("/"+c.name+" "+c.args), c.does, width) + "\n")
			}
		}
	}
	b.WriteString("Typing\n")
	for _, k := range [][2]string{
		{`"""`, "starts and ends a message of several lines"},
		{`\ or Alt-Enter`, "at the end of a line, starts a new one"},
		{"//", "starts a text that begins with a slash"},
		{"Tab", "completes commands, files, models and tools"},
		{"Ctrl-R", "searches what you typed before"},
		{"Ctrl-C", "stops the answer"},
	} {
		b.WriteString(entryText(k[0], k[1], width) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// entryText is a name and what it is in at most width columns, if words let it be:
// side by side where there is room, else below each other.
func entryText(name, does string, width int) string {
	const column, narrow = 24, 60
	if does == "" {
		return "  " + name
	}
	mark := "  " + name + "  "
	if pad := column - chatui.Width(mark); pad > 0 {
		mark += strings.Repeat(" ", pad)
	}
	if width >= narrow && chatui.Width(mark) <= width/2 {
		return terminal.Hang(mark, does, width)
	}
	return "  " + name + "\n" + terminal.Hang("      ", does, width)
}
