package openai

import (
	"fmt"
	"io"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// responseAnswer writes responses. In a stream the items of the output come one after
// another: thinking and texts as they come, calls whole.
type responseAnswer struct {
	in *responseQuestion
	// keep stores a response, and reports whether it did.
	keep func(id string, output []any, object *responseObject) bool
	// strict is a client that takes no event before response.created.
	strict bool

	sequence int
	begun    bool
	output   []any  // the items that are whole
	open     string // the item under way: kindMessage, kindReasoning or ""
	text     strings.Builder
}

var _ exchange.Answerer = (*responseAnswer)(nil)

const (
	kindMessage   = "message"
	kindReasoning = "reasoning"
)

func responseID(a *exchange.Answer) string { return responsePrefix + a.Call.ID }

const responsePrefix = "resp_"

// itemID is the id of the n-th item of an output. It has the call's, by which a
// reference to it finds the response.
func itemID(kind string, a *exchange.Answer, n int) string {
	return fmt.Sprintf("%s_%s_%d", kind, a.Call.ID, n)
}

func (s *responseAnswer) object(a *exchange.Answer, status string) *responseObject {
	return &responseObject{
		ID: responseID(a), Object: "response", CreatedAt: a.Began.Unix(), Status: status, Model: a.Model, Output: []any{}, Store: s.in.store && s.keep != nil, echo: s.in.echo,
	}
}

func (s *responseAnswer) briefly(a *exchange.Answer, status string) *responseObject {
	o := s.object(a, status)
	o.echo = o.brief()
	return o
}

// send writes an event.
func (s *responseAnswer) send(w io.Writer, kind string, e responseEvent) error {
	e.Type, e.Sequence = kind, s.sequence
	s.sequence++
	return exchange.WriteEvent(w, kind, e)
}

// ContentType is that of a stream.
func (*responseAnswer) ContentType() string { return exchange.EventStream }

// Beat is response.in_progress, which Codex takes as a sign of life: it sees no comments.
// OpenAI's own libraries take nothing before response.created, and that would bind the
// answer. They wait for bytes, not for events, and get a comment.
func (s *responseAnswer) Beat(w io.Writer, a *exchange.Answer) error {
	if s.strict {
		_, err := io.WriteString(w, ": waiting\n\n")
		return err
	}
	return s.inProgress(w, a)
}

func (s *responseAnswer) inProgress(w io.Writer, a *exchange.Answer) error {
	return s.send(w, "response.in_progress", responseEvent{Response: s.briefly(a, inProgress)})
}

// begin opens the response.
func (s *responseAnswer) begin(w io.Writer, a *exchange.Answer) error {
	if s.begun {
		return nil
	}
	s.begun = true
	if err := s.send(w, "response.created", responseEvent{Response: s.object(a, inProgress)}); err != nil {
		return err
	}
	return s.inProgress(w, a)
}

// Chunk writes the events of some content.
func (s *responseAnswer) Chunk(w io.Writer, a *exchange.Answer, c *provider.Chunk) error {
	if err := s.begin(w, a); err != nil {
		return err
	}
	if c.Thinking != "" {
		if err := s.delta(w, a, kindReasoning, c.Thinking); err != nil {
			return err
		}
	}
	if c.Text != "" {
		if err := s.delta(w, a, kindMessage, c.Text); err != nil {
			return err
		}
	}
	for i := range c.ToolCalls {
		if err := s.call(w, a, &c.ToolCalls[i]); err != nil {
			return err
		}
	}
	return nil
}

// at is an event about the item under way.
func (s *responseAnswer) at(a *exchange.Answer) responseEvent {
	e := responseEvent{OutputIndex: provider.Ptr(len(s.output))}
	if s.open == kindReasoning {
		e.ItemID, e.SummaryIndex = itemID("rs", a, len(s.output)), provider.Ptr(0)
	} else {
		e.ItemID, e.ContentIndex = itemID("msg", a, len(s.output)), provider.Ptr(0)
	}
	return e
}

// delta writes text of a kind, in an item of its own.
func (s *responseAnswer) delta(w io.Writer, a *exchange.Answer, kind, text string) error {
	if s.open != kind {
		if err := s.close(w, a, completed); err != nil {
			return err
		}
		if err := s.openItem(w, a, kind); err != nil {
			return err
		}
	}
	s.text.WriteString(text)
	e := s.at(a)
	e.Delta = &text
	if kind == kindReasoning {
		return s.send(w, "response.reasoning_summary_text.delta", e)
	}
	e.Logprobs = &[]any{}
	return s.send(w, "response.output_text.delta", e)
}

func (s *responseAnswer) openItem(w io.Writer, a *exchange.Answer, kind string) error {
	s.open = kind
	e := s.at(a)
	added := responseEvent{OutputIndex: e.OutputIndex}
	part := "response.content_part.added"
	if kind == kindReasoning {
		added.Item = reasoningItem{ID: e.ItemID, Type: kind, Status: inProgress, Summary: []summaryPart{}}
		part, e.Part = "response.reasoning_summary_part.added", summaryPart{Type: "summary_text"}
	} else {
		added.Item = messageItem{ID: e.ItemID, Type: kind, Status: inProgress, Role: "assistant", Content: []textPart{}}
		e.Part = textPartOf("")
	}
	if err := s.send(w, "response.output_item.added", added); err != nil {
		return err
	}
	return s.send(w, part, e)
}

// close ends the item under way, if there is one.
func (s *responseAnswer) close(w io.Writer, a *exchange.Answer, status string) error {
	if s.open == "" {
		return nil
	}
	text := s.text.String()
	s.text.Reset()
	e := s.at(a)
	done := e
	done.Text = &text
	item := responseEvent{OutputIndex: e.OutputIndex}
	textDone, partDone := "response.output_text.done", "response.content_part.done"
	if s.open == kindReasoning {
		p := summaryPart{Type: "summary_text", Text: text}
		textDone, partDone, e.Part = "response.reasoning_summary_text.done", "response.reasoning_summary_part.done", p
		item.Item = reasoningItem{ID: e.ItemID, Type: kindReasoning, Status: status, Summary: []summaryPart{p}}
	} else {
		p := textPartOf(text)
		e.Part, done.Logprobs = p, &[]any{}
		item.Item = messageItem{ID: e.ItemID, Type: kindMessage, Status: status, Role: "assistant", Content: []textPart{p}}
	}
	s.open = ""
	s.output = append(s.output, item.Item)
	if err := s.send(w, textDone, done); err != nil {
		return err
	}
	if err := s.send(w, partDone, e); err != nil {
		return err
	}
	return s.send(w, "response.output_item.done", item)
}

// callItemOf is a call, by the names that the client has for its tool.
func (s *responseAnswer) callItemOf(a *exchange.Answer, c *provider.ToolCall, n int) callItem {
	item := callItem{ID: itemID("fc", a, n), Type: "function_call", Status: completed, CallID: c.ID, Name: c.Name, Arguments: string(c.Arguments), Extra: extraContent(*c)}
	if own, ok := s.in.spaces[c.Name]; ok {
		item.Namespace, item.Name = own.namespace, own.name
	}
	return item
}

// call writes a call, which comes whole.
func (s *responseAnswer) call(w io.Writer, a *exchange.Answer, c *provider.ToolCall) error {
	if err := s.close(w, a, completed); err != nil {
		return err
	}
	n := len(s.output)
	whole := s.callItemOf(a, c, n)
	started := whole
	started.Status, started.Arguments = inProgress, ""
	s.output = append(s.output, whole)
	for _, step := range []struct {
		kind string
		e    responseEvent
	}{
		{"response.output_item.added", responseEvent{OutputIndex: &n, Item: started}},
		{"response.function_call_arguments.delta", responseEvent{OutputIndex: &n, ItemID: whole.ID, Delta: &whole.Arguments}},
		{"response.function_call_arguments.done", responseEvent{OutputIndex: &n, ItemID: whole.ID, Name: whole.Name, Arguments: &whole.Arguments}},
		{"response.output_item.done", responseEvent{OutputIndex: &n, Item: whole}},
	} {
		if err := s.send(w, step.kind, step.e); err != nil {
			return err
		}
	}
	return nil
}
