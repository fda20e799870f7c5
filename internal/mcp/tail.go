package mcp

import (
	"strings"
	"sync"
	"unicode"

	"github.com/tandem-llm/tandem/internal/redact"
)

const (
	mostLog   = 16 << 10 // bytes kept of a server's standard error
	mostWords = 500      // of them, bytes shown
)

// tail keeps the end of what is written to it.
type tail struct {
	secrets *redact.Redactor
	mu      sync.Mutex
	data    []byte
}

// Write keeps b. It never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b[max(0, len(b)-mostLog):]...)
	if over := len(t.data) - mostLog; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(b), nil
}

// lastLine is the last that was written, on one line, without secrets.
func (t *tail) lastLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.secrets.Text(cleanText(string(t.data), false)) // the whole of it, before it is cut
	if cut := len(text) - mostWords; cut > 0 {
		text = "…" + strings.ToValidUTF8(text[cut:], "")
	}
	return text
}

// cleanText is a stranger's text without characters that are not seen, or that
// could make it look like another: control characters, the marks that turn the
// direction of text, and what is no UTF-8. lines keeps its lines.
func cleanText(text string, lines bool) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if !lines {
		return strings.Join(strings.Fields(text), " ")
	}
	return strings.TrimSpace(text)
}
