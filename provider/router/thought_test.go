package router_test

import (
	"context"
	"iter"
	"testing"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
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
