package cli

import (
	"slices"
	"testing"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
)

// Whatever the inputs are called, each column of a table has a name of its own, and a value.
func TestColumnsOfATable(t *testing.T) {
	for _, inputs := range [][]string{{"country"}, {"answer", "input_answer"}, {"row", "ok", "node", "input_input_row", "input_row"}} {
		l := flatLayout(batch.Spec{Columns: inputs})
		var names []string
		for _, c := range l.columns {
			names = append(names, c.Name)
		}
		values := l.values(&batchRowJSON{Usage: &provider.Usage{}})
		if unique := slices.Compact(slices.Sorted(slices.Values(names))); len(unique) != len(names) || len(values) != len(names) {
			t.Errorf("inputs %q: %d values for the columns %q", inputs, len(values), names)
		}
	}
}
