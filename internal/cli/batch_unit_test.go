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

// A plain resume leaves rows where they are: with nodes, or here.
func TestWhoContinuesABatch(t *testing.T) {
	for _, tt := range []struct {
		cluster string // that has the batch
		kept    bool   // it was started with --nodes
		given   string
		want    bool
	}{
		{"", false, "", false},
		{"c", false, "", true},
		{"c", true, "", true},
		{"", true, "", true},
		{"", false, "--nodes=true", true},
		{"c", true, "--nodes=false", false},
		{"c", false, "--nodes=false", false},
	} {
		b := &batchRun{spec: batch.Spec{Cluster: tt.cluster}}
		b.work.nodes = tt.kept
		if got := withNodes(b, []string{"--budget=1", tt.given}); got != tt.want {
			t.Errorf("%+v: nodes run it: %v", tt, got)
		}
	}
}
