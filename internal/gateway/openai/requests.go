package openai

import (
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// The paths whose requests [DecodeRequest] reads.
const (
	ChatPath       = "/v1/chat/completions"
	CompletionPath = "/v1/completions"
	EmbeddingPath  = "/v1/embeddings"
)

// RequestPaths are the paths whose requests [DecodeRequest] reads.
func RequestPaths() []string { return []string{ChatPath, CompletionPath, EmbeddingPath} }

// DecodeRequest reads the body of a request to a path that came other than over HTTP,
// such as in a file. It has to ask for a whole answer. Errors: a *[body.Error] or a
// *[exchange.Failure].
func DecodeRequest(path string, data []byte) (q *exchange.Question, err error) {
	b := body.Parse(data)
	if err := b.Err(); err != nil {
		return nil, err
	}
	switch path {
	case ChatPath:
		q, _, err = decodeChat(b, false)
	case CompletionPath:
		q, _, err = decodeCompletion(b, false)
	case EmbeddingPath:
		e, base64, err := decodeEmbedding(b, false)
		if err != nil {
			return nil, err
		}
		return &exchange.Question{Model: e.Model, Embed: &e.Request, Base64: base64, Ignored: e.Ignored}, nil
	default:
		return nil, exchange.Refuse("url", fmt.Sprintf("requests to %q are not taken, only those to %s", path, strings.Join(RequestPaths(), ", ")))
	}
	if err == nil && q.Stream {
		err = exchange.Refuse("stream", "stream: the answer is kept whole; leave it out")
	}
	return q, err
}

// Reply is the body of a reply to a request that [DecodeRequest] read, with the call in
// an extra member.
func Reply(path string, a *exchange.Answer) any {
	if path == CompletionPath {
		f := wholeCompletion(a)
		f.Tandem = &a.Call
		return f
	}
	f := (&chatAnswer{}).whole(a)
	f.Tandem = &a.Call
	return f
}

// EmbeddingReply is [Reply] for a question that asks for vectors.
func EmbeddingReply(q *exchange.Question, r provider.EmbedResponse, call *exchange.Call) any {
	return embeddingListOf(r, call.Model, q.Base64, call)
}

// ErrorReply is the body of a reply that tells a failure.
func ErrorReply(f *exchange.Failure) any { return errorBody{errorOf(f)} }
