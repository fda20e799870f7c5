package httpx

import (
	"errors"
	"fmt"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/internal/thinking"
	"github.com/tandem-llm/tandem/provider"
)

// Content makes chunks of what an answer says, piece by piece: letters that are
// cut in two are put together, and thinking that stands in the text is separated.
// Its zero value is ready.
type Content struct {
	// Plain says that the text is no chat's: it may have any tags in it, and none of
	// them is of thinking.
	Plain bool

	text, thinking Letters
	split          thinking.Splitter

	thought bool // thinking was returned
	wrote   bool // text was returned
	restart bool // it was thinking, and no chunk has said so yet
}

// Add takes in a piece of the text, and one of the thinking that the server
// itself has separated.
func (c *Content) Add(text, thought string) provider.Chunk {
	out := provider.Chunk{Thinking: c.thinking.Add(thought)}
	if c.Plain {
		out.Text = c.text.Add(text)
		return out
	}
	c.split.Parsed = c.split.Parsed || thought != ""
	c.add(&out, c.split.Add(c.text.Add(text)))
	return out
}

// End adds what is left at the end of the answer to its last chunk.
func (c *Content) End(last *provider.Chunk) {
	last.Thinking = concat(last.Thinking, c.thinking.End())
	if c.Plain {
		last.Text = concat(last.Text, c.text.End())
		return
	}
	c.add(last, c.split.Add(c.text.End()))
	c.add(last, c.split.End())
	if c.restart {
		last.Restart, last.Thought = true, true
	}
}

// Thought reports whether any thinking came.
func (c *Content) Thought() bool { return c.thought }

// add adds a part of the text to a chunk.
func (c *Content) add(out *provider.Chunk, p thinking.Part) {
	if p.Before {
		c.restart, c.wrote = c.restart || c.wrote, false
		out.Thinking, out.Text = concat(out.Thinking, out.Text), ""
	}
	out.Thinking, out.Text = concat(out.Thinking, p.Thinking), concat(out.Text, p.Text)
	if c.restart && !out.Empty() {
		out.Restart, out.Thought, c.restart = true, true, false
	}
	c.wrote, c.thought = c.wrote || out.Text != "", c.thought || out.Thinking != ""
}

// Finish is how an answer ended, by the server's word for it in a member of that
// name; or, with an error, the Kind of failure that the word stands for. calls and
// content say whether tool calls came, and anything at all.
func Finish(member, word string, calls, content bool) (provider.Finish, provider.Kind, error) {
	switch end := normalize.EndOf(word); end {
	case normalize.EndStop, normalize.EndNone, normalize.EndCalls: // none: where the answer is whole by another sign
		switch {
		case calls:
			return provider.FinishToolCalls, "", nil
		case end == normalize.EndCalls:
			return "", provider.BadAnswer, errors.New("the answer ends with tool calls, but has none")
		}
		return provider.FinishStop, "", nil
	case normalize.EndLength:
		return provider.FinishLength, "", nil
	case normalize.EndFiltered:
		return "", provider.Filtered, fmt.Errorf("the server's content filter withheld the answer (%s); rephrase the prompt", word)
	case normalize.EndFailed:
		kind := provider.Unavailable
		if content {
			kind = provider.Truncated
		}
		return "", kind, fmt.Errorf("the server stopped the answer: its %s is %q", member, word)
	}
	return "", provider.Truncated, fmt.Errorf("the answer has the unknown finish reason %q", word)
}

func concat(a, b string) string {
	if b == "" {
		return a
	}
	return a + b
}
