package chatui

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Width is how many columns a text of one line takes on a terminal.
func Width(s string) int { return uniseg.StringWidth(s) }

// Cut is a text of at most width columns: a longer one ends with an ellipsis.
func Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	used, end := 1, 0 // the ellipsis is one
	for end < len(s) {
		cluster, _, w, _ := uniseg.FirstGraphemeClusterInString(s[end:], -1)
		if used+w > width {
			break
		}
		used, end = used+w, end+len(cluster)
	}
	return strings.TrimRight(s[:end], " ") + "…"
}

// Fold breaks a text between words into lines of at most width columns. A word
// that is longer has a line of its own, and stays whole: a path or an address can
// be copied then.
func Fold(s string, width int) []string {
	var lines []string
	var line strings.Builder
	used := 0
	for _, word := range strings.Fields(s) {
		w := Width(word)
		if used > 0 && used+1+w > width {
			lines = append(lines, line.String())
			line.Reset()
			used = 0
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		line.WriteString(word)
		used += w
	}
	return append(lines, line.String())
}
