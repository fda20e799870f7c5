package cli

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// /help fits the terminal, and tells of every command once.
func TestHelpFits(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120} {
		text := helpText(width)
		for line := range strings.Lines(text) {
			if w := chatui.Width(strings.TrimSuffix(line, "\n")); w > width {
				t.Errorf("%d columns: %q takes %d", width, line, w)
			}
		}
		for _, c := range chatCommands() {
			if n := strings.Count(text, "  /"+c.name+" ") + strings.Count(text, "  /"+c.name+"\n"); n != 1 && c.does != "" {
				t.Errorf("%d columns: /%s is there %d times", width, c.name, n)
			}
		}
	}
}

// Every command is on the page.
func TestChatPage(t *testing.T) {
	text := page(t, "chat.md")
	for _, c := range chatCommands() {
		if !strings.Contains(text, "`/"+c.name+" ") && !strings.Contains(text, "`/"+c.name+"`") {
			t.Errorf("chat.md does not tell of /%s", c.name)
		}
	}
}
