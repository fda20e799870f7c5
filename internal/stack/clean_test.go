package stack

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
)

// fails is a provider that always fails with the very same error.
type fails struct {
	provider.Provider
	err error
}

func (p fails) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) { yield(provider.Chunk{}, p.err) }
}

// A provider may fail with one error over and over: it is cleaned without being
// written to, however it is wrapped. Run with -race.
func TestCleanLeavesASharedErrorAlone(t *testing.T) {
	const secret = "sk-abcdefghijklmnopqrstuvwxyz123456" //nolint:gosec // an invented one
	shared := func() *provider.Error {
		return &provider.Error{
			Kind: provider.OutOfMemory, Provider: "local", Model: "m-" + secret, RequestID: "id-" + secret,
			Err: failure.NoFallback(errors.New("no room for " + secret)),
		}
	}
	for name, wrap := range map[string]func(error) error{
		"bare":          func(err error) error { return err },
		"wrapped":       func(err error) error { return fmt.Errorf("asking with %s: %w", secret, err) },
		"wrapped twice": func(err error) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)) },
		"joined":        func(err error) error { return errors.Join(errors.New("first"), err) },
	} {
		t.Run(name, func(t *testing.T) {
			before := shared()
			p := fails{&providertest.Fake{}, wrap(before)}
			secrets := &redact.Redactor{}
			secrets.Add(secret)
			cleaned := &clean{p, secrets}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					_, err := provider.Collect(cleaned.Chat(context.Background(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
					var e *provider.Error
					if !errors.As(err, &e) || e.Kind != provider.OutOfMemory || !errors.Is(err, failure.ErrNoFallback) {
						t.Errorf("got %v, want the failure as it was but for secrets", err)
						return
					}
					for _, text := range []string{err.Error(), e.Error(), e.Err.Error(), e.Model, e.RequestID} {
						if strings.Contains(text, secret) {
							t.Errorf("%q has the secret", text)
						}
					}
				})
			}
			wg.Wait()
			if want := shared(); before.Error() != want.Error() || before.RequestID != want.RequestID {
				t.Errorf("the provider's own error was changed to %v", before)
			}
		})
	}
}
