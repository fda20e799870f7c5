package router

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// The most that is held back, in bytes: of white space, and of an answer that
// must be whole.
const (
	maxBlank = 1 << 20
	maxWhole = 64 << 20
)

// hold keeps back what is not yet an answer: white space before the first
// content, or all of an answer that must be JSON.
type hold struct {
	schema         *provider.Schema // nil: content is passed on as it comes
	text, thinking []byte
	tools          []provider.ToolCall
	// wrote, thought, called: the answer has text that is not white space,
	// thinking, tool calls.
	wrote, thought, called bool
}

// take takes a chunk in and returns what may be shown now, if anything. Its
// error says why the answer is none.
func (h *hold) take(c provider.Chunk) (out provider.Chunk, show bool, err error) {
	h.wrote = h.wrote || !blank(c.Text)
	h.thought = h.thought || !blank(c.Thinking)
	h.called = h.called || len(c.ToolCalls) > 0
	if c.Finish == "" && (h.schema != nil || !h.wrote && !h.thought && !h.called) {
		h.text, h.thinking = append(h.text, c.Text...), append(h.thinking, c.Thinking...)
		h.tools = append(h.tools, c.ToolCalls...)
		switch n := len(h.text) + len(h.thinking); {
		case h.schema == nil && n > maxBlank:
			return c, false, errors.New("wrote nothing but white space")
		case n > maxWhole:
			return c, false, errors.New("wrote more than an answer in JSON can be")
		}
		return c, false, nil
	}
	if len(h.text) > 0 {
		c.Text, h.text = string(h.text)+c.Text, nil
	}
	if len(h.thinking) > 0 {
		c.Thinking, h.thinking = string(h.thinking)+c.Thinking, nil
	}
	if len(h.tools) > 0 {
		c.ToolCalls, h.tools = append(h.tools, c.ToolCalls...), nil
	}
	if c.Finish != "" {
		err = h.end(&c)
	}
	return c, err == nil, err
}

// end says why the answer that ends with c is none, or nil.
func (h *hold) end(c *provider.Chunk) error {
	switch {
	case h.called:
		return nil
	case !h.wrote && c.Finish == provider.FinishLength:
		return errors.New("was cut at its token limit before it wrote anything")
	case !h.wrote:
		return errors.New("ended without writing anything")
	case h.schema == nil:
		return nil
	}
	return isWanted(h.schema, c)
}

// isWanted says why the answer is not the JSON that the schema asks for, as
// far as its syntax and outermost type tell.
func isWanted(s *provider.Schema, c *provider.Chunk) error {
	text := []byte(strings.TrimSpace(c.Text))
	if !json.Valid(text) {
		if c.Finish == provider.FinishLength {
			return errors.New("was cut at its token limit before the JSON that was asked for was whole")
		}
		return errors.New("the answer is not the JSON that was asked for")
	}
	var top struct {
		Type any `json:"type"`
	}
	_ = json.Unmarshal(s.JSON, &top) // a schema that is none asks for nothing
	for want, open := range map[string]string{"object": "{", "array": "["} {
		if top.Type == want && !bytes.HasPrefix(text, []byte(open)) {
			return fmt.Errorf("the answer is JSON, and not the %s that was asked for", want)
		}
	}
	return nil
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
