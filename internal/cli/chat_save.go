package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/internal/chatui"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// save writes the conversation to a file that is not there yet.
func (s *chatSession) save(_ context.Context, path string) error {
	if path == "" {
		return usageError{errors.New("name a file, such as /save rivers.md")}
	}
	path = pathsOf(path)[0]
	text := chatText(&s.chat)
	switch filepath.Ext(path) {
	case ".md":
	case ".json":
		data, err := json.MarshalIndent(s.chat, "", "  ")
		if err != nil {
			return err
		}
		text = string(data) + "\n"
	default:
		return usageError{fmt.Errorf("%s: expected a name that ends in .md or .json", path)}
	}
	return s.writeNew(path, text)
}

// show prints the conversation to standard error: it is not an answer.
func (s *chatSession) show(ctx context.Context, _ string) error {
	t := s.app.term
	if err := writeChat(t.Err, t.ErrWidth(), s.format, &s.chat); err != nil {
		return err
	}
	t.Noticef("")
	s.note("next message: " + s.asked())
	m := s.chat.Memory
	most, window := s.room(ctx)
	text := "as much of the conversation as the engine takes"
	if most > 0 {
		text = fmt.Sprintf("at most %d tokens", most)
	}
	if window > 0 {
		text += fmt.Sprintf(" (the window holds %d)", window)
	}
	if m.Turns > 0 {
		text += fmt.Sprintf(", at most %d turns", m.Turns)
	}
	if m.Summary {
		text += ", and a summary of the rest"
	}
	s.note("sent: " + text)
	for _, line := range s.with() {
		s.note(line)
	}
	return nil
}

// writeChat writes a conversation for a reader, in the width of a terminal; 0: output is not one.
func writeChat(w io.Writer, width int, format bool, c *store.Chat) error {
	if width == 0 {
		_, err := io.WriteString(w, chatText(c))
		return err
	}
	if !format {
		_, err := terminal.NewSanitizer(w).WriteString(terminal.FoldLines(chatText(c), width))
		return err
	}
	md := chatui.NewMarkdown(terminal.Raw(w), chatui.Look{}) // made safe before it is formatted
	_, err := terminal.NewSanitizer(md).WriteString(terminal.FoldLines(chatText(c), width))
	return errors.Join(err, md.Close())
}

// chatText is a conversation for a reader, as Markdown.
func chatText(c *store.Chat) string {
	var b strings.Builder
	title := c.Title
	if title == "" {
		title = "A conversation"
	}
	fmt.Fprintf(&b, "# %s\n\n%s · started %s", title, c.ID, c.Created.Local().Format("2006-01-02 15:04"))
	if c.Privacy == provider.PrivacyLocal {
		b.WriteString(" · stays on this machine")
	}
	b.WriteString("\n")
	if c.System != "" {
		fmt.Fprintf(&b, "\n## System\n\n%s\n", strings.TrimRight(c.System, "\n"))
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Role == provider.RoleUser {
			fmt.Fprintf(&b, "\n## You\n\n%s\n", strings.TrimRight(m.Typed(), "\n"))
			if with := attachmentsOf(m, true); len(with) > 0 {
				fmt.Fprintf(&b, "\n(Attached: %s)\n", attachedLine(with))
			}
			continue
		}
		who := "No answer"
		if m.Route != nil {
			who = fmt.Sprintf("%s (%s)", m.Route.Provider, m.Route.Model)
		} else if m.Text != "" {
			who = "Answer"
		}
		fmt.Fprintf(&b, "\n## %s\n", who)
		if m.Text != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(m.Text, "\n"))
		}
		switch {
		case m.Broken != "":
			fmt.Fprintf(&b, "\n(This answer broke off: %s.)\n", strings.ReplaceAll(m.Broken, "_", " "))
		case m.Finish == provider.FinishLength:
			b.WriteString("\n(This answer was cut at its limit.)\n")
		}
	}
	return b.String()
}
