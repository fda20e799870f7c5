package body

import (
	"bytes"
	"encoding/json"
)

// member is one of an object's.
type member struct {
	name  string
	value json.RawMessage // a part of the body
}

// members are those of an object, in their order.
type members struct {
	list  []member
	index map[string]int // of an object with more than a few
}

// few is how many members are found by looking at each.
const few = 16

// add adds a member, unless there is one of its name.
func (m *members) add(one member) (added bool) {
	if _, twice := m.find(one.name); twice {
		return false
	}
	m.list = append(m.list, one)
	switch {
	case m.index != nil:
		m.index[one.name] = len(m.list) - 1
	case len(m.list) > few:
		m.index = map[string]int{}
		for i := range m.list {
			m.index[m.list[i].name] = i
		}
	}
	return true
}

// find is the value of the member of that name.
func (m *members) find(name string) (value json.RawMessage, ok bool) {
	if m == nil {
		return nil, false
	}
	if m.index != nil {
		i, ok := m.index[name]
		if !ok {
			return nil, false
		}
		return m.list[i].value, true
	}
	for i := range m.list {
		if m.list[i].name == name {
			return m.list[i].value, true
		}
	}
	return nil, false
}

// eachMember tells the members of an object, which is known to be whole JSON in UTF-8,
// until told wants no more. It copies none of them: a body is large.
func eachMember(object []byte, told func(name string, value []byte) bool) {
	for i := next(object, 1); i < len(object) && object[i] != '}'; {
		end := valueEnd(object, i)
		name := textOf(object[i:end])
		i = next(object, next(object, end)+1) // behind the colon
		end = valueEnd(object, i)
		if !told(name, object[i:end:end]) {
			return
		}
		if i = next(object, end); object[i] == ',' {
			i = next(object, i+1)
		}
	}
}

// eachElement tells the elements of a list, as [eachMember] does members.
func eachElement(list []byte, told func(value []byte)) {
	for i := next(list, 1); i < len(list) && list[i] != ']'; {
		end := valueEnd(list, i)
		told(list[i:end:end])
		if i = next(list, end); list[i] == ',' {
			i = next(list, i+1)
		}
	}
}

// next is where the next sign stands, from i on, that is no white space.
func next(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// valueEnd is where the value ends that begins at i.
func valueEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return textEnd(data, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch data[i] {
			case '"':
				i = textEnd(data, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(data) && bytes.IndexByte([]byte(" \n\r\t,]}"), data[i]) < 0 {
		i++
	}
	return i
}

// textEnd is where the text ends that begins at i.
func textEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// textOf is what a text says.
func textOf(raw []byte) (s string) {
	raw = bytes.TrimSpace(raw)
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	_ = json.Unmarshal(raw, &s) // it is known to be a text
	return s
}
