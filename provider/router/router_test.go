package router_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/router"
)

// fails answers with text, then with an error of that Kind.
func fails(k provider.Kind, text ...string) providertest.Answer {
	return providertest.Answer{Text: text, Err: provider.Errorf(k, "first", "", "as scripted")}
}

func TestAnswerComesFromOneTarget(t *testing.T) {
	for _, c := range []struct {
		name     string
		first    providertest.Answer
		text     string // shown to the caller
		kind     provider.Kind
		attempts int
	}{
		{"the first answers", providertest.Text("a", "b"), "ab", "", 1},
		{"the next stands in before any content", fails(provider.Unavailable), "second", "", 2},
		{"nobody follows content", fails(provider.Unavailable, "a"), "a", provider.Unavailable, 0},
		{"nobody follows what others could not do either", fails(provider.Filtered), "", provider.Filtered, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := &providertest.Fake{ProviderName: "first", Answers: []providertest.Answer{c.first}}
			second := &providertest.Fake{ProviderName: "second", Answers: []providertest.Answer{providertest.Text("second")}}
			r, err := router.New(router.Config{Use: []string{"first", "second"}, Targets: []router.Target{{Provider: first}, {Provider: second}}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := provider.Collect(r.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
			if got.Text != c.text || provider.KindOf(err) != c.kind {
				t.Fatalf("got %q, %v", got.Text, err)
			}
			if err != nil {
				return
			}
			if got.Route == nil || len(got.Route.Attempts) != c.attempts {
				t.Fatalf("route %+v, want %d attempts", got.Route, c.attempts)
			}
			if last := got.Route.Attempts[c.attempts-1]; last.Outcome != provider.OutcomeAnswered || last.Provider != got.Route.Provider {
				t.Errorf("the last attempt is not the one that answered: %+v", last)
			}
		})
	}
}

// silent breaks the contract: its stream ends without an answer.
type silent struct{ provider.Provider }

func (silent) Name() string { return "silent" }

func (silent) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(func(provider.Chunk, error) bool) {}
}

func TestSilenceIsNoAnswer(t *testing.T) {
	r, err := router.New(router.Config{Use: []string{"silent"}, Targets: []router.Target{{Provider: silent{}}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = provider.Collect(r.Chat(t.Context(), provider.Request{Messages: []provider.Message{provider.User("hi")}}))
	if !errors.Is(err, provider.Truncated) {
		t.Errorf("got %v", err)
	}
}

func TestCallersContextErrorIsFinal(t *testing.T) {
	first := &providertest.Fake{ProviderName: "first"}
	second := &providertest.Fake{ProviderName: "second"}
	r, err := router.New(router.Config{Use: []string{"first", "second"}, Targets: []router.Target{{Provider: first}, {Provider: second}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = provider.Collect(r.Chat(ctx, provider.Request{Messages: []provider.Message{provider.User("hi")}}))
	if err != context.Canceled || len(second.Calls()) != 0 {
		t.Errorf("got %v, and the second was asked %d times", err, len(second.Calls()))
	}
}
