package connect

import (
	"encoding/json"
	"fmt"
	"strings"
)

// jsonDocument is a file of JSON.
type jsonDocument struct {
	file, text string
	root       *jsonNode
}

// plainJSON is for programs that take JSON only, laxJSON for those that take comments
// and a comma behind the last member.
func plainJSON(file, text string) (document, error) { return jsonOf(file, text, false) }
func laxJSON(file, text string) (document, error)   { return jsonOf(file, text, true) }

func jsonOf(file, text string, lax bool) (document, error) {
	root, err := parseJSON(file, text, lax)
	if err != nil {
		return nil, err
	}
	return &jsonDocument{file, text, root}, nil
}

func (d *jsonDocument) plain() any { return d.root.plain() }

// walk returns the nodes along a path, from the root, as far as they are there.
func (d *jsonDocument) walk(path []string) []*jsonNode {
	if d.root == nil {
		return nil
	}
	nodes := []*jsonNode{d.root}
	for _, key := range path {
		n := nodes[len(nodes)-1]
		i := n.index(key)
		if i < 0 {
			break
		}
		nodes = append(nodes, n.members[i].value)
	}
	return nodes
}

// item is the number of an entry's item in a list, or -1.
func (n *jsonNode) item(e entry) int {
	for i, m := range n.members {
		if n.open == '[' && e.isItem(m.value.plain()) {
			return i
		}
	}
	return -1
}

func (d *jsonDocument) find(e entry) (value any, at int, ok bool) {
	nodes := d.walk(e.Path)
	if len(nodes) <= len(e.Path) {
		return nil, 0, false
	}
	n := nodes[len(e.Path)]
	if e.Item != "" {
		i := n.item(e)
		if i < 0 {
			return nil, 0, false
		}
		n = n.members[i].value
	}
	return n.plain(), n.start, true
}

func (d *jsonDocument) add(e entry) (string, error) {
	open := func(i int) byte { // what the value after i keys is
		if i == len(e.Path) {
			return '['
		}
		return '{'
	}
	nodes := d.walk(e.Path)
	if len(nodes) == 0 {
		brace := string(open(0))
		fresh := &jsonDocument{d.file, strings.TrimRight(d.text, " \t\r\n"), nil}
		if fresh.text != "" {
			fresh.text += newline(d.text)
		}
		at := len(fresh.text)
		fresh.text += brace + map[string]string{"{": "}", "[": "]"}[brace]
		fresh.root = &jsonNode{start: at, end: at + 2, open: brace[0]}
		text, err := fresh.add(e)
		return text + newline(d.text), err
	}
	n := nodes[len(nodes)-1]
	if want := open(len(nodes) - 1); n.open != want {
		kind := map[byte]string{'{': "an object", '[': "a list"}[want]
		return "", mistake(d.file, d.text, n.start, fmt.Sprintf("%s should be %s", orRoot(e.Path[:len(nodes)-1]), kind), "correct it first")
	}
	value := e.Value
	if e.Item != "" && len(nodes) <= len(e.Path) {
		value = []any{value}
	}
	for i := len(e.Path) - 1; i > len(nodes)-1; i-- {
		value = object{{e.Path[i], value}}
	}
	key := ""
	if n.open == '{' {
		key = quoted(e.Path[len(nodes)-1]) + ": "
	}
	return d.insert(n, key, value), nil
}

func orRoot(path []string) string {
	if len(path) == 0 {
		return "the file"
	}
	return strings.Join(path, ".")
}

// insert is the text with one more member at the end of a container, in its style.
func (d *jsonDocument) insert(n *jsonNode, key string, value any) string {
	text, nl := d.text, newline(d.text)
	last := len(n.members) - 1
	inline := !strings.Contains(text[n.start:n.end], "\n") && (last >= 0 || n != d.root && !strings.Contains(strings.TrimSpace(text), "\n"))
	trailing := last >= 0 && n.members[last].comma >= 0
	after := n.start + 1
	comma, ours := "", ""
	switch {
	case trailing:
		after, ours = n.members[last].comma+1, ","
	case last >= 0:
		after, comma = n.members[last].value.end, ","
	}
	at := max(after, len(strings.TrimRight(text[:n.end-1], " \t\r\n"))) // behind the comments
	if inline {
		space := ""
		if last >= 0 {
			space = " "
		}
		return text[:after] + comma + text[after:at] + space + key + renderJSON(value, "", "", nl) + ours + text[at:]
	}
	unit := d.unit()
	indent := lineIndent(text, n.start) + unit
	if last >= 0 && startsLine(text, n.members[0].start) {
		indent = lineIndent(text, n.members[0].start)
	}
	closing := ""
	if !strings.Contains(text[at:n.end], "\n") {
		closing = nl + lineIndent(text, n.start)
		text = text[:at] + strings.TrimLeft(text[at:n.end-1], " \t") + text[n.end-1:]
	}
	return text[:after] + comma + text[after:at] + nl + indent + key + renderJSON(value, indent, unit, nl) + ours + closing + text[at:]
}

