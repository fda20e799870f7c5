package stack

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// failing fails all calls with one error, as a load does that many wait for.
type failing struct {
	provider.Provider
	err error
}

func (f *failing) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, f.err) }
}

func TestAnErrorOfManyCallsStaysAsItIs(t *testing.T) {
	const secret = "a-key-of-some-length"
	secrets := &redact.Redactor{}
	secrets.Add(secret)
	shared := &provider.Error{Kind: provider.OutOfMemory, Provider: "p", Model: secret, RequestID: secret, Err: errors.New("no room for " + secret)}
	before := *shared
	_, err := ask(&clean{&failing{err: shared}, secrets}, provider.Request{})
	var e *provider.Error
	if !errors.As(err, &e) || e.Kind != provider.OutOfMemory || strings.Contains(err.Error()+e.Error()+e.RequestID, secret) {
		t.Errorf("the error is %v (%+v)", err, e)
	}
	if *shared != before {
		t.Errorf("the error that others are told is %+v", shared)
	}
}
