package connect

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/diag"
)

// jsonNode is a value in a text of JSON.
type jsonNode struct {
	start, end int
	open       byte // '{' or '[', or 0 for other values
	members    []jsonMember
	value      any // where open is 0
}

// jsonMember is a member of an object, or an item of a list.
type jsonMember struct {
	start int // of its key, or of the item
	key   string
	value *jsonNode
	comma int // offset of the comma behind it, or -1
}

// maxNested is how deep values may be nested.
const maxNested = 200

// jsonParser reads JSON; with lax set, also comments and a comma behind the last
// member, as editors do (JSONC).
type jsonParser struct {
	file, text string
	at         int
	lax        bool
}

// parseJSON returns the root of a text, nil where it holds nothing.
func parseJSON(file, text string, lax bool) (*jsonNode, error) {
	p := &jsonParser{file: file, text: text, lax: lax}
	if err := p.space(); err != nil {
		return nil, err
	}
	if p.at == len(text) {
		return nil, nil
	}
	root, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	if p.at < len(text) {
		return nil, p.fail("there is more after the JSON value", "remove it")
	}
	return root, nil
}

func (p *jsonParser) fail(message, remedy string) *diag.Error {
	return mistake(p.file, p.text, p.at, message, remedy)
}

// space skips white space and comments.
func (p *jsonParser) space() error {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			p.at++
		case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "/*"):
			if !p.lax {
				return p.fail("a comment is not allowed here: the program that reads this file takes plain JSON", "remove the comment")
			}
			end := strings.IndexByte(rest, '\n')
			if rest[1] == '*' {
				if end = strings.Index(rest[2:], "*/"); end < 0 {
					return p.fail("a comment that begins here never ends", "close it with */")
				}
				end += 4
			}
			if end < 0 {
				end = len(rest)
			}
			p.at += end
		default:
			return nil
		}
	}
	return nil
}

func (p *jsonParser) value(depth int) (*jsonNode, error) {
	switch {
	case p.at == len(p.text):
		return nil, p.fail("the file ends where a value should be", "complete it")
	case depth > maxNested:
		return nil, p.fail("values are nested too deep", "")
	}
	switch c := p.text[p.at]; {
	case c == '{' || c == '[':
		return p.container(depth)
	case c == '"':
		start := p.at
		s, err := p.string()
		return &jsonNode{start: start, end: p.at, value: s}, err
	default:
		return p.word()
	}
}

func (p *jsonParser) string() (s string, err error) {
	start := p.at
	for i := start + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '\n':
			return "", p.fail("a quote that is opened here is never closed", "close it")
		case '"':
			p.at = i + 1
			if json.Unmarshal([]byte(p.text[start:p.at]), &s) != nil {
				p.at = start
				return "", p.fail("this text has a character or an escape that JSON does not allow", `write \\ for a backslash`)
			}
			return s, nil
		}
	}
	return "", p.fail("a quote that is opened here is never closed", "close it")
}

// word reads a number, true, false or null.
func (p *jsonParser) word() (*jsonNode, error) {
	end := p.at
	for end < len(p.text) && strings.IndexByte(" \t\r\n,:{}[]\"/", p.text[end]) < 0 {
		end++
	}
	raw := p.text[p.at:end]
	n := &jsonNode{start: p.at, end: end}
	switch {
	case raw == "true" || raw == "false":
		n.value = raw == "true"
	case raw == "null":
	case raw != "" && json.Valid([]byte(raw)):
		n.value = json.Number(raw)
	default:
		r, _ := utf8.DecodeRuneInString(p.text[p.at:])
		return nil, p.fail("a value cannot begin with "+diag.Quote(string(r)), "put a text in double quotes")
	}
	p.at = end
	return n, nil
}

// container reads an object or a list.
func (p *jsonParser) container(depth int) (*jsonNode, error) {
	n := &jsonNode{start: p.at, open: p.text[p.at]}
	end, what := byte('}'), "}"
	if n.open == '[' {
		end, what = ']', "]"
	}
	p.at++
	for {
		if err := p.space(); err != nil {
			return nil, err
		}
		last := len(n.members) - 1
		switch {
		case p.at == len(p.text):
			p.at = n.start
			return nil, p.fail("what is opened here is never closed", "close it with "+what)
		case p.text[p.at] == end:
			if last >= 0 && n.members[last].comma >= 0 && !p.lax {
				p.at = n.members[last].comma
				return nil, p.fail("there is a comma after the last value, and the program that reads this file takes plain JSON", "remove the comma")
			}
			p.at++
			n.end = p.at
			return n, nil
		case last >= 0 && n.members[last].comma < 0:
			return nil, p.fail("a comma is missing before this", "add it after the previous value")
		}
		m, err := p.member(n.open, depth)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, m)
	}
}

func (p *jsonParser) member(open byte, depth int) (m jsonMember, err error) {
	m = jsonMember{start: p.at, comma: -1}
	if open == '{' {
		if p.text[p.at] != '"' {
			return m, p.fail("a key in double quotes is expected here", "")
		}
		if m.key, err = p.string(); err != nil {
			return m, err
		}
		if err := p.space(); err != nil {
			return m, err
		}
		if p.at == len(p.text) || p.text[p.at] != ':' {
			return m, p.fail("a colon is missing after the key "+diag.Quote(m.key), "")
		}
		p.at++
		if err := p.space(); err != nil {
			return m, err
		}
	}
	if m.value, err = p.value(depth + 1); err != nil {
		return m, err
	}
	if err := p.space(); err != nil {
		return m, err
	}
	if p.at < len(p.text) && p.text[p.at] == ',' {
		m.comma = p.at
		p.at++
	}
	return m, nil
}

// index is the number of the last member with a key, as readers take it, or -1.
func (n *jsonNode) index(key string) int {
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.open == '{' && n.members[i].key == key {
			return i
		}
	}
	return -1
}

// plain is the node's value.
func (n *jsonNode) plain() any {
	switch {
	case n == nil:
		return nil
	case n.open == '{':
		m := map[string]any{}
		for _, x := range n.members {
			m[x.key] = x.value.plain()
		}
		return m
	case n.open == '[':
		list := []any{}
		for _, x := range n.members {
			list = append(list, x.value.plain())
		}
		return list
	}
	return n.value
}
