package router

import (
	"errors"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// maxBlank is the most white space that is held back, in bytes.
const maxBlank = 1 << 20

// blankBuffer holds back white space until the first content. An answer that must be JSON comes whole: package structured, around
// each target, sees to that.
type blankBuffer struct {
	allowed bool // an answer may be white space, or nothing

	text, thinking []byte
	// What the answer has so far; white space does not count.
	hasText, hasThinking, hasCalls bool
}

// add takes a chunk and returns what may be shown now. The error says why the
// answer is empty.
func (h *blankBuffer) add(c provider.Chunk) (out provider.Chunk, show bool, err error) {
	if c.Thought { // all text so far was
		h.hasThinking, h.hasText, h.text = h.hasThinking || h.hasText, false, nil
	}
	h.hasText = h.hasText || !isBlank(c.Text)
	h.hasThinking = h.hasThinking || !isBlank(c.Thinking)
	h.hasCalls = h.hasCalls || len(c.ToolCalls) > 0
	if c.Finish == "" && !h.hasText && !h.hasThinking && !h.hasCalls {
		h.text, h.thinking = append(h.text, c.Text...), append(h.thinking, c.Thinking...)
		if len(h.text)+len(h.thinking) > maxBlank {
			return c, false, errors.New("the answer is only white space")
		}
		return c, false, nil
	}
	if len(h.text) > 0 {
		c.Text, h.text = string(h.text)+c.Text, nil
	}
	if len(h.thinking) > 0 {
		c.Thinking, h.thinking = string(h.thinking)+c.Thinking, nil
	}
	if c.Finish != "" && !h.allowed {
		err = h.checkFinish(&c)
	}
	return c, err == nil, err
}

// checkFinish returns an error if the answer that ends with c is empty.
func (h *blankBuffer) checkFinish(c *provider.Chunk) error {
	switch {
	case h.hasCalls:
		return nil
	case !h.hasText && c.Finish == provider.FinishLength:
		return errors.New("the answer reached the token limit before any text")
	case !h.hasText:
		return errors.New("the answer is empty")
	}
	return nil
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }
