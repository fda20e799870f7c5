package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/internal/stacktest"
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

// What makes vectors may echo the key it was asked with, as what chats may.
func TestAnEchoedKeyIsInNoRouteOfVectors(t *testing.T) {
	for name, tc := range map[string]struct {
		status       int
		model, error string // with KEY
	}{
		"the model":                    {http.StatusOK, "text-KEY", ""},
		"the model, escaped":           {http.StatusOK, strings.ReplaceAll(url.QueryEscape("KEY/x"), "%2F", "%252F"), ""},
		"the model is the key":         {http.StatusOK, "KEY", ""},
		"the error":                    {http.StatusUnauthorized, "", "Incorrect API key provided: KEY"},
		"an error of the server's own": {http.StatusBadRequest, "", "KEY may not use text-embedding"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("X-Request-Id", "req-"+key)
				w.WriteHeader(tc.status)
				if tc.error != "" {
					fmt.Fprintf(w, `{"error":{"message":%q}}`, strings.ReplaceAll(tc.error, "KEY", key))
					return
				}
				fmt.Fprintf(w, `{"object":"list","model":%q,"data":[{"object":"embedding","index":0,"embedding":[1,0.5]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`, strings.ReplaceAll(tc.model, "KEY", key))
			}))
			defer srv.Close()
			cfg := stacktest.Load(t, "use: hosted\nproviders:\n  - {name: hosted, kind: openai, base_url: \""+srv.URL+"/v1\", model: big, api_key: \"keyring:hosted\"}\n", nil, nil)
			s := open(t, cfg, Options{})
			vectors, err := s.Collections.Embedder().Embed(t.Context(), provider.EmbedRequest{Input: []string{"hi"}})
			if ok := tc.status == http.StatusOK; (err == nil) != ok || (len(vectors.Vectors) == 1) != ok {
				t.Fatalf("%+v, %v", vectors, err)
			}
			var e *provider.Error
			errors.As(err, &e)
			if told := fmt.Sprintf("%+v %+v %+v", vectors.Route, err, e); strings.Contains(told, canary) {
				t.Errorf("the key is in %s", told)
			}
		})
	}
}

// A provider that makes no vectors offers none through the layers.
func TestCleanMakesNoVectorsOfItsOwn(t *testing.T) {
	p := &clean{&providertest.Fake{}, &redact.Redactor{}}
	if _, ok := provider.As[provider.Embedder](p); ok {
		t.Error("it offers vectors")
	}
	if _, err := p.Models(t.Context()); err != nil {
		t.Error(err)
	}
}
