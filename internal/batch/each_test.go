package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
)

// picky fails where a prompt begins with "fail", and waits for the caller's end
// where with "wait".
func picky(ctx context.Context, prompt string) (string, error) {
	switch {
	case strings.HasPrefix(prompt, "fail"):
		return "", provider.Errorf(provider.Invalid, "m", "", "no")
	case strings.HasPrefix(prompt, "wait"):
		<-ctx.Done()
		return "", ctx.Err()
	}
	return prompt, nil
}

// Rows come in order, whatever each of them takes, and one that fails stops none.
func TestEachKeepsTheOrder(t *testing.T) {
	j := job(t, picky)
	bound := rows(t, j.Chain, 200, func(i int) string { return fmt.Sprintf("%s %d", []string{"say", "fail"}[i%7/6], i) })
	next, most := 1, 0
	o := EachOptions{Concurrency: 8, RowDone: func(ended int) { most = max(most, ended) }}
	for r, err := range Each(t.Context(), j, bound.Rows(), o) {
		if err != nil {
			t.Fatal(err)
		}
		what := r.Inputs["what"].(string)
		if r.Row != next || (r.Err != nil) != strings.HasPrefix(what, "fail") || r.Err == nil && r.Answer != what || r.OK != (r.Err == nil) {
			t.Errorf("row %d after %d: %+v", r.Row, next-1, r)
		}
		next++
	}
	if next != 201 || most != 200 {
		t.Errorf("%d rows, %d of which ended", next-1, most)
	}
}

// A slow row holds back those after it, and no more are started than a few.
func TestASlowRowHoldsBackAFew(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan string, 1000)
	j := job(t, func(ctx context.Context, prompt string) (string, error) {
		asked <- prompt
		return picky(ctx, prompt)
	})
	bound := rows(t, j.Chain, 1000, func(i int) string { return []string{"wait", "say"}[min(i-1, 1)] })
	go func() {
		for range 8 {
			<-asked
		}
		cancel()
	}()
	seen := 0
	for r, err := range Each(ctx, j, bound.Rows(), EachOptions{Concurrency: 2}) {
		if seen++; err != nil || r.Row != seen {
			t.Errorf("%d: %+v, %v", seen, r, err)
		}
	}
	if seen > 8 {
		t.Errorf("%d rows ran before the first one had ended", seen)
	}
}

// Rows stop where nobody wants more, or the context ends, and nothing is left running.
func TestEachStops(t *testing.T) {
	j := job(t, picky)
	bound := rows(t, j.Chain, 1000, func(i int) string { return []string{"say", "wait"}[min(i-1, 1)] })
	for r := range Each(t.Context(), j, bound.Rows(), EachOptions{Concurrency: 4}) {
		if r.Answer != "say" {
			t.Errorf("%+v", r)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	for r, err := range Each(ctx, j, bound.Rows(), EachOptions{Concurrency: 4}) {
		if seen++; seen == 1 {
			cancel()
		} else if err != nil || !errors.Is(r.Err, context.Canceled) {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if seen > 20 {
		t.Errorf("%d rows started", seen)
	}
}

// A file that changes while its rows run is told after the rows before that.
func TestEachTellsOfBrokenRows(t *testing.T) {
	j := job(t, picky)
	text := "what\na\nb\n"
	bound, err := table.New("t.csv", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }).Bind(j.Chain, nil)
	if err != nil {
		t.Fatal(err)
	}
	text = "what\na\nb,c\n"
	ran := 0
	for _, err = range Each(t.Context(), j, bound.Rows(), EachOptions{}) {
		if err == nil {
			ran++
		}
	}
	if chainErr := new(chain.FileError); ran != 1 || !errors.As(err, &chainErr) || chainErr.Line != 3 {
		t.Errorf("%d rows, then %v", ran, err)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What rows take does not grow with them.
func TestEachTakesNoMemory(t *testing.T) {
	c := parsed(t, "inputs: {what: text}\ntransform: what + what\n")
	const n = 20_000
	bound := rows(t, c, n, func(int) string { return strings.Repeat("x", 1000) })
	before, most := heap(), uint64(0)
	for r, err := range Each(t.Context(), runner.Job{Chain: c}, bound.Rows(), EachOptions{Concurrency: 4}) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if r.Row%(n/4) == 0 {
			most = max(most, heap())
		}
	}
	if most > before+8<<20 {
		t.Errorf("%d bytes more after %d rows", most-before, n)
	}
}
