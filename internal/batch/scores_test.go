package batch

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

func TestTheOrderOfABlock(t *testing.T) {
	for _, tt := range []struct {
		spec Spec
		want string
	}{
		{Spec{}, "1.0.0 2.0.0 3.0.0 "},
		{Spec{Variants: 2}, "1.0.0 1.1.0 2.0.0 2.1.0 3.0.0 3.1.0 "},
		{Spec{Variants: 2, Block: 2}, "1.0.0 2.0.0 1.1.0 2.1.0 3.0.0 3.1.0 "},
		{Spec{Variants: 2, Block: 9}, "1.0.0 2.0.0 3.0.0 1.1.0 2.1.0 3.1.0 "},
		{Spec{Variants: 1, Repeats: 2, Block: 9}, "1.0.0 1.0.1 2.0.0 2.0.1 3.0.0 3.0.1 "},
	} {
		got := ""
		if err := tt.spec.eachItem(1, 3, func(row, variant, repeat int) error {
			got += fmt.Sprintf("%d.%d.%d ", row, variant, repeat)
			return nil
		}); err != nil || got != tt.want {
			t.Errorf("%+v: %s, %v", tt.spec, got, err)
		}
	}
}

// However the items are run, their results come row by row.
func TestResultsOfVariantsComeByRow(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 7, Spec{Variants: 2, Repeats: 2, Block: 3})
	if err := Work(t.Context(), f, jobRun(j), Options{Concurrency: fixed(3)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	all, _ := results(t, dir, "b1")
	if len(all) != 28 || !slices.IsSortedFunc(all, func(a, b Result) int {
		return (a.Row*10+a.Variant)*10 + a.Repeat - (b.Row*10+b.Variant)*10 - b.Repeat
	}) {
		t.Errorf("%d results, in another order", len(all))
	}
}

func TestScoresAreStoredOnce(t *testing.T) {
	dir, j := t.TempDir(), job(t, echo)
	f := started(t, dir, j, 2, Spec{})
	defer f.Close()
	s, err := OpenScores(t.Context(), dir, "b1")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := ItemID{Row: 2}
	for i := range 2 {
		if err := s.Put(t.Context(), "judge", id, json.RawMessage(fmt.Sprint(i)), 0.5); err != nil {
			t.Fatal(err)
		}
	}
	got, usd, err := s.All(t.Context(), "judge")
	if err != nil || len(got) != 1 || string(got[id]) != "0" || usd != 0.5 {
		t.Errorf("%v, %v, %v", got, usd, err)
	}
	if got, _, err := s.All(t.Context(), "another"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
