package output_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tandem-llm/tandem/chain/output"
)

// goldens are what scripts/goldens_output.py had LangChain make.
type goldens struct {
	Versions map[string]string
	Cases    []struct {
		Parser  string
		Options output.Options
		Text    string
		Want    any
		Error   bool
	}
	Instructions []struct {
		Parser  string
		Options output.Options
		Text    string
	}
}

func load(t testing.TB) goldens {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "langchain.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAsLangChain(t *testing.T) {
	g := load(t)
	same := 0
	for _, c := range g.Cases {
		p, err := output.New(c.Parser, c.Options)
		if err != nil {
			t.Fatalf("%s: %v", c.Parser, err)
		}
		got, err := p.Parse(c.Text)
		want, differs := divergent(c.Parser, c.Text, c.Want)
		if differs {
			if (err != nil) != (want == nil) || err == nil && !equal(got, want) {
				t.Errorf("%s of %q: %#v, %v; want %#v, other than LangChain", c.Parser, c.Text, got, err, want)
			}
			if (err != nil) == c.Error && (c.Error || equal(got, c.Want)) {
				t.Errorf("%s of %q: is listed as a divergence, and is none", c.Parser, c.Text)
			}
			continue
		}
		same++
		if (err != nil) != c.Error || err == nil && !equal(got, c.Want) {
			t.Errorf("%s%v of %q: %#v, %v; LangChain has %#v, error %v", c.Parser, c.Options, c.Text, got, err, c.Want, c.Error)
		}
		if err != nil && (!strings.Contains(err.Error(), "expected ") || !strings.Contains(err.Error(), "found ")) {
			t.Errorf("%s of %q: %v", c.Parser, c.Text, err)
		}
	}
	if len(g.Cases) < 300 {
		t.Errorf("there are %d cases only", len(g.Cases))
	}
	t.Logf("%d cases of LangChain %s, %d the same", len(g.Cases), g.Versions["langchain-core"], same)
}

func TestInstructionsAsLangChain(t *testing.T) {
	for _, c := range load(t).Instructions {
		p, err := output.New(c.Parser, c.Options)
		if err != nil {
			t.Fatal(err)
		}
		if p.Instructions() != c.Text {
			t.Errorf("%s:\n%s\nLangChain has\n%s", c.Parser, p.Instructions(), c.Text)
		}
	}
}

// equal compares by JSON; a time as Python writes it.
func equal(got, want any) bool {
	if at, ok := got.(time.Time); ok {
		text, _ := want.(string)
		for _, layout := range []string{"2006-01-02T15:04:05.999999", "2006-01-02T15:04:05.999999-07:00", "2006-01-02T15:04:05.999999-07:00:00"} {
			if t, err := time.Parse(layout, text); err == nil {
				return at.Equal(t)
			}
		}
		return false
	}
	return reflect.DeepEqual(plain(got), plain(want))
}

// plain is a value with its numbers as float64.
func plain(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var out any
	if json.Unmarshal(data, &out) != nil { // a number too large for that
		return string(data)
	}
	return out
}

// divergent is where a parser differs on purpose, and what it makes; nil: an
// error. docs/langchain.md has the reasons.
func divergent(parser, text string, langchain any) (want any, differs bool) {
	switch parser {
	case "list", "numbered", "markdown": // an answer without any item is not an empty list
		l, ok := langchain.([]any)
		return nil, ok && (len(l) == 0 || len(l) == 1 && l[0] == "")
	case "json":
		switch text {
		case `{"a": 1`, `{"a": [1, 2`, `{"a": "b`, `{"a": "b\`, `[1, 2,`, `{"a": 1,`, `{"a":`, `{"a`, `{`, `[`, `{"a": tru`, `[{"a": 1}, {"b"`: // cut JSON is not whole
			return nil, true
		case `{"a": 1}}`, `[1]]`, `{"a": 1]`: // malformed JSON is not null
			return nil, true
		case `{"a":1}{"b":2}`, `1. Paris`, `"a" or "b"`, `true or false`: // the first of several values is a guess
			return nil, true
		case `{"a": NaN}`, `{"a": Infinity}`: // no JSON
			return nil, true
		case `{"a": 1E400}`: // a number stays as it is written
			return map[string]any{"a": json.Number("1E400")}, true
		}
	case "datetime":
		return nil, text == "2023 366" // 2023 had no such day
	case "xml":
		return nil, text == `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>1</a>` // no DOCTYPE is read
	}
	return nil, false
}
