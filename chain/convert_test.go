package chain

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/diag"
)

// TestConvertGoldens converts every LangChain file in the goldens to a chain
// file. FromLangChain itself compares what both ask; what it cannot express is
// an error that says so.
func TestConvertGoldens(t *testing.T) {
	converted, all := 0, 0
	reasons := map[string]int{}
	for _, golden := range []string{filepath.Join("testdata", "langchain.json"), filepath.Join("prompt", "testdata", "langchain.json")} {
		data, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		var g struct {
			Cases []struct {
				Main  string
				Files map[string]string
				Want  struct{ Error string }
			}
		}
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatal(err)
		}
		for i, c := range g.Cases {
			if c.Want.Error != "" {
				continue
			}
			all++
			dir := t.TempDir()
			for name, text := range c.Files {
				writeFile(t, dir, name, text)
			}
			path := filepath.Join(dir, c.Main)
			ours, _, err := FromLangChain(path, []byte(c.Files[c.Main]), dir)
			if err != nil {
				reasons[err.Error()]++
				if !errors.Is(err, errUnconvertible) {
					t.Errorf("%s, case %d: %v\n%s", golden, i, err, c.Files)
				}
				continue
			}
			if _, err := Parse("ours.yaml", ours); err != nil {
				t.Errorf("%s, case %d: the chain file is refused: %v\n%s", golden, i, err, ours)
			}
			converted++
		}
	}
	for why, n := range reasons {
		t.Logf("%d: %s", n, why)
	}
	if converted < 200 {
		t.Errorf("%d of %d became chain files", converted, all)
	}
}

func TestFromLangChainMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"_type: llm_chain":             `the key "prompt" is missing`,
		"_type: prompt\ntemplate: '{'": "f.yaml:2:12: this { is never closed",
		"{":                            "f.yaml:1:1: ",
	} {
		_, _, err := FromLangChain("f.yaml", []byte(text), "")
		if e := new(diag.Error); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
