// Package batchapi runs the rows of a batch by a provider's Batch API, which answers a
// file of requests within a day, for half of the price.
//
// A row is asked in two halves. What its run would send is taken from it and goes into
// a file with others, a part. When the provider has answered the part, each row is run
// again, and its one call gets the answer from there. So what is sent, and what is made
// of an answer, is what a call sends and makes of it.
//
// A part is stored before anything of it is sent, and what the provider calls it as
// soon as it is known. Where a process ended in between, the next one looks for the
// part at the provider, by its key, before it sends anything: rows that were accepted
// once are never sent a second time.
package batchapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// API is a provider's Batch API: an [openai.BatchAPI].
type API interface {
	Upload(ctx context.Context, name string, size int64, content io.Reader) (id string, err error)
	Uploads(ctx context.Context) (map[string]string, error)
	Create(ctx context.Context, file, endpoint string, metadata map[string]string) (openai.BatchJob, error)
	Job(ctx context.Context, id string) (openai.BatchJob, error)
	Jobs(ctx context.Context) iter.Seq2[openai.BatchJob, error]
	Cancel(ctx context.Context, id string) (openai.BatchJob, error)
	Download(ctx context.Context, file string) (io.ReadCloser, error)
	Delete(ctx context.Context, file string) error
}

var _ API = (*openai.BatchAPI)(nil)

// The most that a provider takes in a part: rows, or texts to embed, and bytes.
const (
	MaxRows  = 50_000
	MaxBytes = 200_000_000
)

// Config says whose rows run, and where.
type Config struct {
	File     *batch.File
	API      API
	Provider string // its name
	// Ask and Answer run a row, whose call is made by the context's
	// [httpx.Carrier]. Ask gives what it can cost at most to [stack.Quoted]'s place.
	Ask, Answer batch.Run
	// Quoted returns a context in which Ask adds what a row can cost to usd.
	Quoted func(ctx context.Context, usd *float64) context.Context
	// Hold sets aside what a part can cost, unless it is already: an OverBudget error
	// holds a *[ledger.Over]. LetGo gives all back but what is held for these keys.
	Hold  func(ctx context.Context, key string, usd float64) error
	LetGo func(ctx context.Context, but ...string) error

	MaxRows   int   // of a part; 0: [MaxRows]
	MaxBytes  int64 // of a part; 0: [MaxBytes]
	MaxErrors int   // how many rows may fail before no more are sent; 0: any number
	// Stop, once it is closed, has Work return soon. What was sent stays at the
	// provider. Nil: never.
	Stop <-chan struct{}
	// Kept, if not nil, is told which outcomes are stored. Calls do not overlap.
	Kept func([]batch.Outcome)
	// Progress, if not nil, is told how far the parts are at the provider.
	Progress func(parts []batch.Part)
	// Say, if not nil, is told what happens, a phrase each.
	Say func(text string)
	// Wait waits until d has passed or ctx ends. Nil: it does.
	Wait func(ctx context.Context, d time.Duration)
}

// Work sends what is pending, and waits until it is answered and stored. It goes on
// where another process left it.
//
// The error is ctx's own; a *[batch.TooManyError]; the refusal of a budget; that of the
// provider or of the file. It is nil where Stop was closed. After an error, too, what
// was sent stays at the provider.
func Work(ctx context.Context, c Config) error {
	w := newWorker(c)
	stopping, stop := context.WithCancel(ctx)
	defer stop()
	if c.Stop != nil {
		over := make(chan struct{})
		defer close(over)
		go func() {
			select {
			case <-c.Stop:
				stop()
			case <-over:
			}
		}()
	}
	err := w.work(stopping)
	if stopping.Err() != nil && ctx.Err() == nil && errors.Is(err, stopping.Err()) {
		return nil
	}
	return err
}

// worker is one call of Work. Its context ends at Stop, too.
type worker struct {
	Config
	maxRows int           // of a part, as far as the provider takes them
	alone   bool          // it takes one part at a time only
	failed  int           // rows, in this process
	pause   time.Duration // before the provider is asked again
	open    []*batch.Part
	seen    map[int]*watched // the open parts
	full    error            // the budget's refusal of the next part; nil: none
}

// watched is what has been seen of an open part in this process.
type watched struct {
	asked    bool     // it has been asked for
	missing  int      // times in a row that the provider did not know it
	troubled bool     // it could not be asked for, which was said
	unready  int      // times that it had ended, and its files were not there
	ended    bool     // by somebody, before this process asked
	files    []string // at the provider, of its answers
}

