package chatui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

// A table is laid out in the width that the terminal has when it is whole, and what comes
// before and behind it is not held back.
func TestATableComesWhenItIsWhole(t *testing.T) {
	var b bytes.Buffer
	width := 60
	m := NewMarkdown(&b, Look{Width: func() int { return width }})
	for _, step := range []struct{ write, want string }{
		{"Look:\n", "Look:\n"},
		{"| a | b |\n|--", "Look:\n"},
		{"-|---|\n| one two three | 2 |\n| x", "Look:\n"},
		{" | y |\n", "Look:\n"},
		{"\nAnd", "Look:\na         b\n────────  ─\none two   2\nthree\nx         y\n\nAnd"},
		{" on\n|x| is", "Look:\na         b\n────────  ─\none two   2\nthree\nx         y\n\nAnd on\n"},
		{" big.\nA", "Look:\na         b\n────────  ─\none two   2\nthree\nx         y\n\nAnd on\n|x| is big.\nA"},
	} {
		_, _ = m.Write([]byte(step.write))
		if got := sgr.ReplaceAllString(b.String(), ""); got != step.want {
			t.Errorf("after %q: %q, want %q", step.write, got, step.want)
		}
		width = 11
	}
}

// However long a table or a row of it is, little of it is held back, and no line is wider
// than the terminal.
func TestLittleOfATableIsHeldBack(t *testing.T) {
	for name, text := range map[string]string{
		"rows":       "| a | b |\n|---|---|\n" + strings.Repeat("| one | two |\n", 5*mostTableRows),
		"wider rows": "| a | b |\n|---|---|\n" + strings.Repeat("| one | two |\n", mostTableRows) + strings.Repeat("| a longer text 日本語日本語日本語 | and_a_word_that_is_longer | more |\n", 20),
		"a row":      "| a | b |\n|---|---|\n| " + strings.Repeat("x ", mostRowBytes),
		"no row":     "| " + strings.Repeat("x ", mostRowBytes),
		"a rule":     "| a |\n|" + strings.Repeat("-", 2*mostRowBytes),
		"cells":      strings.Repeat("|a", mostRowBytes/2) + "\n" + strings.Repeat("|-", mostRowBytes/2) + "\n" + strings.Repeat("|b", mostRowBytes/2) + "\n",
	} {
		var b bytes.Buffer
		m := NewMarkdown(&b, Look{Width: func() int { return 20 }})
		for rest := text; len(rest) > 0; {
			n := min(7, len(rest))
			_, _ = m.Write([]byte(rest[:n]))
			rest = rest[n:]
			if held := len(m.pending) + m.heldOfTable(); held > mostTableBytes+2*mostRowBytes+reach {
				t.Fatalf("%s: %d bytes are held back", name, held)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "a r") || name == "no row" {
			continue // words without an end
		}
		for line := range strings.Lines(sgr.ReplaceAllString(b.String(), "")) {
			if w := uniseg.StringWidth(strings.TrimRight(line, "\n")); w > 20 {
				t.Fatalf("%s: a line of %d columns: %q", name, w, line)
			}
		}
	}
}

func (m *Markdown) heldOfTable() int {
	if m.grid == nil {
		return 0
	}
	return m.grid.held
}

// A table costs no more than its length, whatever is in it.
func BenchmarkTable(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "| row %d | a text of some words | **12** |\n", i)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		m := NewMarkdown(io.Discard, Look{Width: func() int { return 80 }})
		_, _ = m.Write([]byte("| a | b | c |\n|---|---|---|\n" + text.String()))
		_ = m.Close()
	}
}
