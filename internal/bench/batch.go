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
	"github.com/tandem-llm/tandem/provider"
)

// A batch is measured against a server that is saturated, as an engine is: it answers
// batchSlots calls at a time, each in batchTime, and lets others wait. Twice as many
// are made, so that some always wait.
const (
	batchRows   = 640
	batchSlots  = 16
	batchAtOnce = 2 * batchSlots
	batchTime   = 50 * time.Millisecond
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
		for range batchAtOnce {
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

// tandemBatch runs as many rows of a long batch, each of whose results is durable when
// its row is done. To store the rows beforehand is no part of it but the first time.
func tandemBatch(baseURL string) (Work, error) {
	stack, err := tandemStack(slottedURL(baseURL))
	if err != nil {
		return nil, err
	}
	c, err := chain.New(chain.Step{Name: "summary", Prompt: itemPrompt})
	if err != nil {
		return nil, err
	}
	job := runner.Job{Chain: c, Provider: stack, Defaults: provider.Request{NoStream: true}} // as the command line asks
	run := func(ctx context.Context, item batch.Item) batch.Reply {
		job := job
		job.Vars = item.Inputs
		return batch.Ask(ctx, job)
	}
	q := &part{}
	return func(ctx context.Context) (string, error) {
		if q.rest < batchRows {
			if err := q.open(ctx); err != nil {
				return "", err
			}
		}
		q.left, q.kept = batchRows, 0
		err := batch.Work(ctx, q, run, batch.Options{Concurrency: func() int { return batchAtOnce }, Resumable: true})
		if err == nil && q.kept != batchRows {
			err = fmt.Errorf("%d answers of %d rows", q.kept, batchRows)
		}
		return q.last, err
	}, nil
}

// longBatch is how many pieces of work a stored batch has.
const longBatch = 40

// part gives out a part of the rows of a batch.
type part struct {
	file *batch.File
	rest int // rows of the file
	left int // of the part
	kept int
	last string
}

// open stores the rows of a new batch.
func (p *part) open(ctx context.Context) error {
	if p.file != nil {
		if err := p.file.Discard(); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "tandem-bench-")
	if err != nil {
		return err
	}
	if p.file, err = batch.Create(ctx, dir, batch.Spec{ID: "b", Columns: []string{"item"}}); err != nil {
		return err
	}
	if p.rest, err = p.file.Add(ctx, itemRows(longBatch*batchRows), nil); err != nil {
		return err
	}
	return p.file.Ready(ctx, p.file.Spec())
}

// Exchange keeps outcomes and claims rows of the part. See batch.Queue.
func (p *part) Exchange(ctx context.Context, outcomes []batch.Outcome, n int) ([]batch.Item, bool, error) {
	items, exhausted, err := p.file.Exchange(ctx, outcomes, min(n, p.left))
	p.left, p.rest = p.left-len(items), p.rest-len(items)
	for i := range outcomes {
		if outcomes[i].Fate == batch.Done {
			p.kept, p.last = p.kept+1, outcomes[i].Answer
		}
	}
	return items, exhausted || p.left == 0, err
}

func itemRows(n int) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i := range n {
			if !yield(table.Row{Number: i + 1, Inputs: map[string]any{"item": "item " + strconv.Itoa(i)}}, nil) {
				return
			}
		}
	}
}