// unit is one step of the text's indentation.
func (d *jsonDocument) unit() string {
	if d.root != nil && len(d.root.members) > 0 && startsLine(d.text, d.root.members[0].start) {
		if in := lineIndent(d.text, d.root.members[0].start); in != "" {
			return in
		}
	}
	return "  "
}

func lineIndent(text string, at int) string {
	line := text[strings.LastIndexByte(text[:at], '\n')+1:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

func startsLine(text string, at int) bool {
	line := strings.LastIndexByte(text[:at], '\n') + 1
	return line > 0 && strings.TrimLeft(text[line:at], " \t") == ""
}

// renderJSON writes a value; without a unit, on one line.
func renderJSON(v any, indent, unit, nl string) string {
	var open, end string
	var parts []string
	inner := indent + unit
	switch v := v.(type) {
	case object:
		open, end = "{", "}"
		for _, m := range v {
			parts = append(parts, quoted(m.key)+": "+renderJSON(m.value, inner, unit, nl))
		}
	case []any:
		open, end = "[", "]"
		for _, x := range v {
			parts = append(parts, renderJSON(x, inner, unit, nl))
		}
	case stamp:
		return quoted(string(v))
	case string:
		return quoted(v)
	default:
		data, _ := json.Marshal(v) // a number or a bool
		return string(data)
	}
	if unit == "" || len(parts) == 0 {
		return open + strings.Join(parts, ", ") + end
	}
	return open + nl + inner + strings.Join(parts, ","+nl+inner) + nl + indent + end
}

func (d *jsonDocument) remove(e entry) (string, error) {
	nodes := d.walk(e.Path)
	if len(nodes) <= len(e.Path) {
		return d.text, nil
	}
	n := nodes[len(nodes)-1]
	level := len(e.Path) // of n
	index := -1
	if e.Item != "" {
		if index = n.item(e); index < 0 {
			return d.text, nil
		}
	}
	// While the container has nothing else, it goes as a whole.
	for index < 0 || level > e.Depth && len(n.members) == 1 && !strings.ContainsAny(d.leftover(n), "/") {
		if level == 0 {
			break
		}
		level--
		n = nodes[level]
		index = n.index(e.Path[level])
	}
	if index < 0 {
		return d.text, nil
	}
	return d.cut(n, index), nil
}

// leftover is what a container of one member holds besides it.
func (d *jsonDocument) leftover(n *jsonNode) string {
	m := n.members[0]
	return d.text[n.start+1:m.start] + d.text[m.value.end:n.end-1]
}

// cut is the text without a member and its comma.
func (d *jsonDocument) cut(n *jsonNode, i int) string {
	m, text := n.members[i], d.text
	start, end := m.start, m.value.end
	if m.comma >= 0 {
		end = m.comma + 1
		if strings.TrimSpace(text[m.value.end:m.comma]) != "" { // a comment stands between
			text = text[:m.comma] + text[m.comma+1:]
			end = m.value.end
		}
	}
	start = len(strings.TrimRight(text[:start], " \t"))
	if start > 0 && text[start-1] == '\n' {
		start--
		if start > 0 && text[start-1] == '\r' {
			start--
		}
	} else if i == 0 || strings.HasSuffix(text[:start], "*/") {
		start = m.start
		if m.comma >= 0 && i < len(n.members)-1 { // the next takes its place
			end = len(text) - len(strings.TrimLeft(text[end:], " \t"))
		}
	}
	text = text[:start] + text[end:]
	if m.comma < 0 && i > 0 {
		comma := n.members[i-1].comma
		text = text[:comma] + text[comma+1:]
	}
	return text
}
