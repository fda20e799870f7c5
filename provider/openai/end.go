package openai

import (
	"io"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/normalize"
	"github.com/tandem-llm/tandem/provider"
)

// checkEnd is the error of an answer that has ended without saying why. A stream
// that says [DONE] is whole by the server's own word, and its Route says what it
// rests on, but not where an event complained of something.
func (a *answer) checkEnd() error {
	switch {
	case len(a.call.Complaint) > 0 && (a.finish == "" || normalize.EndOf(a.finish) == normalize.EndFailed):
		a.call.Failure = a.call.Complaint
		return &httpx.InBandError{}
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
	finish, kind, err := httpx.Finish("finish_reason", a.finish, a.calls.begun(), a.hasContent())
	if err != nil { // where the answer broke off, so may a call have
		return provider.Chunk{}, a.error(kind, "%w", err)
	}
	calls, err := a.toolCalls()
	if err != nil {
		return provider.Chunk{}, err
	}
	a.keepThinking(calls)
	return provider.Chunk{Finish: finish, ToolCalls: calls, Usage: usage(a.usage, a.contentBytes+sizeOf(calls)), Route: a.route()}, nil
}

// hasContent reports whether anything of the answer itself came.
func (a *answer) hasContent() bool { return a.contentBytes > 0 || a.calls.begun() }
