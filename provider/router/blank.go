package router

import (
	"errors"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// maxBlank is the most white space that is held back, in bytes.
const maxBlank = 1 << 20

// hold keeps back what is not yet an answer: white space before the first
// content. An answer that must be JSON comes whole: package structured, around
// each target, sees to that.
type hold struct {
	text, thinking []byte
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
	if c.Finish == "" && !h.wrote && !h.thought && !h.called {
		h.text, h.thinking = append(h.text, c.Text...), append(h.thinking, c.Thinking...)
		if len(h.text)+len(h.thinking) > maxBlank {
			return c, false, errors.New("wrote nothing but white space")
		}
		return c, false, nil
	}
	if len(h.text) > 0 {
		c.Text, h.text = string(h.text)+c.Text, nil
	}
	if len(h.thinking) > 0 {
		c.Thinking, h.thinking = string(h.thinking)+c.Thinking, nil
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
	}
	return nil
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
