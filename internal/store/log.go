package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// LogConfig says what is kept.
type LogConfig struct {
	Writer *Writer
	// Content keeps what was asked and answered; else only how it went.
	Content bool
	// Redact takes secrets out of a text that is about to be kept. It is called
	// after the answer, from another goroutine. Nil: texts are kept as they are.
	Redact func(string) string
	Tandem string // the program's version
	// Manifest tells on what an answer was made. It is asked after the answer
	// has been shown, with a context that gives it half a second. Nil: nobody
	// tells.
	Manifest func(context.Context, *provider.Route, *provider.Request) *Manifest
}

// Log is a provider that writes down every call once it is over: answers,
// failures, and what the consumer left half read. Make one with [NewLog].
type Log struct {
	provider.Provider
	cfg LogConfig
}

var _ provider.Wrapper = (*Log)(nil)

// NewLog returns a log of p's calls.
func NewLog(p provider.Provider, cfg LogConfig) *Log {
	return &Log{Provider: p, cfg: cfg}
}

// Unwrap returns the provider whose calls are logged.
func (l *Log) Unwrap() provider.Provider { return l.Provider }

type runKey struct{}

// WithRun returns a context whose calls belong to r: its ID goes before every
// other, and Command, Chain, File and SHA256 into the record.
func WithRun(ctx context.Context, r Run) context.Context {
	ctx = context.WithValue(ctx, runKey{}, r)
	return provider.WithRun(ctx, provider.Run{ID: r.ID, Chain: r.Chain})
}

type rowKey struct{}

// WithRow returns a context whose calls answer a row of the run, from 1.
func WithRow(ctx context.Context, row int) context.Context {
	return context.WithValue(ctx, rowKey{}, row)
}

func batchRow(ctx context.Context) int {
	row, _ := ctx.Value(rowKey{}).(int)
	return row
}

// Chat asks the provider and notes what comes.
func (l *Log) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		run := provider.RunOf(ctx)
		if run.ID == "" {
			run.ID = NewID()
			ctx = provider.WithRun(ctx, run)
		}
		began, left := time.Now(), false
		l.cfg.Writer.open()
		var asking provider.Attempt
		ctx := router.AddObserver(ctx, func(e router.Event) {
			if e.Type == router.Asking {
				asking = provider.Attempt{Provider: e.Provider, Model: e.Model, Outcome: provider.OutcomeFailed, Tries: e.Try}
			}
		})
		resp, err := provider.Collect(func(note func(provider.Chunk, error) bool) {
			for c, err := range l.Provider.Chat(ctx, req) {
				left = !yield(c, err) && err == nil
				if !l.cfg.Content {
					c.Text, c.Thinking, c.ToolCalls = "", "", nil
				}
				if !note(c, err) || left {
					return
				}
			}
		})
		if left && resp.Finish == "" && err != nil && ctx.Err() == nil {
			err = errLeft
		}
		l.note(ctx, &req, began, resp, err, asking)
	}
}

// errLeft is a consumer that broke off.
var errLeft = errors.New("the caller stopped reading before the answer was complete")

func (l *Log) note(ctx context.Context, req *provider.Request, began time.Time, r provider.Response, err error, asking provider.Attempt) {
	run := provider.RunOf(ctx)
	c := &Call{
		RunID: run.ID, Step: run.Step, Index: run.Index, Row: batchRow(ctx), Began: began, Took: time.Since(began),
		Asked: asked(req, l.cfg.Content), Answer: r.Text, Thinking: r.Thinking, ToolCalls: r.ToolCalls, Finish: r.Finish,
		Usage: r.Usage, Route: r.Route, Error: failureOf(err), Content: l.cfg.Content,
	}
	if e := c.Error; e != nil && len(e.Attempts) == 0 && asking.Provider != "" {
		e.Attempts = []provider.Attempt{asking} // its caller left, and is told nothing
	}
	if !l.cfg.Content {
		c.wipe()
	}
	rec := record{call: c, run: *l.run(ctx, began), redact: l.cfg.Redact, size: c.size()}
	if l.cfg.Manifest != nil && r.Route != nil {
		route, file, sum := *r.Route, rec.run.File, rec.run.SHA256
		rec.after = func(ctx context.Context, c *Call) {
			if c.Manifest = l.cfg.Manifest(ctx, &route, req); c.Manifest != nil {
				c.Manifest.Tandem, c.Manifest.File, c.Manifest.SHA256 = l.cfg.Tandem, file, sum
			}
		}
	}
	l.cfg.Writer.add(rec)
}

// run is the record of the run that a call belongs to.
func (l *Log) run(ctx context.Context, began time.Time) *Run {
	of := provider.RunOf(ctx)
	r, _ := ctx.Value(runKey{}).(Run)
	if r.ID != of.ID {
		r = Run{ID: of.ID}
	}
	if r.Began.IsZero() {
		r.Began = began
	}
	if r.Chain == "" {
		r.Chain = of.Chain
	}
	r.Tandem = l.cfg.Tandem
	return &r
}

func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{Kind: "error", Message: err.Error()}
	var pe *provider.Error
	var rf *router.Failure
	switch {
	case errors.Is(err, errLeft), errors.Is(err, context.Canceled):
		f.Kind = "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		f.Kind = "deadline"
	case errors.As(err, &pe):
		f.Kind, f.Provider, f.Status = string(pe.Kind), pe.Provider, pe.Status
	}
	if errors.As(err, &rf) {
		f.Attempts = rf.Attempts
	}
	return f
}
