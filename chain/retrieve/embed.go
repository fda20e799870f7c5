package retrieve

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/provider"
)

// One request is for at most so many texts, and so many bytes of them, but for
// one text at least: enough that a request's own cost is small, little enough
// that an interruption loses little.
const (
	batchTexts = 32
	batchBytes = 16 << 10
)

// batch is how many of passages go into the next request.
func batch(passages []Passage) int {
	size := 0
	for i, p := range passages {
		if size += len(p.Text); i > 0 && (i == batchTexts || size > batchBytes) {
			return i
		}
	}
	return len(passages)
}

// Vectors has e make a vector of each passage, and hands them to keep in the
// passages' order, up to 32 at a time. An error of keep ends it.
//
// A passage that the model's window does not hold is a ContextOverflow error
// that names its place: none is cut. An answer by another model than the one
// before is Invalid, and so is one of other dimensions.
func Vectors(ctx context.Context, e provider.Embedder, o Options, passages []Passage, keep func([]Passage, provider.EmbedResponse) error) error {
	m := made{model: o.As, dimensions: o.Dimensions}
	for len(passages) > 0 {
		part := passages[:batch(passages)]
		passages = passages[len(part):]
		r, err := embed(ctx, e, o, part)
		if err == nil {
			err = m.same(r)
		}
		if err != nil {
			return err
		}
		if err := keep(part, r); err != nil {
			return err
		}
	}
	return nil
}

// made is what vectors were made by, as far as it is known.
type made struct {
	model      string // as the engine named it
	dimensions int
}

// same notes what made the vectors of r, and refuses another one than before.
func (m *made) same(r provider.EmbedResponse) error {
	if len(r.Vectors) == 0 {
		return nil
	}
	name, model := "", ""
	if r.Route != nil {
		name, model = r.Route.Provider, r.Route.Model
	}
	if m.model == "" {
		m.model = model
	}
	if m.dimensions == 0 {
		m.dimensions = len(r.Vectors[0])
	}
	if model != "" && model != m.model {
		return provider.Errorf(provider.Invalid, name, model, "the earlier vectors were made by the model %s, and vectors of two models cannot be compared", m.model)
	}
	if n := len(r.Vectors[0]); n != m.dimensions {
		return provider.Errorf(provider.Invalid, name, model, "its vectors have %d dimensions, but the earlier ones have %d, so another model made them", n, m.dimensions)
	}
	return nil
}

// embed asks for the vectors of one batch, and names the passage that does not
// fit when one does not.
func embed(ctx context.Context, e provider.Embedder, o Options, passages []Passage) (provider.EmbedResponse, error) {
	req := provider.EmbedRequest{Model: o.Model, Privacy: tightest(o.Privacy, Privacy(passages)), Input: make([]string, len(passages))}
	for i, p := range passages {
		req.Input[i] = p.Text
	}
	r, err := e.Embed(ctx, req)
	if err == nil {
		return r, check(&r, &req)
	}
	var known *TooLongError
	if !errors.Is(err, provider.ContextOverflow) || errors.As(err, &known) {
		return r, err
	}
	if len(passages) == 1 {
		return r, &TooLongError{Passage: passages[0], Err: err}
	}
	// One of them is too long, or all together are: halves tell, and serve.
	half := len(passages) / 2
	r, err = embed(ctx, e, o, passages[:half])
	if err != nil {
		return r, err
	}
	rest, err := embed(ctx, e, o, passages[half:])
	if err != nil {
		return rest, err
	}
	rest.Vectors = append(r.Vectors, rest.Vectors...)
	rest.Usage = sum(r.Usage, rest.Usage)
	return rest, check(&rest, &req)
}

func check(r *provider.EmbedResponse, req *provider.EmbedRequest) error {
	if err := r.Check(req); err != nil {
		return provider.Errorf(provider.BadAnswer, "", req.Model, "%w", err)
	}
	return nil
}

// sum is what two calls used; nil: one of them did not tell.
func sum(a, b *provider.Usage) *provider.Usage {
	if a == nil || b == nil {
		return nil
	}
	return &provider.Usage{InputTokens: a.InputTokens + b.InputTokens, CachedTokens: a.CachedTokens + b.CachedTokens}
}

func tightest(a, b provider.Privacy) provider.Privacy {
	if b == provider.PrivacyLocal {
		return b
	}
	return a
}

// TooLongError is a passage that the embedding model's window does not hold. It
// is a ContextOverflow.
type TooLongError struct {
	Passage Passage
	Err     error
}

// Error says which passage it is and how long.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s: the passage of %d characters that begins here does not fit the model's window, and is not cut: %s",
		e.Passage.Place(), utf8.RuneCountInString(e.Passage.Text), e.Err)
}

// Unwrap returns the provider's error.
func (e *TooLongError) Unwrap() error { return e.Err }
