package retrieve_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/testengine"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func liveEmbedder(t *testing.T) *ollama.Provider {
	t.Helper()
	e := testengine.EmbeddingOllama(t)
	tr := httpx.NewTransport(httpx.Options{})
	t.Cleanup(tr.CloseIdleConnections)
	p, err := ollama.New(ollama.Config{Host: e.URL, Model: e.EmbedModel, RoundTripper: tr})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLiveMeaningIsFound(t *testing.T) {
	x := filled(t, liveEmbedder(t), retrieve.Options{Privacy: provider.PrivacyLocal},
		"quarterly tax report", "a kitten on the couch", "how to bake bread", "the capital of France is Paris")
	for query, want := range map[string]string{
		"a cat on the sofa":          "a kitten on the couch",
		"money owed to the state":    "quarterly tax report",
		"flour, water, yeast, oven":  "how to bake bread",
		"where is the Eiffel tower?": "the capital of France is Paris",
	} {
		if got := found(t, x, query, 1); len(got) != 1 || got[0].Text != want {
			t.Errorf("nearest to %q is %+v, want %q", query, got, want)
		}
	}
}

func TestLiveWindowIsNotExceeded(t *testing.T) {
	x := retrieve.NewIndex(liveEmbedder(t), retrieve.Options{})
	long := retrieve.Passage{Text: strings.Repeat("river stone cloud ", 400), Source: "long.txt", Line: 7}
	err := x.Add(t.Context(), retrieve.Passage{Text: "short", Source: "short.txt", Line: 1}, long)
	var e *retrieve.TooLongError
	if !errors.Is(err, provider.ContextOverflow) || !errors.As(err, &e) || e.Passage.Place() != "long.txt:7" {
		t.Errorf("%v", err)
	}
}
