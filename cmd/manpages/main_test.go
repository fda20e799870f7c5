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

// Flags are shown as `--model MODEL`, on every page.
func TestFlagsInPages(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "man1", "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `\fB--`) && (strings.Contains(line, "[=false]") || strings.Contains(line, `\fP=`)) {
				t.Errorf("%s: %s", filepath.Base(page), line)
			}
		}
	}
	ask, err := os.ReadFile(filepath.Join(dir, "man1", "tandem-ask.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n\\fB-m\\fP, \\fB--model\\fP \\fIMODEL\\fP\n", "\n\\fB--dry-run\\fP\n", "\n\\fB-f\\fP, \\fB--file\\fP \\fIFILE\\fP\n",
		"\n\\fB--color\\fP \\fISTRING\\fP (default: auto)\n",
	} {
		if !strings.Contains(string(ask), want) {
			t.Errorf("the page of ask does not say %q", want)
		}
	}
}
