package terminal

import (
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/tandem-llm/tandem/internal/chatui"
)

// usualWidth is that of a terminal that does not tell its own, in columns.
const usualWidth = 80

// OutWidth is how many columns the terminal at standard output has now; 0: it is
// no terminal.
func (t *Terminal) OutWidth() int { return columns(t.out, t.OutIsTTY) }

// ErrWidth is how many columns the terminal at standard error has now; 0: it is
// no terminal.
func (t *Terminal) ErrWidth() int { return columns(t.err, t.ErrIsTTY) }

func columns(f *os.File, tty bool) int {
	if !tty {
		return 0
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return usualWidth
}

// Hang is a text in the terminal's width whose first line begins with mark, and
// whose others are indented as far: less where a word, such as a path, needs the room.
// Where width is 0, it is one line.
func Hang(mark, s string, width int) string {
	if width == 0 {
		return mark + s
	}
	n := chatui.Width(mark)
	lines := chatui.Fold(s, max(width-n, 1))
	out := mark + lines[0]
	for _, line := range lines[1:] {
		out += "\n" + strings.Repeat(" ", max(0, min(n, width-chatui.Width(line)))) + line
	}
	return out
}

// FoldLines breaks those lines of a text between words that are wider than width, and
// leaves the rest as it is. What follows is indented as far as its line. Where width is
// 0, nothing changes.
func FoldLines(text string, width int) string {
	if width == 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if chatui.Width(line) <= width {
			continue
		}
		words := strings.TrimLeft(line, " ")
		lead := len(line) - len(words)
		if lead > width/2 {
			lead = 0
		}
		lines[i] = Hang(strings.Repeat(" ", lead), words, width)
	}
	return strings.Join(lines, "\n")
}
