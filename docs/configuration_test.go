package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/config"
)

// TestFilesAsDocumented loads every configuration and every chain that a page
// shows, so that a reader can copy it.
func TestFilesAsDocumented(t *testing.T) {
	configuration := regexp.MustCompile(`^(use|providers|budget|log_keep|mcp_servers|privacy|offline|cache):`)
	steps := regexp.MustCompile(`^(name|prompt|steps|inputs|route|each):`)
	configurations, chains := 0, 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks(string(text)) {
			switch {
			case configuration.MatchString(block):
				configurations++
				file := filepath.Join(t.TempDir(), "config.yaml")
				if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := config.Load(config.LoadOptions{UserFile: file, Env: func(string) (string, bool) { return "", false }}); err != nil {
					t.Errorf("%s: %v\n%s", page, err, block)
				}
			case steps.MatchString(block) && !strings.Contains(block, "\n  - chain: ") && !strings.Contains(block, "\n    chain: "):
				chains++
				if _, err := chain.Parse("page.yaml", []byte(block)); err != nil {
					t.Errorf("%s: %v\n%s", page, err, block)
				}
			}
		}
	}
	if configurations < 8 || chains < 8 {
		t.Errorf("only %d configurations and %d chains were found", configurations, chains)
	}
}

// blocks returns the code of a page: what is indented, or between fences.
func blocks(page string) []string {
	var out []string
	fenced, open := false, false
	for line := range strings.Lines(page) {
		fence := strings.HasPrefix(line, "```")
		code := !fence && (fenced || strings.HasPrefix(line, "    ") || open && strings.TrimSpace(line) == "")
		if code && !open {
			out = append(out, "")
		}
		if code && !fenced {
			line = strings.TrimPrefix(line, "    ")
		}
		if code {
			out[len(out)-1] += line
		}
		fenced, open = fenced != fence, code
	}
	return out
}
