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

// thoughtful says that its text was thinking, and then says, or does not.
type thoughtful struct {
	providertest.Fake
	answer string
}

func (p *thoughtful) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		_ = yield(provider.Chunk{Text: "Easy."}, nil) &&
			yield(provider.Chunk{Restart: true, Thought: true, Text: p.answer, Finish: provider.FinishStop, Route: &provider.Route{Provider: "a"}}, nil)
	}
}

func TestTextThatWasThinking(t *testing.T) {
	for _, answer := range []string{"Paris.", ""} {
		a := target("a")
		a.Provider = &thoughtful{providertest.Fake{ProviderName: "a"}, answer}
		r, err := ask(t.Context(), newRouter(t, "a", a), provider.Request{})
		switch {
		case answer == "":
			if provider.KindOf(err) != provider.Truncated {
				t.Errorf("an answer that is all thinking: %+v, %v", r, err)
			}
		case err != nil || r.Text != answer || r.Thinking != "Easy.":
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// brokenThinker breaks off, and begins its second answer with a blank line and
// text that was thinking.
type brokenThinker struct {
	providertest.Fake
	asked int
}

func (p *brokenThinker) Chat(context.Context, provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		if p.asked++; p.asked == 1 {
			_ = yield(provider.Chunk{Text: "Lon"}, nil) &&
				yield(provider.Chunk{}, &provider.Error{Kind: provider.Truncated, Provider: "a", Err: errors.New("cut")})
			return
		}
		_ = yield(provider.Chunk{Text: "\n"}, nil) &&
			yield(provider.Chunk{Restart: true, Thought: true, Thinking: "Easy.", Text: "Paris."}, nil) &&
			yield(provider.Chunk{Finish: provider.FinishStop, Route: &provider.Route{Provider: "a"}}, nil)
	}
}

// TestWhatBrokeOffWasNoThinking: an answer that begins again takes back what broke
// off, whatever its own first text was.
func TestWhatBrokeOffWasNoThinking(t *testing.T) {
	a := target("a")
	a.Provider = &brokenThinker{Fake: providertest.Fake{ProviderName: "a"}}
	cfg := router.Config{Targets: []router.Target{a}, Policy: router.Policy{Restart: true}, Clock: (&waiter{}).clock()}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ask(t.Context(), r, provider.Request{})
	if err != nil || got.Thinking != "Easy." || got.Text != "Paris." {
		t.Errorf("%+v, %v", got, err)
	}
}
