package openai

import (
	"io"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// checkEnd is the error of an answer that has ended without saying why. A stream
// that says [DONE] is whole by the server's own word, and its Route says what it
// rests on.
func (a *answer) checkEnd() error {
	switch {
	case a.finish != "":
		return nil
	case a.call.Document && !a.choice:
		return &httpx.NotAPIError{Got: "a document without choices"}
	case a.call.Document:
		return a.error(provider.Truncated, "the answer does not say that it is finished (finish_reason is missing)")
	case a.call.Done && a.hasContent():
		a.warnings = append(a.warnings, "the server gave no finish_reason; the answer counts as whole because the stream ended with [DONE]")
		return nil
	case a.call.Done && a.choice:
		return a.error(provider.Truncated, "the answer is empty, and the stream ended with [DONE] and without a finish_reason")
	}
	return io.ErrUnexpectedEOF
}

// finalChunk makes the closing chunk, or the error that the finish reason stands for.
func (a *answer) finalChunk() (provider.Chunk, error) {
	end := normalize.EndOf(a.finish)
	calls, err := a.toolCalls()
	switch end {
	case normalize.EndStop, normalize.EndNone, normalize.EndCalls, normalize.EndLength:
		if err != nil {
			return provider.Chunk{}, err
		}
	} // where the answer broke off, so may a call have
	a.keepThinking(calls)
	c := provider.Chunk{ToolCalls: calls, Usage: usage(a.usage, a.contentBytes+sizeOf(calls)), Route: a.route()}
	switch end {
	case normalize.EndStop, normalize.EndNone: // none: see checkEnd
		c.Finish = provider.FinishStop
		if len(c.ToolCalls) > 0 {
			c.Finish = provider.FinishToolCalls
		}
	case normalize.EndCalls:
		if len(c.ToolCalls) == 0 {
			return c, a.error(provider.BadAnswer, "the answer ends with tool calls, and none came")
		}
		c.Finish = provider.FinishToolCalls
	case normalize.EndLength:
		c.Finish = provider.FinishLength
	case normalize.EndFiltered:
		return c, a.error(provider.Filtered, "the server's content filter withheld the answer (%s); rephrase the prompt", a.finish)
	case normalize.EndFailed:
		return c, a.error(a.brokenKind(), "the server broke the answer off: its finish_reason is %q", a.finish)
	default:
		return c, a.error(provider.Truncated, "the answer ended for the unknown reason %q", a.finish)
	}
	return c, nil
}

// hasContent reports whether anything of the answer itself came.
func (a *answer) hasContent() bool {
	return a.contentBytes > 0 || a.calls.tools.Len() > 0 || a.calls.older.Len() > 0
}

// brokenKind is the Kind of an answer that the server broke off.
func (a *answer) brokenKind() provider.Kind {
	if a.hasContent() {
		return provider.Truncated
	}
	return provider.Unavailable
}
