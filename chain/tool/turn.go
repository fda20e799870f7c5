package tool

import (
	"errors"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Of one turn of the model, in memory because it goes back to the model when
// there are calls.
const (
	mostText   = 4 << 20 // bytes of text
	mostWanted = 1 << 10 // calls
)

var errTooMuch = errors.New("the model wrote more before its tool call than can be sent back to it")

// turn is what a model says and wants in one turn.
type turn struct {
	text  strings.Builder // as far as mostText
	long  bool            // there was more
	held  string          // white space at the start: often all that comes before a call
	wrote bool            // text was passed on
	calls []provider.ToolCall

	thinking strings.Builder // as far as mostText
	from     string          // who gave the turn
	ended    bool
}

// restart drops what came, or keeps its text as thinking.
func (t *turn) restart(thought bool) {
	before := *t
	*t = turn{}
	if thought {
		t.thinking.WriteString(before.thinking.String() + before.text.String())
	}
}

// collectChunk takes a chunk in, and leaves of it what the reader is to see: no calls,
// and no end if the turn ends in calls.
func (t *turn) collectChunk(c *provider.Chunk) error {
	if c.Restart { // of p's own
		t.restart(c.Thought)
	}
	t.calls = append(t.calls, c.ToolCalls...)
	c.ToolCalls = nil
	if len(t.calls) > mostWanted {
		return errTooMuch
	}
	t.long = t.long || t.text.Len()+len(c.Text) > mostText
	if !t.long {
		t.text.WriteString(c.Text)
	}
	if t.thinking.Len()+len(c.Thinking) <= mostText {
		t.thinking.WriteString(c.Thinking)
	}
	t.ended = t.ended || c.Finish != ""
	if c.Route != nil {
		t.from = c.Route.Provider
	}
	// A turn that was cut may lack calls: none is run.
	if c.Finish != "" && len(t.calls) > 0 && c.Finish != provider.FinishLength {
		c.Finish, c.Usage, c.Route = "", nil, nil
		if t.long {
			return errTooMuch
		}
	}
	c.Text, t.held = t.held+c.Text, ""
	if !t.wrote && c.Finish == "" && strings.TrimSpace(c.Text) == "" {
		t.held, c.Text = c.Text, ""
		return nil
	}
	t.wrote = t.wrote || c.Text != ""
	return nil
}
