package connect

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/yamlx"
)

// yamlDocument is a file of YAML. Entries in it are keys of the root, and items of the
// root or of a list under one key.
type yamlDocument struct {
	file, text string
	root       *yaml.Node // nil: there is none
	value      any
	lines      []int // where each line begins
}

func yamlFile(file, text string) (document, error) {
	d := &yamlDocument{file: file, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	if _, err := yamlx.Text(file, []byte(text)); err != nil {
		return nil, err
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(text))
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return d, nil
	}
	if err == nil {
		err = doc.Decode(&d.value)
	}
	if err == nil {
		if err = dec.Decode(new(yaml.Node)); errors.Is(err, io.EOF) {
			d.root = doc.Content[0]
			return d, nil
		}
	}
	if _, err := yamlx.Document(file, []byte(text)); err != nil { // says it with the place
		return nil, err
	}
	return nil, mistake(file, text, 0, fmt.Sprintf("is not YAML: %v", err), "correct it first")
}

func (d *yamlDocument) plain() any { return plainOf(d.value) }

// offset is where a node begins in the text.
func (d *yamlDocument) offset(n *yaml.Node) int {
	at, column := d.lines[n.Line-1], 0
	for i := range d.text[at:] {
		if column++; column == n.Column {
			return at + i
		}
	}
	return len(d.text)
}

// under is the key and the value at a path of at most one key.
func (d *yamlDocument) under(path []string) (key, value *yaml.Node) {
	if len(path) == 0 || d.root == nil {
		return nil, d.root
	}
	for i := 0; d.root.Kind == yaml.MappingNode && i+1 < len(d.root.Content); i += 2 {
		if d.root.Content[i].Value == path[0] {
			return d.root.Content[i], d.root.Content[i+1]
		}
	}
	return nil, nil
}

// item is the entry's item in a list, and its number.
func (d *yamlDocument) item(list *yaml.Node, e entry) (*yaml.Node, int) {
	if list != nil && list.Kind == yaml.SequenceNode {
		for i, n := range list.Content {
			var v any
			if n.Decode(&v) == nil && e.isItem(plainOf(v)) {
				return n, i
			}
		}
	}
	return nil, -1
}

func (d *yamlDocument) find(e entry) (value any, at int, ok bool) {
	key, n := d.under(e.Path)
	if e.Item != "" {
		n, _ = d.item(n, e)
		key = n
	}
	if n == nil || key == nil {
		return nil, 0, false
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, 0, false
	}
	return plainOf(v), d.offset(key), true
}

func (d *yamlDocument) add(e entry) (string, error) {
	nl := newline(d.text)
	text := d.text
	key, n := d.under(e.Path)
	switch {
	case d.root != nil && d.root.Style&yaml.FlowStyle != 0 && len(d.root.Content) > 0:
		return "", d.cannot(d.root, "the file is written with braces or brackets, which cannot be added to")
	case d.root == nil || key == nil && len(e.Path) > 0:
		if d.root != nil && d.root.Kind != yaml.MappingNode && d.root.Tag != "!!null" {
			return "", d.cannot(d.root, "the file should be a mapping")
		}
		var b strings.Builder
		switch {
		case e.Item == "":
			fmt.Fprintf(&b, "%s: %s%s", e.Path[0], renderYAML(e.Value), nl)
		case len(e.Path) == 0:
			writeItem(&b, "", e.Value, nl)
		default:
			b.WriteString(e.Path[0] + ":" + nl)
			writeItem(&b, "  ", e.Value, nl)
		}
		if d.root != nil && len(d.root.Content) == 0 { // {}, [] or null
			at := d.offset(d.root)
			return text[:at] + strings.TrimSuffix(b.String(), nl) + text[at+len(d.raw(d.root, at)):], nil
		}
		return ended(text, nl) + b.String(), nil
	}
	var b strings.Builder
	switch {
	case n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0:
		last := n.Content[len(n.Content)-1]
		indent := d.text[d.lines[n.Line-1]:d.offset(n)]
		writeItem(&b, indent, e.Value, nl)
		at := d.blockEnd(last.Line, len(indent)+1)
		before := ended(text[:at], nl)
		return before + b.String() + text[at:], nil
	case n.Tag == "!!null" || n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		// "models:" or "models: []"
		at := d.offset(n)
		raw := d.raw(n, at)
		writeItem(&b, "  ", e.Value, nl)
		head := strings.TrimRight(text[:at], " ")
		rest := text[at+len(raw):]
		eol := strings.IndexByte(rest, '\n')
		if eol < 0 {
			return head + rest + nl + b.String(), nil
		}
		return head + rest[:eol+1] + b.String() + rest[eol+1:], nil
	case n.Kind == yaml.SequenceNode:
		return "", d.cannot(n, fmt.Sprintf("%s is written with brackets, which cannot be added to", orRoot(e.Path)))
	}
	return "", d.cannot(n, fmt.Sprintf("%s should be a list", orRoot(e.Path)))
}