func newWorker(c Config) *worker {
	w := &worker{Config: c, maxRows: c.MaxRows, pause: firstPause, seen: map[int]*watched{}}
	if w.maxRows == 0 {
		w.maxRows = MaxRows
	}
	if w.MaxBytes == 0 {
		w.MaxBytes = MaxBytes
	}
	if w.Wait == nil {
		w.Wait = wait
	}
	return w
}

func (w *worker) work(ctx context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	for {
		if err := w.sendAll(ctx); err != nil {
			return err
		}
		if len(w.open) == 0 {
			return w.full
		}
		changed := false
		for _, p := range slices.Clone(w.open) {
			did, err := w.look(ctx, p)
			if err != nil {
				return err
			}
			changed = changed || did
			if err := w.tooMany(); err != nil {
				return err
			}
		}
		if w.Progress != nil {
			w.Progress(w.parts())
		}
		if changed {
			w.pause = firstPause
			continue
		}
		w.rest(ctx, 0)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// begin makes sure that there is a Batch API, and takes up the parts of a process
// before.
func (w *worker) begin(ctx context.Context) error {
	parts, err := w.File.Parts(ctx, true)
	if err != nil {
		return err
	}
	var keys []string
	for i := range parts {
		keys = append(keys, parts[i].Key)
		w.open = append(w.open, &parts[i])
		w.seen[parts[i].Number] = &watched{}
	}
	if err := w.LetGo(ctx, keys...); err != nil {
		return err
	}
	if err := w.insist(ctx, "list the batches", func(int) error { return Check(ctx, w.API) }); err != nil {
		return err
	}
	for _, p := range slices.Clone(w.open) {
		if p.Job != "" {
			continue
		}
		if err := w.takeUp(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Check asks for the batches that a provider knows, which tells whether it knows any. An
// Unsupported error: it has no Batch API.
func Check(ctx context.Context, api API) error {
	calling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for _, err := range api.Jobs(calling) {
		var e *provider.Error
		if errors.As(err, &e) && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, e.Status) {
			out := *e
			out.Kind, out.Err, out.Final = provider.Unsupported, errors.New("it has no Batch API"), true
			return &out
		}
		name := ""
		if e != nil {
			name = e.Provider
		}
		return ownTimeout(ctx, name, err)
	}
	return nil
}

// sendAll sends as many parts as there are rows, and as the provider and the budget
// take.
func (w *worker) sendAll(ctx context.Context) error {
	for w.full = nil; ctx.Err() == nil && (!w.alone || len(w.open) == 0); {
		p, err := w.send(ctx)
		switch {
		case err != nil && provider.KindOf(err) == provider.OverBudget && len(w.open) > 0:
			w.full = err // what is under way may come to less
			return nil
		case err != nil:
			return err
		case p == nil:
			return nil
		}
	}
	return ctx.Err()
}

// tooMany is the error of a batch of which more rows failed than may.
func (w *worker) tooMany() error {
	if w.MaxErrors > 0 && w.failed > w.MaxErrors {
		return &batch.TooManyError{Failed: w.failed, Limit: w.MaxErrors}
	}
	return nil
}

func (w *worker) say(format string, args ...any) {
	if w.Say != nil {
		w.Say(fmt.Sprintf(format, args...))
	}
}

// parts are the open ones.
func (w *worker) parts() []batch.Part {
	all := make([]batch.Part, len(w.open))
	for i, p := range w.open {
		all[i] = *p
	}
	return all
}

// store stores outcomes.
func (w *worker) store(ctx context.Context, outcomes []batch.Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	if err := w.File.Collect(context.WithoutCancel(ctx), outcomes); err != nil {
		return err
	}
	for i := range outcomes {
		if outcomes[i].Fate == batch.Failed {
			w.failed++
		}
	}
	if w.Kept != nil {
		w.Kept(outcomes)
	}
	return nil
}

// close ends a part of whose rows all is stored. Its files at the provider are deleted.
func (w *worker) close(ctx context.Context, p *batch.Part) error {
	ctx = context.WithoutCancel(ctx)
	w.clear(ctx, p)
	p.Closed = true
	if err := w.File.SetPart(ctx, p); err != nil {
		return err
	}
	w.open = slices.DeleteFunc(w.open, func(o *batch.Part) bool { return o == p })
	return w.letGo(ctx)
}

// letGo gives back what is not held for an open part.
func (w *worker) letGo(ctx context.Context) error {
	var keys []string
	for _, o := range w.open {
		keys = append(keys, o.Key)
	}
	return w.LetGo(context.WithoutCancel(ctx), keys...)
}
