package chain

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/provider"
)

// lookup looks passages up.
type lookup struct {
	collection string
	query      *textBody
	k          int
	mmr        bool
}

func (c *compiler) retrieve(src *Step) body {
	r := src.Retrieve
	b := &lookup{collection: r.Collection, k: r.K, mmr: r.MMR}
	if r.Collection == "" {
		c.fail("retrieve", "there is no collection", "name the collection to search")
	}
	if b.k == 0 {
		b.k = 4
	}
	if b.k < 1 || b.k > 100 {
		c.fail("retrieve", fmt.Sprintf("passages is %d; it must be between 1 and 100", r.K), "")
	}
	c.chain.needs.addNames(&c.chain.needs.collections, r.Collection)
	b.query = &textBody{c.template("query", src, r.Query), src.Partial}
	return b
}

func (*lookup) final() bool { return false }

func (b *lookup) run(ctx context.Context, x *exec, s *step, v *variables, at stepPath) (StepResult, error) {
	query, err := b.query.template.Render(v.with(b.query.partial))
	if err != nil {
		return StepResult{}, err
	}
	if blank(query) {
		return StepResult{}, provider.Errorf(provider.Invalid, "", "", "the query is empty with the values given")
	}
	return x.passages(ctx, s, b, query, at)
}
