package retrieve_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/provider"
)

// words is an embedder whose vectors count the words of its vocabulary.
type words struct {
	vocabulary []string
	model      string
	window     int // most characters of a text; 0: no limit
	most       int // most characters of all texts together; 0: no limit

	mu    sync.Mutex
	calls []provider.EmbedRequest
}

func (w *words) Embed(_ context.Context, req provider.EmbedRequest) (provider.EmbedResponse, error) {
	w.mu.Lock()
	w.calls = append(w.calls, req)
	w.mu.Unlock()
	r := provider.EmbedResponse{Route: &provider.Route{Provider: "w", Model: w.model}, Usage: &provider.Usage{InputTokens: len(req.Input)}}
	all := 0
	for _, text := range req.Input {
		if all += len(text); w.window > 0 && len(text) > w.window || w.most > 0 && all > w.most {
			return provider.EmbedResponse{}, provider.Errorf(provider.ContextOverflow, "w", w.model, "too long")
		}
		v := make([]float32, len(w.vocabulary))
		for i, word := range w.vocabulary {
			v[i] = float32(strings.Count(text, word))
		}
		r.Vectors = append(r.Vectors, v)
	}
	return r, nil
}

func passages(texts ...string) (out []retrieve.Passage) {
	for i, text := range texts {
		out = append(out, retrieve.Passage{Text: text, Source: "f", Line: i + 1})
	}
	return out
}

func filled(t *testing.T, e provider.Embedder, o retrieve.Options, texts ...string) *retrieve.Index {
	t.Helper()
	x := retrieve.NewIndex(e, o)
	if err := x.Add(t.Context(), passages(texts...)...); err != nil {
		t.Fatal(err)
	}
	return x
}

func found(t *testing.T, r retrieve.Retriever, query string, k int) []retrieve.Passage {
	t.Helper()
	p, err := r.Retrieve(t.Context(), query, k)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestIndexFindsTheNearest(t *testing.T) {
	e := &words{vocabulary: []string{"cow", "bee", "sea"}, model: "m"}
	x := filled(t, e, retrieve.Options{Model: "m", Privacy: provider.PrivacyLocal}, "a bee", "a cow", "cow and bee", "the sea")
	got := found(t, x, "cow", 2)
	if len(got) != 2 || got[0].Text != "a cow" || got[1].Text != "cow and bee" || got[0].Score != 1 || got[0].Place() != "f:2" {
		t.Errorf("%+v", got)
	}
	if retrieve.Privacy(got) != provider.PrivacyLocal {
		t.Error("what was embedded under privacy: local may go anywhere")
	}
	for _, c := range e.calls {
		if c.Privacy != provider.PrivacyLocal || c.Model != "m" {
			t.Errorf("asked for %+v", c)
		}
	}
	if got := found(t, retrieve.NewIndex(e, retrieve.Options{}), "cow", 3); len(got) != 0 {
		t.Errorf("an empty index holds %+v", got)
	}
}

func TestMMRWantsVariety(t *testing.T) {
	e := &words{vocabulary: []string{"cow", "bee", "sea"}, model: "m"}
	texts := []string{"cow cow cow bee", "cow cow cow bee", "cow cow cow bee", "cow sea"}
	x := filled(t, e, retrieve.Options{}, texts...)
	if got := found(t, x, "cow", 2); got[1].Text != texts[1] {
		t.Errorf("the nearest are %+v", got)
	}
	got, by, err := x.Find(t.Context(), "cow", 2, retrieve.Search{MMR: true})
	if err != nil || got[0].Text != texts[0] || got[1].Text != "cow sea" || by == nil || by.Model != "m" {
		t.Errorf("with MMR: %+v, %+v, %v", got, by, err)
	}
}

func TestVectorsOfTwoModelsAreNotMixed(t *testing.T) {
	one := &words{vocabulary: []string{"cow", "bee"}, model: "one"}
	x := filled(t, one, retrieve.Options{}, "a cow")
	one.model = "two"
	if err := x.Add(t.Context(), passages("a bee")...); !errors.Is(err, provider.Invalid) || !strings.Contains(fmt.Sprint(err), "by the model one") {
		t.Errorf("another model's passage: %v", err)
	}
	if _, err := x.Retrieve(t.Context(), "cow", 1); !errors.Is(err, provider.Invalid) {
		t.Errorf("another model's question: %v", err)
	}
	one.model, one.vocabulary = "one", []string{"cow", "bee", "sea"}
	if _, err := x.Retrieve(t.Context(), "cow", 1); !errors.Is(err, provider.Invalid) || !strings.Contains(fmt.Sprint(err), "3 dimensions") {
		t.Errorf("a question of other dimensions: %v", err)
	}
	if x.Len() != 1 {
		t.Errorf("it holds %d passages, want 1", x.Len())
	}
}

func TestAPassageTooLongIsNamedAndNotCut(t *testing.T) {
	e := &words{vocabulary: []string{"cow"}, model: "m", window: 20}
	texts := make([]string, 50)
	for i := range texts {
		texts[i] = "a cow"
	}
	texts[41] = strings.Repeat("a cow ", 9)
	x := retrieve.NewIndex(e, retrieve.Options{})
	err := x.Add(t.Context(), passages(texts...)...)
	var long *retrieve.TooLongError
	if !errors.Is(err, provider.ContextOverflow) || !errors.As(err, &long) || long.Passage.Line != 42 || !strings.HasPrefix(err.Error(), "f:42: the passage of 54 characters") {
		t.Errorf("%v", err)
	}
	if x.Len() != 0 {
		t.Errorf("of an Add that failed %d passages are there", x.Len())
	}
	// A limit for all texts of a request is no reason to refuse any of them.
	e = &words{vocabulary: []string{"cow"}, model: "m", most: 30}
	if x := filled(t, e, retrieve.Options{}, texts[:40]...); x.Len() != 40 {
		t.Errorf("%d passages, want 40", x.Len())
	}
}

func TestARequestIsNeitherLongNorLarge(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		want  []int
	}{
		"many": {slices.Repeat([]string{"cow"}, 70), []int{32, 32, 6}},
		"long": {slices.Repeat([]string{strings.Repeat("cow ", 1500)}, 5), []int{2, 2, 1}},
		"huge": {slices.Repeat([]string{strings.Repeat("cow ", 9000)}, 2), []int{1, 1}},
	} {
		e := &words{vocabulary: []string{"cow"}}
		filled(t, e, retrieve.Options{}, c.texts...)
		got := []int{}
		for _, call := range e.calls {
			got = append(got, len(call.Input))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: requests of %v texts, want %v", name, got, c.want)
		}
	}
}

func TestFormatNumbersPassagesWithTheirPlaces(t *testing.T) {
	got := retrieve.Format([]retrieve.Passage{{Text: "one\ntwo", Source: "a.md", Line: 3}, {Text: "three", Source: "b"}})
	if want := "[1] a.md:3\none\ntwo\n\n[2] b\nthree"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := retrieve.Format(nil); got != "" {
		t.Errorf("of none it is %q", got)
	}
}
