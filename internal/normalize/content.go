package normalize

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// said is what a message says in parts: the insides of JSON strings, joined as
// they are, so that a letter which is cut in two stays so.
type said struct{ text, thinking, refusal []byte }

// What a part of a message is, by its type.
var (
	textParts     = words("", "text", "output_text", "input_text", "markdown")
	thinkingParts = words("thinking", "reasoning", "reasoning_text", "reasoning_content", "reasoning.text", "reasoning.summary", "summary_text", "thought")
	// emptyParts say nothing themselves: they point to sources, or are for the
	// server's own eyes.
	emptyParts = words("reference", "tool_reference", "citation", "citations", "annotation", "annotations", "url_citation", "source", "sources",
		"redacted_thinking", "reasoning.encrypted", "ping")
)

func words(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, w := range list {
		m[w] = true
	}
	return m
}

// rebuildMessage writes a message anew that has its content in parts, or its
// thinking by two names.
func rebuildMessage(o map[string]json.RawMessage) (changed bool, err error) {
	var content, thinking said
	if err := content.add(o["content"], "", 0); err != nil {
		return false, within("content", err)
	}
	for _, name := range []string{"reasoning_content", "reasoning"} { // the same by two names
		if v := o[name]; len(thinking.thinking) == 0 && (name == "reasoning_content" || len(v) > 0 && v[0] == '"') {
			if err := thinking.add(v, "thinking", 0); err != nil {
				return false, within(name, err)
			}
		}
	}
	if r := o["reasoning"]; len(r) > 0 && r[0] == '"' {
		delete(o, "reasoning")
	}
	if says(o["content"]) {
		o["content"] = quoted(content.text)
	}
	if t := append(thinking.thinking, content.thinking...); len(t) > 0 {
		o["reasoning_content"] = quoted(t)
	} else {
		delete(o, "reasoning_content")
	}
	if len(content.refusal) > 0 {
		o["refusal"] = quoted(content.refusal)
	}
	return true, nil
}

// add takes a content in: a text, a part, or a list of those. as is the type of
// what has none.
func (s *said) add(raw json.RawMessage, as string, depth int) error {
	if depth > maxRebuilt {
		return &Error{Problem: "is nested too deeply"}
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case 'n':
		return nil
	case '[':
		var parts []json.RawMessage
		if err := json.Unmarshal(raw, &parts); err != nil {
			return err
		}
		for i, p := range parts {
			if err := s.add(p, as, depth+1); err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
		}
		return nil
	case '{':
		return s.part(raw, as, depth)
	}
	body, err := asText(raw)
	if raw[0] == '"' {
		body, err = raw, nil
	}
	if err != nil {
		return err
	}
	body = body[1 : len(body)-1]
	switch {
	case thinkingParts[as]:
		s.thinking = append(s.thinking, body...)
	case as == "refusal":
		s.refusal = append(s.refusal, body...)
	default:
		s.text = append(s.text, body...)
	}
	return nil
}

// part takes an object with a type in. What it says is in one of several
// members, as a text or in parts again.
func (s *said) part(raw json.RawMessage, as string, depth int) error {
	var p struct {
		Type                                                                 json.RawMessage
		Text, Thinking, Reasoning, Refusal, Content, Value, Summary, Thought json.RawMessage
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return err
	}
	kind := as
	if says(p.Type) && p.Type[0] == '"' {
		kind = inside(p.Type)
	}
	var in []json.RawMessage
	switch {
	case emptyParts[kind]:
		return nil
	case kind == "refusal":
		in = []json.RawMessage{p.Refusal, p.Text}
	case thinkingParts[kind]:
		in = []json.RawMessage{p.Thinking, p.Reasoning, p.Text, p.Content, p.Summary, p.Thought, p.Value}
	case textParts[kind]:
		in = []json.RawMessage{p.Text, p.Value, p.Content}
	default:
		return &Error{Problem: fmt.Sprintf("is a part of type %q, which is not text", kind[:min(len(kind), 40)])}
	}
	if !thinkingParts[kind] && kind != "refusal" {
		kind = as
	}
	for _, v := range in {
		if says(v) {
			return s.add(v, kind, depth+1)
		}
	}
	if len(p.Type) == 0 {
		return &Error{Problem: "is an object instead of a string"}
	}
	return nil
}
