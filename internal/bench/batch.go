package bench

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/runner"
	"github.com/tandem-llm/tandem/internal/table"
)

// A batch is measured against a server that is saturated, as an engine is: it answers
// batchSlots calls at a time, each in batchTime, and lets others wait.
const (
	batchRows  = 1600
	batchSlots = 16
	batchTime  = 10 * time.Millisecond
)

// slotted is such a server around h.
func slotted(h http.Handler) http.Handler {
	slots := make(chan struct{}, batchSlots)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		time.Sleep(batchTime)
		<-slots
		h.ServeHTTP(w, r)
	})
}

// slottedURL is the same server with slots.
func slottedURL(baseURL string) string { return strings.TrimSuffix(baseURL, "/v1") + "/slots/v1" }

// floorBatch is the pool that a Go programmer writes: its answers are in memory.
func floorBatch(f *floor) Work {
	return func(ctx context.Context) (string, error) {
		answers := make([]string, batchRows)
		rows := make(chan int)
		var failed error
		var once sync.Once
		var pool sync.WaitGroup
		for range batchSlots {
			pool.Go(func() {
				for i := range rows {
					answer, err := f.ask(ctx, fmt.Sprintf(itemFormat, "item "+strconv.Itoa(i)))
					if answers[i] = answer; err != nil {
						once.Do(func() { failed = err })
					}
				}
			})
		}
		for i := range batchRows {
			rows <- i
		}
		close(rows)
		pool.Wait()
		return answers[batchRows-1], failed
	}
}

// tandemBatch is a batch from storing its rows to reading its answers, each of which
// is durable when its row is done.
func tandemBatch(baseURL string) (Work, error) {
	stack, err := tandemStack(slottedURL(baseURL))
	if err != nil {
		return nil, err
	}
	c, err := chain.New(chain.Step{Name: "summary", Prompt: itemPrompt})
	if err != nil {
		return nil, err
	}
	job := runner.Job{Chain: c, Provider: stack}
	run := func(ctx context.Context, item batch.Item) batch.Reply {
		job := job
		job.Vars = item.Inputs
		return batch.Ask(ctx, job)
	}
	return func(ctx context.Context) (last string, err error) {
		dir, err := os.MkdirTemp("", "tandem-bench-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
		f, err := batch.Create(ctx, dir, batch.Spec{ID: "b", Columns: []string{"item"}})
		if err != nil {
			return "", err
		}
		defer f.Close()
		if _, err := f.Add(ctx, itemRows()); err != nil {
			return "", err
		}
		if err := f.Ready(ctx, f.Spec()); err != nil {
			return "", err
		}
		if err := batch.Work(ctx, f, run, batch.Options{Concurrency: func() int { return batchSlots }, Resumable: true}); err != nil {
			return "", err
		}
		v, err := batch.Look(dir, "b")
		if err != nil {
			return "", err
		}
		defer v.Close()
		n := 0
		for r, err := range v.Results(ctx) {
			if err != nil {
				return "", err
			}
			n++
			last = r.Result.Answer
		}
		if n != batchRows {
			return "", fmt.Errorf("%d answers of %d rows", n, batchRows)
		}
		return last, nil
	}, nil
}

func itemRows() iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i := range batchRows {
			if !yield(table.Row{Number: i + 1, Inputs: map[string]any{"item": "item " + strconv.Itoa(i)}}, nil) {
				return
			}
		}
	}
}
