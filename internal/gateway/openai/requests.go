package openai

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/responsestore"
	"github.com/tandem-llm/tandem/provider"
)

// The paths whose requests [DecodeRequest] reads.
const (
	ChatPath       = "/v1/chat/completions"
	CompletionPath = "/v1/completions"
	EmbeddingPath  = "/v1/embeddings"
	ResponsePath   = "/v1/responses"
)

// RequestPaths are the paths whose requests [DecodeRequest] reads.
func RequestPaths() []string { return []string{ChatPath, CompletionPath, EmbeddingPath, ResponsePath} }

// Request is a request that came other than over HTTP, such as in a file. It asks for a
// whole answer.
type Request struct {
	*exchange.Question
	reply func(*exchange.Answer) any
}

// Reply is the body of the reply to a request that asks for no vectors, with the call in
// an extra member.
func (r *Request) Reply(a *exchange.Answer) any { return r.reply(a) }

// DecodeRequest reads the body of a request to a path. Errors: a *[body.Error] or a
// *[exchange.Failure].
func DecodeRequest(path string, data []byte) (*Request, error) {
	b := body.Parse(data)
	if err := b.Err(); err != nil {
		return nil, err
	}
	r, err := decodeRequest(path, b)
	if err == nil && r.Stream {
		err = exchange.Refuse("stream", "stream: the answer is kept whole; leave it out")
	}
	return r, err
}

func decodeRequest(path string, b *body.Reader) (*Request, error) {
	switch path {
	case ChatPath:
		q, _, err := decodeChat(b, false)
		return &Request{q, func(a *exchange.Answer) any {
			f := (&chatAnswer{}).whole(a)
			f.Tandem = &a.Call
			return f
		}}, err
	case CompletionPath:
		q, _, err := decodeCompletion(b, false)
		return &Request{q, func(a *exchange.Answer) any {
			f := wholeCompletion(a)
			f.Tandem = &a.Call
			return f
		}}, err
	case EmbeddingPath:
		e, base64, err := decodeEmbedding(b, false)
		if err != nil {
			return nil, err
		}
		return &Request{Question: &exchange.Question{Model: e.Model, Embed: &e.Request, Base64: base64, Ignored: e.Ignored}}, nil
	case ResponsePath:
		q, err := decodeResponse(b, false, noStored)
		if err != nil {
			return nil, err
		}
		return &Request{q.Question, func(a *exchange.Answer) any { return (&responseAnswer{in: q}).complete(a) }}, nil
	}
	return nil, exchange.Refuse("url", fmt.Sprintf("requests to %q are not taken, only those to %s", path, strings.Join(RequestPaths(), ", ")))
}

// noStored is the response of an id, of which none is stored.
func noStored(id string) (*responsestore.Response, error) {
	return nil, &exchange.Failure{
		Status: http.StatusNotFound, Code: "response_not_found",
		Message: fmt.Sprintf("there is no response %q here: requests in a file go on with none that is stored; send the whole conversation as input", exchange.Brief(id)),
	}
}

// EmbeddingReply is [Request.Reply] for a question that asks for vectors.
func EmbeddingReply(q *exchange.Question, r provider.EmbedResponse, call *exchange.Call) any {
	return embeddingListOf(r, call.Model, q.Base64, call)
}

// ErrorReply is the body of a reply that tells a failure.
func ErrorReply(f *exchange.Failure) any { return errorBody{errorOf(f)} }
