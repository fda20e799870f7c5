package batch

import (
	"context"
	"fmt"
	"testing"

	"github.com/tandem-llm/tandem/provider"
)

// What would run next is told without claiming it.
func TestWhatRunsNext(t *testing.T) {
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		if prompt == numbered(2) || prompt == numbered(4) {
			return "", provider.Errorf(provider.Invalid, "m", "", "no")
		}
		return echo(ctx, prompt)
	})
	f := started(t, t.TempDir(), j, 6, Spec{Variants: 2})
	defer f.Close()
	next := func(variant, n int, failed bool) (rows string) {
		t.Helper()
		items, err := f.Next(t.Context(), variant, n, failed)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			if it.Variant != variant || it.Inputs["what"] != numbered(it.Row) || it.Number != it.Row {
				t.Errorf("%+v", it)
			}
			rows += fmt.Sprint(it.Row, " ")
		}
		return rows
	}
	if got := next(0, 3, false); got != "1 2 3 " {
		t.Errorf("at first %s", got)
	}
	stop := make(chan struct{})
	n := 0
	err := Work(t.Context(), f, func(ctx context.Context, item Item) Reply {
		if n++; n == 9 {
			close(stop)
		}
		return jobRun(j)(ctx, item)
	}, Options{Stop: stop})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		variant int
		failed  bool
		want    string
	}{{0, false, "6 "}, {1, false, "5 6 "}, {0, true, "2 4 6 "}, {1, true, "2 4 5 6 "}} {
		if got := next(c.variant, 9, c.failed); got != c.want {
			t.Errorf("variant %d, failed %v: %s, want %s", c.variant, c.failed, got, c.want)
		}
	}
	if items, _, err := f.Exchange(t.Context(), nil, 1); err != nil || len(items) != 1 || items[0].Row != 5 {
		t.Errorf("%+v, %v", items, err)
	}
}
