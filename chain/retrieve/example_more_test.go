package retrieve_test

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/provider"
)

const farm = "The harvest begins in September.\n\nThe market is on Tuesdays.\n\nThe river floods in July."

func ExampleSplitter() {
	s := retrieve.Splitter{Size: 40}
	fmt.Println(s.Check(), s)
	passages, err := s.Split("farm.md", farm)
	for _, p := range passages {
		fmt.Println(p.Place(), p.Text)
	}
	fmt.Println(err)
	// Output:
	// <nil> 40/0
	// farm.md:1 The harvest begins in September.
	// farm.md:3 The market is on Tuesdays.
	// farm.md:5 The river floods in July.
	// <nil>
}

func ExampleFormat() {
	fmt.Println(retrieve.Format([]retrieve.Passage{
		{Text: "The harvest begins in September.", Source: "farm.md", Line: 1},
		{Text: "Tea is dried for a day.", Source: "tea.txt"},
	}))
	// Output:
	// [1] farm.md:1
	// The harvest begins in September.
	//
	// [2] tea.txt
	// Tea is dried for a day.
}

// A prompt that holds a passage may go nowhere that the passage may not.
func ExamplePrivacy() {
	fmt.Println(retrieve.Privacy([]retrieve.Passage{
		{Text: "The market is on Tuesdays."},
		{Text: "Our prices: …", Privacy: provider.PrivacyLocal},
	}))
	// Output: local
}

func ExampleNewIndex() {
	index := retrieve.NewIndex(&words{vocabulary: []string{"harvest", "market"}}, retrieve.Options{})
	err := index.Add(context.Background(),
		retrieve.Passage{Text: "The harvest begins in September."},
		retrieve.Passage{Text: "The market is on Tuesdays."},
	)
	fmt.Println(index.Len(), err)
	// Output: 2 <nil>
}

// With MMR, the second passage is another one rather than the same again.
func ExampleIndex_Find() {
	ctx := context.Background()
	index := retrieve.NewIndex(&words{vocabulary: []string{"harvest", "market"}}, retrieve.Options{})
	err := index.Add(ctx,
		retrieve.Passage{Text: "The market is on Tuesdays.", Source: "a"},
		retrieve.Passage{Text: "Tuesdays have a market.", Source: "b"},
		retrieve.Passage{Text: "No market before the harvest.", Source: "c"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, how := range []retrieve.Search{{}, {MMR: true, Lambda: provider.Ptr(0.3)}} {
		found, _, err := index.Find(ctx, "when is the market?", 2, how)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(found[0].Place(), found[1].Place())
	}
	// Output:
	// a b
	// a c
}

// For a store of your own: as many candidates as the search wants, and then its
// pick of them.
func ExampleSearch_Pick() {
	how := retrieve.Search{MMR: true, Lambda: provider.Ptr(0.3)} // rather unlike than near
	fmt.Println(how.Candidates(4))
	query := []float32{1, 0}
	fmt.Println(how.Pick(query, [][]float32{{1, 0}, {1, 0.01}, {0.7, 0.7}}, 2))
	// Output:
	// 20
	// [0 2]
}

// For a store of your own: the vectors come a batch at a time.
func ExampleVectors() {
	ctx := context.Background()
	embedder := &words{vocabulary: []string{"harvest", "market"}, model: "words"}
	passages := []retrieve.Passage{{Text: "The harvest begins."}, {Text: "The market, the market!"}}
	err := retrieve.Vectors(ctx, embedder, retrieve.Options{}, passages, func(batch []retrieve.Passage, made provider.EmbedResponse) error {
		for i := range batch {
			fmt.Println(batch[i].Text, made.Vectors[i], made.Route.Model)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// The harvest begins. [1 0] words
	// The market, the market! [0 2] words
	// <nil>
}

func ExampleQuestion() {
	embedder := &words{vocabulary: []string{"harvest", "market"}, model: "words"}
	// As is who made the vectors that there are: another model's is refused.
	vector, _, err := retrieve.Question(context.Background(), embedder, retrieve.Options{As: "words"}, "when is the market?")
	fmt.Println(vector, err)
	_, _, err = retrieve.Question(context.Background(), embedder, retrieve.Options{As: "other"}, "when is the market?")
	fmt.Println(provider.KindOf(err))
	// Output:
	// [0 1] <nil>
	// invalid
}
