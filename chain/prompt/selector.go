package prompt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/vec"
	"github.com/tandem-llm/tandem/provider"
)

// Selector chooses examples for the values of a call. It must be safe for
// concurrent use.
type Selector interface {
	// Select returns the indices of the examples to show, in the order in
	// which they are shown.
	Select(ctx context.Context, q Query) ([]int, error)
}

// Query is what a [Selector] chooses by.
type Query struct {
	Inputs   map[string]string // the prompt's variables that have plain values
	Examples []Example
	Call     // the embedder

	vectors *vectors
}

// Length shows as many examples, from the first on, as fit into a number of
// words together with the values: LangChain's LengthBasedExampleSelector. A word
// ends at a space or at the end of a line, and there are as many as ends, plus
// one.
type Length struct {
	Max int // words; 0: 2048
}

var _ Selector = Length{}

// Select returns the first few.
func (l Length) Select(_ context.Context, q Query) ([]int, error) {
	rest := l.Max
	if rest == 0 {
		rest = 2048
	}
	rest -= words(strings.Join(slices.Collect(maps.Values(q.Inputs)), " "))
	var chosen []int
	for i := 0; rest > 0 && i < len(q.Examples); i++ {
		if rest -= words(q.Examples[i].Text); rest < 0 {
			break
		}
		chosen = append(chosen, i)
	}
	return chosen, nil
}

func words(text string) int { return 1 + strings.Count(text, " ") + strings.Count(text, "\n") }

func (l Length) check() error {
	if l.Max < 0 {
		return fmt.Errorf("the length %d is negative", l.Max)
	}
	return nil
}

// Similar shows the examples whose meaning is nearest to that of the values, the
// nearest first: LangChain's SemanticSimilarityExampleSelector.
type Similar struct {
	K     int      // how many; 0: 4
	Keys  []string // of the values, and of the examples, that are compared; none: all
	Model string   // that embeds; empty: the embedder's default
}

// MMR shows examples that are near to the values and unlike one another:
// LangChain's MaxMarginalRelevanceExampleSelector.
type MMR struct {
	K      int      // how many; 0: 4
	FetchK int      // of the nearest this many; 0: 20
	Lambda *float64 // 1: the nearest, 0: the most unlike; nil: 0.5
	Keys   []string // as in [Similar]
	Model  string   // as in [Similar]
}

var (
	_ Selector = Similar{}
	_ Selector = MMR{}
)

func (s Similar) embeds()        {}
func (s MMR) embeds()            {}
func (s Similar) vars() []string { return s.Keys }
func (s MMR) vars() []string     { return s.Keys }

func selectorVars(s Selector) []string {
	if k, ok := s.(interface{ vars() []string }); ok {
		return k.vars()
	}
	return nil
}

func (s Similar) check() error { return checkCounts(s.K, 0, nil) }
func (s MMR) check() error     { return checkCounts(s.K, s.FetchK, s.Lambda) }

func checkCounts(k, fetchK int, lambda *float64) error {
	if k < 0 || fetchK < 0 {
		return errors.New("a number of examples is negative")
	}
	if lambda != nil && !(*lambda >= 0 && *lambda <= 1) {
		return fmt.Errorf("lambda %v is not between 0 and 1", *lambda)
	}
	return nil
}

// Select embeds the values, and the examples where that has not been done.
func (s Similar) Select(ctx context.Context, q Query) ([]int, error) {
	query, all, err := q.embed(ctx, s.Keys, s.Model)
	if err != nil {
		return nil, err
	}
	return vec.Top(query, all, or(s.K, 4)), nil
}

// Select embeds the values, and the examples where that has not been done.
func (s MMR) Select(ctx context.Context, q Query) ([]int, error) {
	query, all, err := q.embed(ctx, s.Keys, s.Model)
	if err != nil {
		return nil, err
	}
	near := vec.Top(query, all, or(s.FetchK, 20))
	few := make([][]float32, len(near))
	for i, n := range near {
		few[i] = all[n]
	}
	lambda := 0.5
	if s.Lambda != nil {
		lambda = *s.Lambda
	}
	var chosen []int
	for _, i := range vec.MMR(query, few, or(s.K, 4), lambda) {
		chosen = append(chosen, near[i])
	}
	return chosen, nil
}

