package retrieve

import (
	"context"
	"sync"

	"github.com/tandem-llm/tandem/internal/vec"
	"github.com/tandem-llm/tandem/provider"
)

// Options say how vectors are made. The zero value asks the embedder's own
// model.
type Options struct {
	Model   string           // empty: the embedder's default
	Privacy provider.Privacy // of all that is embedded, questions included
	// As and Dimensions are who made the vectors that there are already, as the
	// engine names it, and of how many numbers; what differs is refused. Unset:
	// the first answer decides.
	As         string
	Dimensions int
}

// Search says which passages are wanted. The zero value wants the nearest.
type Search struct {
	// MMR wants passages that are near the question and unlike one another, by
	// maximal marginal relevance.
	MMR bool
	// Lambda weighs nearness against variety: 1 is nearness only, 0 variety
	// only. Nil: 0.5. Of use with MMR only.
	Lambda *float64
	// Fetch is how many of the nearest MMR chooses from. 0: 20, or 4 for each
	// that is wanted, if that is more.
	Fetch int
	// Privacy of the question: PrivacyLocal keeps it on this machine, whatever
	// the passages may do.
	Privacy provider.Privacy
}

// Candidates is how many of the nearest passages a search for k looks at.
func (s Search) Candidates(k int) int {
	switch {
	case !s.MMR:
		return k
	case s.Fetch > 0:
		return max(k, s.Fetch)
	}
	return max(20, 4*k)
}

// Pick returns the indices of the k candidates that are wanted, the best first.
// candidates are vectors, the nearest to query first.
func (s Search) Pick(query []float32, candidates [][]float32, k int) []int {
	if !s.MMR {
		out := make([]int, max(0, min(k, len(candidates))))
		for i := range out {
			out[i] = i
		}
		return out
	}
	lambda := 0.5
	if s.Lambda != nil {
		lambda = *s.Lambda
	}
	return vec.MMR(query, candidates, k, lambda)
}

// Index holds passages and their vectors in memory. Make one with [NewIndex].
// It is safe for concurrent use.
type Index struct {
	embedder provider.Embedder
	options  Options

	mu       sync.RWMutex
	made     made
	passages []Passage
	vectors  [][]float32
}

var _ Searcher = (*Index)(nil)

// NewIndex returns an empty index whose vectors e makes. It makes no call.
func NewIndex(e provider.Embedder, o Options) *Index {
	return &Index{embedder: e, options: o, made: made{model: o.As, dimensions: o.Dimensions}}
}

// Len is how many passages there are.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.passages)
}

// Add embeds passages and adds them: all of them, or none when there is an
// error. Errors: as [Vectors]'s.
func (x *Index) Add(ctx context.Context, passages ...Passage) error {
	var added [][]float32
	o := x.known()
	err := Vectors(ctx, x.embedder, o, passages, func(_ []Passage, r provider.EmbedResponse) error {
		if err := x.same(r); err != nil {
			return err
		}
		added = append(added, r.Vectors...)
		return nil
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.passages, x.vectors = append(x.passages, passages...), append(x.vectors, added...)
	return nil
}

// known is the options with what is known of the vectors that there are.
func (x *Index) known() Options {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.options
	o.As, o.Dimensions = x.made.model, x.made.dimensions
	return o
}

func (x *Index) same(r provider.EmbedResponse) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.made.same(r)
}

// Retrieve returns the k passages nearest to query.
func (x *Index) Retrieve(ctx context.Context, query string, k int) ([]Passage, error) {
	found, _, err := x.Find(ctx, query, k, Search{})
	return found, err
}

// Find returns k passages as how says, and who made the question's vector.
func (x *Index) Find(ctx context.Context, query string, k int, how Search) ([]Passage, *provider.Route, error) {
	q, by, err := Question(ctx, x.embedder, x.known(), query)
	if err == nil {
		err = x.same(by) // a first passage may have come meanwhile
	}
	if err != nil {
		return nil, by.Route, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	near := vec.Top(q, x.vectors, how.Candidates(k))
	candidates := make([][]float32, len(near))
	for i, at := range near {
		candidates[i] = x.vectors[at]
	}
	found := []Passage{}
	for _, i := range how.Pick(q, candidates, k) {
		p := x.passages[near[i]]
		p.Score = vec.Cosine(q, candidates[i])
		p.Privacy = tightest(p.Privacy, x.options.Privacy)
		found = append(found, p)
	}
	return found, by.Route, nil
}

// Question makes the vector of a question, by the rules of [Vectors].
func Question(ctx context.Context, e provider.Embedder, o Options, query string) ([]float32, provider.EmbedResponse, error) {
	var v []float32
	var by provider.EmbedResponse
	err := Vectors(ctx, e, o, []Passage{{Text: query, Source: "the question"}}, func(_ []Passage, r provider.EmbedResponse) error {
		v, by = r.Vectors[0], r
		return nil
	})
	return v, by, err
}
