package prompt_test

import (
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

// TestExamplesByMeaning has a real model choose the example that is about the same thing, in other words.
func TestExamplesByMeaning(t *testing.T) {
	e := testengine.EmbeddingOllama(t)
	p, err := ollama.New(ollama.Config{Name: "local", Host: e.URL, Model: e.EmbedModel})
	if err != nil {
		t.Fatal(err)
	}
	items := []map[string]any{
		{"i": "How do I bake bread?", "o": "kitchen"},
		{"i": "Which key does a violin play in?", "o": "music"},
		{"i": "How long does a rocket fly to the moon?", "o": "space"},
		{"i": "How are cakes made?", "o": "kitchen"},
	}
	for _, tt := range []struct {
		selector prompt.Selector
		question string
		first    string
		chosen   int
	}{
		{prompt.Similar{K: 1, Keys: []string{"i"}}, "Can a spaceship reach Mars?", "space", 1},
		{prompt.Similar{K: 2, Keys: []string{"i"}}, "What goes into the oven for dough?", "kitchen", 2},
		{prompt.MMR{K: 2, FetchK: 4, Keys: []string{"i"}}, "Who wrote this symphony?", "music", 2},
	} {
		q, err := prompt.New(prompt.Options{}, prompt.Message{Role: provider.RoleUser, Text: "{i}", Examples: &prompt.Examples{Items: items, Text: "{o}", Selector: tt.selector}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time with the vectors that were kept
			got, err := q.MessagesFor(t.Context(), template.Map{"i": tt.question}, prompt.Call{Embedder: p, Privacy: provider.PrivacyLocal})
			if err != nil {
				t.Fatal(err)
			}
			if shown := strings.Split(got[0].Text, "\n\n"); len(shown) != tt.chosen+1 || shown[0] != tt.first || shown[tt.chosen] != tt.question {
				t.Errorf("%+v of %q shows %q", tt.selector, tt.question, shown)
			}
		}
	}
}