func or(n, unset int) int {
	if n == 0 {
		return unset
	}
	return n
}

// vectors are those of a prompt's examples, as one model made them.
type vectors struct {
	mu    sync.Mutex
	maker string
	all   [][]float32
}

func (v *vectors) of(maker string) [][]float32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.maker != maker {
		return nil
	}
	return v.all
}

func (v *vectors) keep(maker string, all [][]float32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.maker, v.all = maker, all
}

// embed returns the vectors of the values and of all examples, from one and the
// same model. Those of the examples are kept for the next call.
func (q Query) embed(ctx context.Context, keys []string, model string) ([]float32, [][]float32, error) {
	if q.Embedder == nil {
		return nil, nil, provider.Errorf(provider.Unsupported, "", "", "the examples are selected by meaning, which needs embeddings; use a provider that has them")
	}
	if len(q.Examples) == 0 {
		return nil, nil, nil
	}
	if q.vectors == nil { // a Query that this package did not make
		q.vectors = &vectors{}
	}
	inputs := make(map[string]any, len(q.Inputs))
	for name, value := range q.Inputs {
		inputs[name] = value
	}
	text, err := keyed(inputs, keys)
	if err != nil {
		return nil, nil, provider.Errorf(provider.Invalid, "", "", "selecting examples: %w", err)
	}
	query, maker, err := q.embedTexts(ctx, model, []string{text})
	if err != nil {
		return nil, nil, err
	}
	if all := q.vectors.of(maker); all != nil && len(all[0]) == len(query[0]) {
		return query[0], all, nil
	}
	texts := make([]string, len(q.Examples))
	for i := range texts {
		if texts[i], err = keyed(q.Examples[i].Values, keys); err != nil {
			return nil, nil, provider.Errorf(provider.Invalid, "", "", "example %d: %w", i+1, err)
		}
	}
	var all [][]float32
	for batch := range slices.Chunk(texts, 256) {
		got, by, err := q.embedTexts(ctx, model, batch)
		if err != nil {
			return nil, nil, err
		}
		if by != maker || len(got[0]) != len(query[0]) {
			return nil, nil, provider.Errorf(provider.Unavailable, "", "", "the values and the examples were embedded by two models, whose vectors cannot be compared; name one model or provider")
		}
		all = append(all, got...)
	}
	q.vectors.keep(maker, all)
	return query[0], all, nil
}

// embedTexts embeds texts, and says who did.
func (q Query) embedTexts(ctx context.Context, model string, texts []string) ([][]float32, string, error) {
	req := provider.EmbedRequest{Model: model, Input: texts, Privacy: q.Privacy}
	got, err := q.Embedder.Embed(ctx, req)
	if err != nil {
		return nil, "", err
	}
	if err := got.Check(&req); err != nil {
		return nil, "", provider.Errorf(provider.BadAnswer, "", model, "%w", err)
	}
	maker := model
	if got.Route != nil {
		maker = got.Route.Provider + "\x00" + got.Route.Model
	}
	return got.Vectors, maker, nil
}

// textOf is a value as a template writes it.
func textOf(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	t, err := template.Parse(template.FString, "{x}")
	if err == nil {
		var text string
		if text, err = t.Render(template.Map{"x": value}); err == nil {
			return text
		}
	}
	return fmt.Sprint(value)
}

// keyed joins the values of some keys, in the order of the keys' names.
func keyed(values map[string]any, keys []string) (string, error) {
	keys = slices.Clone(keys)
	if len(keys) == 0 {
		keys = slices.Collect(maps.Keys(values))
	}
	slices.Sort(keys)
	parts := make([]string, len(keys))
	for i, key := range keys {
		value, ok := values[key]
		if !ok {
			return "", fmt.Errorf("there is no value for %q", key)
		}
		parts[i] = textOf(value)
	}
	if text := strings.Join(parts, " "); strings.TrimSpace(text) != "" {
		return text, nil
	}
	return "", errors.New("there is no text to compare")
}
