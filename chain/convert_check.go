package chain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/provider"
)

// sameQuestions runs both chains with made-up values and answers, and says where
// they ask differently.
func sameQuestions(a, b *Chain, vars []prompt.Var) error {
	given := func(c *Chain) map[string]any {
		values := map[string]any{}
		for _, in := range c.inputs {
			values[in.Name] = "⟦" + in.Name + "⟧"
			for _, v := range vars {
				if v.Name == in.Name && v.Field == "images" {
					values[in.Name] = "https://example.org/" + in.Name
				}
				if v.Name == in.Name && v.Messages {
					values[in.Name] = []any{map[string]any{"role": "user", "content": values[in.Name]}}
				}
			}
		}
		return values
	}
	asks := func(c *Chain) ([]provider.Request, error) {
		r := &questions{}
		_, err := c.Output(context.Background(), r, given(c))
		return r.asked, err
	}
	x, err := asks(a)
	if err != nil {
		return err
	}
	y, err := asks(b)
	switch {
	case err != nil:
		return err
	case !sameNames(a.Inputs(), b.Inputs()):
		return fmt.Errorf("the inputs would be %q instead of %q", b.Inputs(), a.Inputs())
	case !reflect.DeepEqual(x, y):
		return errors.New("the prompts would differ")
	}
	return nil
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// questions is a provider that notes what it is asked.
type questions struct{ asked []provider.Request }

var _ provider.Provider = (*questions)(nil)

// Name is "questions".
func (*questions) Name() string { return "questions" }

// Models lists none.
func (*questions) Models(context.Context) ([]provider.Model, error) { return nil, nil }

// Chat answers with the number of the question.
func (q *questions) Chat(_ context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		q.asked = append(q.asked, req)
		yield(provider.Chunk{Text: fmt.Sprintf("⟦answer %d⟧", len(q.asked)), Finish: provider.FinishStop}, nil)
	}
}
