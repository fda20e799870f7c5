// Package provider is the contract between Tandem and whatever answers a
// prompt: a model that Ollama runs on this machine, or any server that speaks
// the OpenAI API. It holds types only: no SDK, no network, nothing of Tandem's
// other packages, so that adapters, wrappers and users can all import it.
//
// Start with [Provider] and [Request]. [Collect] turns a stream into a
// [Response]; [As] finds an optional ability ([Embedder], [Puller], …) through
// any number of wrappers; Every failure is an [Error] with a [Kind]. The suite
// in provider/providertest checks every sentence below that can be checked, and
// is meant for your own providers too.
package provider

import (
	"context"
	"iter"
)

// Provider answers chat requests with one or more models.
//
// Duties of an implementer:
//
//   - Name is constant, and unique among the providers of one program.
//   - Chat makes no call until it is ranged over, and makes a new call each
//     time it is.
//   - No chunk is empty ([Chunk.Empty]). The last chunk, and only the last,
//     carries Finish, Usage and Route; it may carry content too. A stream that
//     ends without Finish must be reported as [Truncated].
//   - A non-nil error is final, and comes with a zero Chunk. What was yielded
//     before it stays valid partial output.
//   - Errors are *[Error], except that the caller's own context error goes
//     back unchanged: errors.Is(err, context.Canceled) or
//     context.DeadlineExceeded, and nothing wrapped around it.
//   - Breaking out of the loop cancels the call upstream at once (within
//     100 ms) and leaks neither goroutine nor connection.
//   - Whatever the provider cannot honour in a Request is [Unsupported],
//     before any call; nothing is dropped silently. [Request.Use] that does
//     not list the provider's own name is [Invalid].
//   - Memory stays bounded whatever the server sends.
//   - It is safe for concurrent use.
//   - It never retries, never logs, and never sends the request anywhere but
//     to the endpoint that its Route names.
type Provider interface {
	// Name is what configuration and routes call this provider, for example
	// "local" or "openai".
	Name() string

	// Models lists what can be asked for now, in the server's order, with
	// capabilities per model as far as the server tells them.
	// Errors: Unavailable, BadAnswer, Denied, Timeout, Offline, Invalid.
	Models(ctx context.Context) ([]Model, error)

	// Chat streams the answer to req. Ranging over the result makes the call.
	// Errors: any [Kind], or ctx's own error unchanged.
	Chat(ctx context.Context, req Request) iter.Seq2[Chunk, error]
}

// Wrapper is a Provider around another one. Wrappers embed the inner Provider,
// override one thing, and let [As] look through them.
type Wrapper interface {
	Provider
	// Unwrap returns the inner provider.
	Unwrap() Provider
}

// As returns p, or the first provider inside its wrappers, that has the
// ability T, an interface such as [Embedder]. It is to optional abilities what
// errors.As is to errors; a bare type assertion would not see through
// wrappers.
func As[T any](p Provider) (T, bool) {
	for p != nil {
		if t, ok := p.(T); ok {
			return t, true
		}
		w, ok := p.(Wrapper)
		if !ok {
			break
		}
		p = w.Unwrap()
	}
	var zero T
	return zero, false
}
