package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestProseWrapsAt100 holds every page to lines of at most 100 characters, so
// that a diff of a page shows the sentence that changed. Code, tables and
// pictures are as wide as they need to be, and so is a line with nothing to
// break it at.
func TestProseWrapsAt100(t *testing.T) {
	const width = 100
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for i, line := range strings.Split(string(text), "\n") {
			fence := strings.HasPrefix(strings.TrimSpace(line), "```")
			fenced = fenced != fence
			switch {
			case fence, fenced, strings.HasPrefix(line, "|"), strings.HasPrefix(line, "    "), strings.HasPrefix(line, "!["):
				continue
			}
			if utf8.RuneCountInString(line) > width && strings.LastIndex(line[:width], " ") > len(line)-len(strings.TrimLeft(line, " -*")) {
				t.Errorf("%s:%d: this line has %d characters; wrap it at %d", page, i+1, utf8.RuneCountInString(line), width)
			}
		}
	}
}

// pages are the files of documentation.
func pages(t *testing.T) []string {
	var out []string
	for _, pattern := range []string{"*.md", "../*.md", "../examples/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(found), err)
		}
		out = append(out, found...)
	}
	return out
}
