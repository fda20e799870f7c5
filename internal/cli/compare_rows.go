package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/compare"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/table"
)

// comparisonRows reads the rows with all of their columns, and the inputs of every
// chain. They are held in memory, as they are for the report.
func (a *app) comparisonRows(ctx context.Context, b *batchRun) ([]table.Row, error) {
	c, in := b.compare, b.compare.in
	if c.foreign != nil {
		b.spec.Input = b.spec.Chain
		b.spec.Columns = c.foreign.Columns()
		return c.foreign.Rows(), nil
	}
	if in.in == stdinPath && len(c.chains) > 1 {
		return nil, usageError{errors.New("several chains read the rows: give them in a file, not on standard input")}
	}
	var all []table.Row
	given := map[string]any{}
	for i, ch := range c.chains {
		own, err := a.params(ctx, ch, c.paramsOf(ch))
		if err != nil {
			return nil, err
		}
		maps.Copy(given, own)
		rows, err := a.openBatchRows(ctx, &batchInput{in: in.in, encoding: in.coding, pick: in.pick}, ch, own)
		if err != nil {
			return nil, err
		}
		b.close = append(b.close, rows.close)
		if all, err = c.merge(all, rows, i, b); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, usageError{fmt.Errorf("--where leaves none of the rows of %s", in.in)}
	}
	b.spec.Given = given
	columns := map[string]bool{}
	for i := range all {
		for name := range all[i].Inputs {
			if _, is := given[name]; !is {
				columns[name] = true
			}
		}
	}
	b.spec.Columns = slices.Sorted(maps.Keys(columns))
	if in.cluster != "" && !columns[in.cluster] {
		return nil, usageError{fmt.Errorf("--cluster: %s has no column %s; %s", in.in, diag.Quote(in.cluster), diag.Suggest(in.cluster, b.spec.Columns))}
	}
	if c.plan.Until > 0 {
		shuffle(all, in.cluster, in.pick.seed)
	}
	return all, nil
}

// paramsOf are the parameters that a chain has inputs for; those that none has go to
// the first, which says so.
func (c *comparison) paramsOf(ch *chain.Chain) []string {
	return slices.DeleteFunc(slices.Clone(c.in.params), func(p string) bool {
		name, _, _ := strings.Cut(p, "=")
		if _, is := ch.Input(name); is {
			return false
		}
		return ch != c.chains[0] || slices.ContainsFunc(c.chains, func(other *chain.Chain) bool { _, is := other.Input(name); return is })
	})
}

// merge adds a chain's inputs to the rows. All columns stay, for the checks.
func (c *comparison) merge(all []table.Row, rows *batchRows, i int, b *batchRun) ([]table.Row, error) {
	picked, what, err := rows.picked()
	if err != nil {
		return nil, err
	}
	b.spec.Input, b.spec.Picked = rows.source, what
	at := 0
	for row, err := range picked {
		if err != nil {
			return nil, err
		}
		columns := map[string]any{}
		if object, ok := row.Value.(map[string]any); ok {
			maps.Copy(columns, object)
		}
		maps.Copy(columns, row.Inputs)
		if i == 0 {
			row.Inputs = columns
			all = append(all, row)
			continue
		}
		if at >= len(all) || all[at].Number != row.Number {
			return nil, usageError{fmt.Errorf("%s changed while it was read; start again when it is complete", rows.name)}
		}
		for name, value := range row.Inputs {
			if before, ok := all[at].Inputs[name]; ok && jsonText(before) != jsonText(value) {
				return nil, usageError{fmt.Errorf("%s, row %d: the chains %s and %s take the column %s as different types; declare the same type in both",
					rows.name, row.Number, c.plan.Chains[0], c.plan.Chains[i], diag.Quote(name))}
			}
			all[at].Inputs[name] = value
		}
		at++
	}
	if rows.source.File != stdinPath {
		if err := rows.unchanged(rows.source.File); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// shuffle puts rows into a random order, those of a cluster together.
func shuffle(rows []table.Row, cluster string, seed int64) {
	random := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // a sample, not a secret
	if cluster == "" {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		return
	}
	place := map[string]int{}
	var names []string
	for i := range rows {
		name := jsonText(rows[i].Inputs[cluster])
		if _, ok := place[name]; !ok {
			place[name] = 0
			names = append(names, name)
		}
	}
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i, name := range names {
		place[name] = i
	}
	slices.SortStableFunc(rows, func(a, b table.Row) int {
		return place[jsonText(a.Inputs[cluster])] - place[jsonText(b.Inputs[cluster])]
	})
}

// bind compares the checks with the rows.
func (c *comparison) bind(rows []table.Row) error {
	columns := map[string]bool{}
	for i := range rows {
		for name := range rows[i].Inputs {
			columns[name] = true
		}
	}
	c.plan.Columns = slices.Sorted(maps.Keys(columns))
	if err := c.checks.Bind(c.plan.Columns); err != nil {
		return err
	}
	for i := range rows {
		if err := c.checks.Prepare(rows[i].Number, rows[i].Inputs); err != nil {
			return err
		}
	}
	return nil
}

// varsOf are the inputs of a chain among a row's columns.
func (c *comparison) varsOf(chainAt int, columns, given map[string]any) map[string]any {
	return compare.Vars(c.chains[chainAt], columns, given)
}

// eachRow is rows as a sequence.
func eachRow(rows []table.Row) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i := range rows {
			if !yield(rows[i], nil) {
				return
			}
		}
	}
}

// storeComparison stores the rows. Whatever goes wrong, no batch is left.
func (a *app) storeComparison(ctx context.Context, b *batchRun, rows []table.Row) (err error) {
	if b.file, err = batch.Create(ctx, a.stateDir(), b.spec); err != nil {
		return err
	}
	prompt := b.firstPrompt(ctx)
	if b.compare.plan.Until > 0 {
		prompt = nil // the order must be random
	}
	_, err = b.file.Add(ctx, eachRow(rows), prompt)
	if err == nil {
		err = b.file.Ready(ctx, b.spec)
	}
	if err != nil {
		err = errors.Join(err, b.file.Discard())
		b.file = nil
	}
	return err
}
