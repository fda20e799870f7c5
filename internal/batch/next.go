package batch

import (
	"context"
	"maps"
)

// Next are the first n items of a variant, from 0, that are left to run, without claiming
// them. With failed, those that have failed are among them. Attempt is how often each has
// been claimed before.
func (f *File) Next(ctx context.Context, variant, n int, failed bool) ([]Item, error) {
	states := "0"
	if failed {
		states = "0, 3"
	}
	//nolint:gosec // the states are written above
	items, err := f.scan(f.conn.QueryContext(ctx, "SELECT id, row, variant, repeat, attempts FROM items WHERE variant = ? AND state IN ("+states+") ORDER BY id LIMIT ?", variant, n))
	if err != nil {
		return nil, f.explain(err)
	}
	for i := range items {
		if err := f.load(ctx, &items[i]); err != nil {
			return nil, f.explain(err)
		}
		maps.Copy(items[i].Inputs, f.spec.Given)
	}
	return items, nil
}
