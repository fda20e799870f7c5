package yamlx_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

func TestParsePlaces(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"second colon", "x: 1\na: b: c\n", "f.yaml:2:5: a second `: ` on this line, or a wrong indentation; put the value in quotes, or indent it like its neighbours"},
		{"first line", "a: b: c\n", "f.yaml:1:5: a second"},
		{"no space after a colon", "a:1\nb: 2\n", "f.yaml:2:2: a second"},
		{"tab", "a:\n\tb: 1\n", "f.yaml:2:1: there is a tab in the indentation; YAML is indented with spaces"},
		{"tab after spaces", "a:\n  - b: 1\n  \tc: 2\n", "f.yaml:3:3: there is a tab"},
		{"tab in a block", "a: |\n\tfoo\n", "f.yaml:2:1: there is a tab"},
		{"open quote", "x: 1\na: \"foo\nb: c\nd: e\n", "f.yaml:2:4: a quote that is opened here is never closed; close it"},
		{"open quote in the only line", "a: \"foo\n", "f.yaml:1:4: a quote that is opened here is never closed; close it"},
		{"open quote after a closed one", "a: \"b\"\nc: \"d\n", "f.yaml:2:4: a quote that is opened here is never closed; close it"},
		{"a key as an alias", "a: *" + canary + "\n", "f.yaml:1:30: unknown anchor referenced; a value that starts with * needs quotes"},
		{"open list", "a: [b, c\nd: e\n", "f.yaml:1:8: a `[` before this is never closed"},
		{"deeper than its neighbour", "a: 1\n b: 2\nc: 3\n", "f.yaml:2:3: a second"},
		{"less deep", "a:\n  b: 1\n c: 2\nd: 3\n", "f.yaml:3:2: this does not fit what stands before it"},
		{"at sign", "a: 1\nb: @foo\n", "f.yaml:2:4: a value cannot start with this character; put the value in quotes"},
		{"backtick", "a: `x`\n", "f.yaml:1:4: a value cannot start"},
		{"template without quotes", "prompt: {country} x\nb: 1\n", "f.yaml:1:19: this does not fit what stands before it; check the indentation and the quotes; a value that starts with { or [ needs quotes"},
		{"apostrophe", "a: 'it's'\nb: 1\n", "f.yaml:2:2: this does not fit"},
		{"unknown alias", "a: *nope\n", "f.yaml:1:8: unknown anchor 'nope' referenced; a value that starts with * needs quotes"},
		{"escape", "a: \"\\q\"\n", "f.yaml:1:5: found unknown escape character; double the backslash, or use single quotes"},
		{"two documents", "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document starts here"},
		{"duplicate", "a: 1\nb: 2\na: 3\n", `f.yaml:3:1: the key "a" appears twice; it is already in line 1; remove one`},
		{"endless alias", "a: &x [1, *x]\n", "f.yaml:1:11: the alias \"*x\" refers to itself"},
		{"tag", "a: !!python/object x\n", `f.yaml:1:4: the tag "!!python/object" is not known here; remove it`},
		{"merge", "a: &x {b: 1}\nc:\n  <<: *x\n", "f.yaml:3:3: merging with << is not supported"},
		{"key that is a list", "? [a]\n: b\n", "f.yaml:1:3: a key must be a word"},
		{"NUL", "a: 1\nb: \x00\n", "f.yaml:2:4: there is a NUL byte"},
		{"not UTF-8", "a: 1\nbé: \xff\n", "f.yaml:2:5: byte 0xff is not UTF-8; save the file as UTF-8"},
		{"too large", strings.Repeat("#", yamlx.MaxSize+1), "f.yaml: is larger than 1 MiB"},
		{"too deep", strings.Repeat("[", 200) + strings.Repeat("]", 200), "f.yaml:1:101: values are nested more than 100 deep"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := yamlx.Parse("f.yaml", []byte(tc.in))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("%q:\n got %v\nwant %s", tc.in, err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestAliasesCannotMultiplyWithoutEnd(t *testing.T) {
	in := "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
	for c := 'b'; c < 'j'; c++ {
		prev := string(c - 1)
		in += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+prev+",", 9) + "*" + prev + "]\n"
	}
	start := time.Now()
	_, err := yamlx.Parse("f.yaml", []byte(in))
	if err == nil || !strings.Contains(err.Error(), "more than 100000 values") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 2*time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestParseEmpty(t *testing.T) {
	for _, in := range []string{"", "\n", "# nothing\n", "---\n", "\ufeff"} {
		if n, err := yamlx.Parse("f.yaml", []byte(in)); n != nil || err != nil {
			t.Errorf("%q: got %v, %v", in, n, err)
		}
	}
	n, err := yamlx.Parse("f.yaml", []byte("\ufeffa: 1\n"))
	if err != nil || n.Content[0].Value != "a" {
		t.Errorf("byte order mark: %v, %v", n, err)
	}
}

func TestAllDuplicatesAtOnce(t *testing.T) {
	_, err := yamlx.Parse("f.yaml", []byte("a: 1\na: 2\nb: 1\nb: 2\n"))
	if len(diag.Split(err)) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if data, err := yamlx.Read(write("ok", "a: 1\n", 0o600)); err != nil || string(data) != "a: 1\n" {
		t.Errorf("got %q, %v", data, err)
	}
	for path, want := range map[string]string{
		dir:                                  "is a directory; name the right file",
		filepath.Join(dir, "none"):           "there is no such file; check the path",
		write("bin", "\x7fELF\x00", 0o600):   "there is a NUL byte; this is a binary file",
		write("latin1", "caf\xe9 \n", 0o600): "byte 0xe9 is not UTF-8",
	} {
		_, err := yamlx.Read(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if _, err := yamlx.Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file is not fs.ErrNotExist: %v", err)
	}
}
