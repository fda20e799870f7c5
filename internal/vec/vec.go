// Package vec compares embedding vectors: cosine similarity, the nearest few,
// and the nearest few that are unlike one another. It knows nothing of models;
// that two vectors come from the same one is for the caller to see to.
package vec

import (
	"fmt"
	"math"
	"slices"
)

// Cosine is the cosine of the angle between a and b: 1 for the same direction,
// 0 for unrelated, -1 for opposite. A vector of zeros, and one that is not all
// finite, is like nothing: 0. It panics when the lengths differ.
func Cosine(a, b []float32) float64 { return cosine(a, b, norm(a), norm(b)) }

// Query is a vector that many are compared with.
type Query struct {
	vector []float32
	norm   float64
}

// NewQuery prepares a vector for [Query.Cosine].
func NewQuery(v []float32) Query { return Query{v, norm(v)} }

// Cosine is [Cosine] of the query's vector and v.
func (q Query) Cosine(v []float32) float64 { return cosine(q.vector, v, q.norm, norm(v)) }

// norm is the length of a in space.
func norm(a []float32) float64 { return math.Sqrt(dot(a, a)) }

// cosine is [Cosine] for a caller that has the norms.
func cosine(a, b []float32, normA, normB float64) float64 {
	c := dot(a, b) / (normA * normB)
	if math.IsNaN(c) || math.IsInf(c, 0) {
		return 0
	}
	return c
}

// dot adds in four sums at once: one alone waits for itself.
func dot(a, b []float32) float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("vec: vectors of %d and %d dimensions", len(a), len(b)))
	}
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0]) * float64(b[0])
		s1 += float64(a[1]) * float64(b[1])
		s2 += float64(a[2]) * float64(b[2])
		s3 += float64(a[3]) * float64(b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += float64(a[i]) * float64(b[i])
	}
	return s0 + s1 + s2 + s3
}

// Top returns the indices of the k vectors nearest to query, the best first,
// equal ones in the order of vectors. There are fewer when vectors has fewer.
func Top(query []float32, vectors [][]float32, k int) []int {
	best, q := NewBest[int](k), NewQuery(query)
	for i, v := range vectors {
		best.Add(q.Cosine(v), i)
	}
	out := make([]int, 0, len(best.found))
	for _, f := range best.found {
		out = append(out, f.Value)
	}
	return out
}

// MMR returns the indices of up to k vectors by maximal marginal relevance:
// first the nearest to query, then each time the one with the highest
// lambda·(likeness to query) − (1−lambda)·(likeness to the likest one chosen).
// lambda 1 asks for the nearest only, 0 for variety only; 0.5 is the usual.
// Ties go to the lower index, and likeness is [Cosine].
//
// It chooses as LangChain's maximal_marginal_relevance does.
func MMR(query []float32, vectors [][]float32, k int, lambda float64) []int {
	k = min(k, len(vectors))
	if k <= 0 {
		return nil
	}
	norms := make([]float64, len(vectors))
	toQuery := make([]float64, len(vectors))
	redundant := make([]float64, len(vectors)) // likeness to the likest one chosen
	queryNorm, next := norm(query), 0
	for i, v := range vectors {
		norms[i] = norm(v)
		toQuery[i] = cosine(query, v, queryNorm, norms[i])
		redundant[i] = math.Inf(-1)
		if toQuery[i] > toQuery[next] {
			next = i
		}
	}
	chosen := make([]int, 0, k)
	taken := make([]bool, len(vectors))
	for {
		chosen, taken[next] = append(chosen, next), true
		if len(chosen) == k {
			return chosen
		}
		last, best, bestScore := next, -1, math.Inf(-1)
		for i, v := range vectors {
			if taken[i] {
				continue
			}
			redundant[i] = max(redundant[i], cosine(v, vectors[last], norms[i], norms[last]))
			score := lambda*toQuery[i] - (1-lambda)*redundant[i]
			if best < 0 || score > bestScore {
				best, bestScore = i, score
			}
		}
		next = best
	}
}

// Best keeps the k values with the highest scores of any number that it is
// shown, so that a search over many holds few.
type Best[T any] struct {
	k     int
	found []Scored[T]
}

// Scored is a value and how near it is, by [Cosine].
type Scored[T any] struct {
	Score float64
	Value T
}

// NewBest makes a Best of k values; none when k is not above 0.
func NewBest[T any](k int) *Best[T] { return &Best[T]{k: k} }

// Wants reports whether a value of this score would be kept now.
func (b *Best[T]) Wants(score float64) bool {
	return b.k > 0 && (len(b.found) < b.k || score > b.found[len(b.found)-1].Score)
}

// Add shows b a value. Of equal scores the one shown first is the better.
func (b *Best[T]) Add(score float64, value T) {
	if !b.Wants(score) {
		return
	}
	at := len(b.found)
	for at > 0 && b.found[at-1].Score < score {
		at--
	}
	if len(b.found) == b.k {
		b.found = b.found[:b.k-1]
	}
	b.found = slices.Insert(b.found, at, Scored[T]{score, value})
}

// Found is what was kept, the best first.
func (b *Best[T]) Found() []Scored[T] { return b.found }
