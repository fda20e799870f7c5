package chain

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update-graphs", false, "write the drawings anew")

// The drawings were checked once with Mermaid's own parser, which is not part of
// the tests: whoever changes them, does so again.
func TestMermaid(t *testing.T) {
	files, err := filepath.Glob("testdata/graph/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		c, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".mmd"
		if *update {
			if err := os.WriteFile(golden, []byte(c.Mermaid()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || c.Mermaid() != string(want) {
			t.Errorf("%s, %v:\n%s", golden, err, c.Mermaid())
		}
	}
}

// Whatever stands in a chain, a label is one text in quotes of characters that
// mean nothing to Mermaid or to a browser.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{`"]; click n1 "javascript:alert(1)"`, "`x`", "a\nend", "%% c", "#quot;", "<b>", "é 日本", "\x00\x1b[31m", "\u202e"} {
		f.Add(s)
	}
	safe := regexp.MustCompile(`^"([\pL\pN _.,:/+=?!()·…-]|#\d+;)*"$`)
	f.Fuzz(func(t *testing.T, s string) {
		if q := quoted(s); !safe.MatchString(q) {
			t.Errorf("%q becomes %s", s, q)
		}
	})
}
