package openai

import (
	"errors"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// What a stream may not have besides the one answer that was asked for: it would
// be glued onto that.
var (
	errChoices = errors.New("the server sent more than one answer (choices with other indexes)")
	errAfter   = errors.New("the server sent more after the end of the answer")
	errFinish  = errors.New("the server ended the answer twice, for different reasons")
	errMixed   = errors.New("the server mixed two answers (their ids differ)")
)

// checkSameAnswer checks that an event with choices is of the one answer, before
// anything of it is taken in.
func (a *answer) checkSameAnswer(e *goopenai.ChatCompletionStreamResponse) error {
	c := &e.Choices[0]
	if len(e.Choices) > 1 || c.Index != 0 {
		return a.error(provider.BadAnswer, "%w", errChoices)
	}
	if err := a.checkRole(c.Delta.Role); err != nil {
		return err
	}
	if !a.ids.sameAnswer(e.ID) {
		return a.error(provider.BadAnswer, "%w", errMixed)
	}
	if a.finish == "" {
		return nil
	}
	d := &c.Delta
	if d.Content != "" || d.ReasoningContent != "" || d.Refusal != "" || len(d.ToolCalls) > 0 || called(d.FunctionCall) {
		return a.error(provider.BadAnswer, "%w", errAfter)
	}
	if word := string(c.FinishReason); normalize.EndOf(word) != normalize.EndNone && !normalize.SameEnd(word, a.finish) {
		return a.error(provider.BadAnswer, "%w", errFinish)
	}
	return nil
}

// checkRole checks who is said to speak. Servers leave it out, or call the model by
// names of their own.
func (a *answer) checkRole(role string) error {
	switch role {
	case goopenai.ChatMessageRoleUser, goopenai.ChatMessageRoleSystem, goopenai.ChatMessageRoleDeveloper, goopenai.ChatMessageRoleTool, goopenai.ChatMessageRoleFunction:
		return a.error(provider.BadAnswer, "the server answered with a message of the role %q", role)
	}
	return nil
}

// eventIDs are the ids of an answer's events. One answer has one, but some servers
// give each event its own.
type eventIDs struct {
	first    string
	repeated bool // the first came twice: it is the answer's
	others   bool // others came: they are the events'
}

// sameAnswer takes the next event's id in, and reports whether it can be of the same
// answer.
func (i *eventIDs) sameAnswer(id string) bool {
	switch {
	case id == "":
	case i.first == "":
		i.first = id
	case id == i.first:
		i.repeated = true
	default:
		i.others = true
	}
	return !i.repeated || !i.others
}
