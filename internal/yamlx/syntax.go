package yamlx

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
)

// messages says the scanner's and parser's commonest complaints in words that
// name the remedy. An empty message keeps the library's own.
var messages = []struct{ contains, message, remedy string }{
	{"mapping values are not allowed", "a second `: ` on this line, or a wrong indentation", "put the value in quotes, or indent it like its neighbours"},
	{"found character that cannot start any token", "a value cannot start with this character", "put the value in quotes"},
	{"found unexpected end of stream", "a quote that is opened here is never closed", "close it"},
	{"found unknown escape character", "", "double the backslash, or use single quotes"},
	{"did not find expected key", "this does not fit what stands before it", "check the indentation and the quotes; a value that starts with { or [ needs quotes"},
	{"did not find expected '-' indicator", "this does not fit the list before it", "start it with `- `, or check the indentation"},
	{"did not find expected ',' or ']'", "a `[` before this is never closed", "close it with `]`, or put the value in quotes"},
	{"did not find expected ',' or '}'", "a `{` before this is never closed", "close it with `}`, or put the value in quotes"},
	{"did not find expected node content", "a value is missing here", "write one, or put it in quotes"},
	{"unknown anchor", "", "a value that starts with * needs quotes"},
}

// withoutLine takes what comes before the library's own words away.
func withoutLine(text string) string {
	return regexp.MustCompile(`^(yaml: )?(line \d+: )?`).ReplaceAllString(text, "")
}

// syntaxError gives the library's error a place. The library knows lines only,
// and those of parser errors are wrong; so the place is where the shortest
// beginning of the file that fails in the same way ends.
func syntaxError(file string, data []byte, err error) *diag.Error {
	e := &diag.Error{File: file, Err: err}
	e.Message = regexp.MustCompile(`anchor '.*'`).ReplaceAllStringFunc(withoutLine(err.Error()), func(name string) string {
		if diag.LooksSecret(name) {
			return "anchor"
		}
		return name
	})
	e.Line, e.Column = place(data, failsAt(data, err.Error()))
	if line, column, ok := tabBefore(data, e.Line); ok {
		e.Line, e.Column = line, column
		e.Message, e.Remedy = "there is a tab in the indentation", "YAML is indented with spaces"
		return e
	}
	for _, m := range messages {
		if strings.Contains(e.Message, m.contains) {
			e.Remedy = m.remedy
			if m.message != "" {
				e.Message = m.message
			}
			break
		}
	}
	return e
}

// failsAt returns the offset of the last character of the shortest beginning
// of data that fails with the given text. Parsing stops at the first mistake,
// so nearly always every longer beginning fails likewise, and halving finds it.
func failsAt(data []byte, text string) int {
	offsets := make([]int, 0, len(data)+1)
	for i := range string(data) {
		offsets = append(offsets, i)
	}
	offsets = append(offsets, len(data))
	search := func(text string) int {
		return sort.Search(len(offsets)-1, func(i int) bool {
			err := firstError(data[:offsets[i]])
			return err != nil && err.Error() == text
		})
	}
	n := search(text)
	if n == len(offsets)-1 { // of a first line that does not end, errors know no line
		n = min(n, search("yaml: "+withoutLine(text)))
	}
	return offsets[max(0, n-1)]
}

// firstError returns the library's complaint about data, or nil.
func firstError(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		if err := dec.Decode(new(yaml.Node)); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// tabBefore looks for a tab in the indentation of the given line, counted from
// 1, and of the one before it.
func tabBefore(data []byte, line int) (tabLine, column int, ok bool) {
	lines := strings.Split(string(data), "\n")
	for l := min(line, len(lines)); l >= max(1, line-1); l-- {
		text := lines[l-1]
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
			return l, tab + 1, true
		}
	}
	return 0, 0, false
}
