// Package retrieve finds the passages of a body of text that are nearest in
// meaning to a question, to be put into a prompt with their sources.
//
// A [Splitter] cuts texts into passages, an [Index] holds them in memory with
// their vectors, and [Format] writes what was found as a prompt wants it:
//
//	index := retrieve.NewIndex(embedder, retrieve.Options{Model: "all-minilm"})
//	passages, err := retrieve.Splitter{}.Split("notes.md", text)
//	err = index.Add(ctx, passages...)
//	found, err := index.Retrieve(ctx, "When is the harvest?", 5)
//	prompt := "Answer from these passages:\n\n" + retrieve.Format(found)
//
// Vectors of different models are never compared: that gives numbers and no
// meaning.
package retrieve

import (
	"context"
	"fmt"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// Passage is a piece of a text, and where it comes from.
type Passage struct {
	Text   string `json:"text"`
	Source string `json:"source"` // as a reader knows it: a file's path, say
	Line   int    `json:"line"`   // of Source, on which the passage begins, from 1; 0: unknown
	Offset int    `json:"offset"` // of the passage in Source, in bytes
	// Score is how near the passage is to the question: the cosine of their
	// vectors, 1 at most. 0 before a search.
	Score float64 `json:"score"`
	// Privacy says where the passage may go: a prompt that holds it goes only to
	// this machine under [provider.PrivacyLocal].
	Privacy provider.Privacy `json:"privacy,omitempty"`
}

// Place is where a passage begins, such as "notes.md:12".
func (p Passage) Place() string {
	if p.Line == 0 {
		return p.Source
	}
	return fmt.Sprintf("%s:%d", p.Source, p.Line)
}

// Retriever finds passages. It is safe for concurrent use.
type Retriever interface {
	// Retrieve returns the k passages nearest to query, the best first; fewer
	// when there are fewer. Errors: an embedder's, as they are; a query that is
	// empty is Invalid.
	Retrieve(ctx context.Context, query string, k int) ([]Passage, error)
}

// Searcher is a Retriever that can search in more ways than one.
type Searcher interface {
	Retriever
	// Find returns k passages as how says, the first one chosen first, and who
	// made the question's vector; that is nil where it is not told. Errors: as
	// Retrieve's.
	Find(ctx context.Context, query string, k int, how Search) ([]Passage, *provider.Route, error)
}

// Privacy is the strictest of the passages': that of a prompt that holds them.
func Privacy(passages []Passage) provider.Privacy {
	for _, p := range passages {
		if p.Privacy == provider.PrivacyLocal {
			return provider.PrivacyLocal
		}
	}
	return provider.PrivacyAny
}

// Format writes passages for a prompt, numbered from 1 and with their places,
// so that an answer can name what it rests on:
//
//	[1] notes.md:12
//	The harvest begins in September.
//
//	[2] plan.txt:3
//	…
//
// It ends without a line break, and is "" for none.
func Format(passages []Passage) string {
	var b strings.Builder
	for i, p := range passages {
		if i > 0 {
			b.WriteString("\n\n")
		}
		fmt.Fprintf(&b, "[%d] %s\n%s", i+1, p.Place(), p.Text)
	}
	return b.String()
}