func (d *yamlDocument) cannot(n *yaml.Node, message string) error {
	return mistake(d.file, d.text, d.offset(n), message, "write it with one item on each line")
}

// raw is what stands for an empty value in the text.
func (d *yamlDocument) raw(n *yaml.Node, at int) string {
	for _, raw := range []string{"[]", "{}", "null", "~"} {
		if strings.HasPrefix(d.text[at:], raw) {
			return raw
		}
	}
	if end := strings.IndexAny(d.text[at:], "]}"); n.Kind != yaml.ScalarNode && end >= 0 {
		return d.text[at : at+end+1]
	}
	return ""
}

// blockEnd is where the block ends that begins in a line, from 1, and whose lines after
// it are indented by at least so many characters. Blank lines and comments behind it
// are not part of it.
func (d *yamlDocument) blockEnd(line, indent int) int {
	end := line
	for i := line; i < len(d.lines); i++ {
		text := d.line(i)
		body := strings.TrimLeft(text, " ")
		if strings.TrimSpace(body) == "" {
			continue
		}
		if len(text)-len(body) < indent {
			break
		}
		end = i + 1
	}
	if end >= len(d.lines) {
		return len(d.text)
	}
	return d.lines[end]
}

// line is the text of a line, from 0.
func (d *yamlDocument) line(i int) string {
	if i+1 < len(d.lines) {
		return d.text[d.lines[i]:d.lines[i+1]]
	}
	return d.text[d.lines[i]:]
}

func (d *yamlDocument) remove(e entry) (string, error) {
	key, n := d.under(e.Path)
	if e.Item == "" {
		if key == nil {
			return d.text, nil
		}
		return d.text[:d.lines[key.Line-1]] + d.text[d.blockEnd(key.Line, key.Column):], nil
	}
	item, i := d.item(n, e)
	if item == nil {
		return d.text, nil
	}
	if n.Style&yaml.FlowStyle != 0 {
		return "", d.cannot(n, fmt.Sprintf("%s is written with brackets", orRoot(e.Path)))
	}
	if len(n.Content) == 1 && key != nil {
		end := d.blockEnd(key.Line, key.Column)
		if first := d.blockEnd(n.Line, n.Column); first > end { // items as far left as the key
			end = first
		}
		if e.Depth < len(e.Path) {
			return d.text[:d.lines[key.Line-1]] + d.text[end:], nil
		}
		first := d.lines[n.Line-1]
		colon := d.offset(key) + strings.IndexByte(d.text[d.offset(key):], ':') + 1
		return d.text[:colon] + " []" + d.text[colon:first] + d.text[end:], nil
	}
	start := d.lines[item.Line-1]
	if i > 0 { // the line of the dash, which may stand before the item's
		for d.text[start:][:n.Column] != strings.Repeat(" ", n.Column-1)+"-" && start > 0 {
			start = strings.LastIndexByte(d.text[:start-1], '\n') + 1
		}
	} else {
		start = d.lines[n.Line-1]
	}
	return d.text[:start] + d.text[d.blockEnd(item.Line, n.Column):], nil
}

// writeItem writes an item of a block list.
func writeItem(b *strings.Builder, indent string, value any, nl string) {
	lead := "- "
	for _, m := range value.(object) {
		b.WriteString(indent + lead + m.key + ": " + renderYAML(m.value) + nl)
		lead = "  "
	}
}

// renderYAML writes a value on one line.
func renderYAML(v any) string {
	switch v := v.(type) {
	case string:
		var got any
		if !strings.ContainsAny(v, "#\n'\"") && yaml.Unmarshal([]byte("a: "+v), &got) == nil {
			if m, ok := got.(map[string]any); ok && len(m) == 1 && m["a"] == v {
				return v
			}
		}
		return quoted(v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = renderYAML(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}
