package batch

import (
	"context"
	"encoding/json"
	"errors"
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
		if err := tt.spec.eachItem([]int{1, 2, 3}, func(row, variant, repeat int) error {
			got += fmt.Sprintf("%d.%d.%d ", row, variant, repeat)
			return nil
		}); err != nil || got != tt.want {
			t.Errorf("%+v: %s, %v", tt.spec, got, err)
		}
	}
}

// Rows whose prompts begin alike run one after another, and their results come in the
// order of the rows all the same.
func TestRowsOfOneBeginningRunTogether(t *testing.T) {
	dir := t.TempDir()
	var asked []string
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		asked = append(asked, prompt)
		return echo(ctx, prompt)
	})
	f, err := Create(t.Context(), dir, Spec{ID: "b1"})
	if err != nil {
		t.Fatal(err)
	}
	what := func(i int) string { return fmt.Sprintf("text %d: question %d", i%3, 9-i) }
	_, err = f.Add(t.Context(), rows(t, j.Chain, 6, what).Rows(), func(inputs map[string]any) string { return inputs["what"].(string) })
	if err == nil {
		err = f.Ready(t.Context(), f.Spec())
	}
	if err == nil {
		err = Work(t.Context(), f, jobRun(j), Options{})
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	want := []string{"text 0: question 3", "text 0: question 6", "text 1: question 5", "text 1: question 8", "text 2: question 4", "text 2: question 7"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
	all, _ := results(t, dir, "b1")
	for i, r := range all {
		if r.Row != i+1 || r.Result.Answer != "re "+what(i+1) {
			t.Errorf("result %d: row %d, %q", i, r.Row, r.Result.Answer)
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
