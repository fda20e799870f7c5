package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPagesAndCompletions(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1795824000")
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"man1/tandem.1":           `"Nov 2026"`,
		"man1/tandem-ask.1":       "--max-tokens",
		"man1/tandem-keys-set.1":  "tandem-keys(1)",
		"completions/tandem.bash": "complete -F",
		"completions/tandem.zsh":  "#compdef tandem",
		"completions/tandem.fish": "complete -c tandem",
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %q", file, want)
		}
	}
}
