package config

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A file whose lines end with CRLF keeps that; one with both ends, and any other, gets
// what was written.
func TestSaveKeepsLineEnds(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		crlf   bool
	}{
		"CRLF":  {"# mine\r\nuse: [local] # keep\r\n", true},
		"LF":    {"# mine\nuse: [local]\n", false},
		"both":  {"# mine\r\nuse: [local]\n", false},
		"empty": {"", false},
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := NewDraft(LoadOptions{UserFile: file})
		if err != nil {
			t.Fatal(err)
		}
		text, err := d.WithProvider(Provider{Name: "lab", Kind: KindOpenAI, BaseURL: "http://127.0.0.1:1/v1", Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Save(text); err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if all := bytes.Count(now, []byte("\r\n")) == bytes.Count(now, []byte("\n")); all != c.crlf {
			t.Errorf("%s: %q", name, now)
		}
	}
}
