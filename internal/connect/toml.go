package connect

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/tandem-llm/tandem/internal/diag"
)

// tomlDocument is a file of TOML. Entries in it are keys of the root, and tables whose
// values are plain.
type tomlDocument struct {
	file, text string
	value      map[string]any
	lines      []tomlLine
}

// tomlLine is an expression of a file: a table's header, or a key with its value.
type tomlLine struct {
	start  int      // where its line begins
	header bool     // of a table
	path   []string // from the root
}

func tomlFile(file, text string) (document, error) {
	d := &tomlDocument{file: file, text: text, value: map[string]any{}}
	if err := toml.Unmarshal([]byte(text), &d.value); err != nil {
		e := &diag.Error{File: file, Message: strings.TrimPrefix(err.Error(), "toml: "), Err: err}
		if at := new(toml.DecodeError); errors.As(err, &at) {
			e.Line, e.Column = at.Position()
		} else { // of what is there twice, it does not say where
			e.Line = sort.Search(strings.Count(text, "\n")+1, func(n int) bool {
				before := strings.SplitAfterN(text, "\n", n+2)
				again := toml.Unmarshal([]byte(strings.Join(before[:min(n+1, len(before))], "")), &map[string]any{})
				return again != nil && again.Error() == err.Error()
			}) + 1
			e.Column = 1
		}
		return nil, e
	}
	p := unstable.Parser{KeepComments: true}
	p.Reset([]byte(text))
	var table []string
	for p.NextExpression() {
		x := p.Expression()
		if x.Kind == unstable.Comment {
			continue
		}
		var path []string
		at := -1
		for keys := x.Key(); keys.Next(); {
			if at < 0 {
				at = int(keys.Node().Raw.Offset)
			}
			path = append(path, string(keys.Node().Data))
		}
		line := tomlLine{start: strings.LastIndexByte(text[:at], '\n') + 1, header: x.Kind != unstable.KeyValue}
		if line.header {
			table = path
			line.path = path
		} else {
			line.path = append(slices.Clone(table), path...)
		}
		d.lines = append(d.lines, line)
	}
	if err := p.Error(); err != nil {
		return nil, &diag.Error{File: file, Message: err.Error(), Err: err}
	}
	return d, nil
}

func (d *tomlDocument) plain() any { return plainOf(d.value) }

func (d *tomlDocument) find(e entry) (value any, at int, ok bool) {
	value = any(d.value)
	for _, key := range e.Path {
		m, isMap := value.(map[string]any)
		if value, ok = m[key]; !isMap || !ok {
			return nil, 0, false
		}
	}
	for _, l := range d.lines {
		if n := min(len(l.path), len(e.Path)); slices.Equal(l.path[:n], e.Path[:n]) && (len(l.path) >= len(e.Path) || !l.header) {
			at = l.start
			break
		}
	}
	return plainOf(value), at, true
}

func (d *tomlDocument) add(e entry) (string, error) {
	nl := newline(d.text)
	text := d.text
	table, ok := e.Value.(object)
	if !ok { // a key of the root, before all tables
		line := quotedKey(e.Path[0]) + " = " + renderTOML(e.Value) + nl
		for _, l := range d.lines {
			if l.header {
				at := d.headStart(l.start)
				return text[:at] + line + nl + text[at:], nil
			}
		}
		return ended(text, nl) + line, nil
	}
	text = ended(text, nl)
	if strings.TrimSpace(text) != "" {
		text += nl
	}
	keys := make([]string, len(e.Path))
	for i, key := range e.Path {
		keys[i] = quotedKey(key)
	}
	text += "[" + strings.Join(keys, ".") + "]" + nl
	for _, m := range table {
		text += quotedKey(m.key) + " = " + renderTOML(m.value) + nl
	}
	return text, nil
}

// headStart is where the comments right above a header begin.
func (d *tomlDocument) headStart(at int) int {
	for at > 0 {
		before := strings.LastIndexByte(d.text[:at-1], '\n') + 1
		if !strings.HasPrefix(strings.TrimSpace(d.text[before:at]), "#") {
			break
		}
		at = before
	}
	if strings.TrimSpace(d.text[:at]) == "" {
		return 0
	}
	return at
}

func (d *tomlDocument) remove(e entry) (string, error) {
	text := d.text
	for i := len(d.lines) - 1; i >= 0; i-- { // from behind: offsets before stay right
		l := d.lines[i]
		if len(l.path) < len(e.Path) || !slices.Equal(l.path[:len(e.Path)], e.Path) {
			continue
		}
		end := len(d.text)
		if i+1 < len(d.lines) {
			end = d.lines[i+1].start
		}
		end = l.start + len(withoutTail(d.text[l.start:end]))
		start := l.start
		if blank := withoutBlank(text[:start]); l.header && (end == len(d.text) || strings.TrimSpace(text[end:]) == "") {
			start = len(blank)
		} else if blankAfter := strings.TrimLeft(text[end:], "\r\n"); start == 0 && !l.header {
			end = len(text) - len(blankAfter)
		}
		text = text[:start] + text[end:]
	}
	return text, nil
}

// withoutTail is an expression's text without the blank lines and comments behind it.
func withoutTail(text string) string {
	end := len(text)
	for end > 0 {
		line := strings.LastIndexByte(text[:end-1], '\n') + 1
		if t := strings.TrimSpace(text[line:end]); t != "" && !strings.HasPrefix(t, "#") || line == 0 {
			break
		}
		end = line
	}
	return text[:end]
}

// withoutBlank is a text without one blank line at its end.
func withoutBlank(text string) string {
	for _, nl := range []string{"\r\n", "\n"} {
		if strings.HasSuffix(text, nl+nl) {
			return strings.TrimSuffix(text, nl)
		}
	}
	return text
}

// ended is a text whose last line ends.
func ended(text, nl string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return text + nl
	}
	return text
}

func quotedKey(key string) string {
	if key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return key
	}
	return quoted(key)
}

func renderTOML(v any) string {
	if s, ok := v.(string); ok {
		return quoted(s)
	}
	return fmt.Sprint(v)
}
