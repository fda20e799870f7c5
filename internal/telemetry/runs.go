package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tandem-llm/tandem/provider"
)

// maxRuns is how many runs may have open spans; the oldest is then ended.
const maxRuns = 256

// runs keeps a span open for each run, from its first call. Nobody says that a
// run is over, so its span ends when the program does, or when too many are
// open, with the time of its last answer.
type runs struct {
	mu    sync.Mutex
	order []string
	open  map[string]*runSpan
}

type runSpan struct {
	ctx  context.Context
	span trace.Span
	last time.Time // the end of its last answer
}

// enter returns the context of the run's span, which it starts if need be.
func (r *runs) enter(parent context.Context, tracer trace.Tracer, run provider.Run, start time.Time) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.open[run.ID]; ok {
		return s.ctx
	}
	if len(r.order) == maxRuns {
		r.open[r.order[0]].close()
		delete(r.open, r.order[0])
		r.order = r.order[1:]
	}
	name := "run"
	if run.Chain != "" {
		name += " " + run.Chain
	}
	ctx, span := tracer.Start(parent, name, trace.WithTimestamp(start), trace.WithAttributes(
		attribute.String("tandem.run.id", run.ID), attribute.String("tandem.chain.name", run.Chain)))
	if r.open == nil {
		r.open = map[string]*runSpan{}
	}
	r.open[run.ID] = &runSpan{ctx: ctx, span: span, last: start}
	r.order = append(r.order, run.ID)
	return ctx
}

// leave notes that a call of the run has ended, and how.
func (r *runs) leave(run provider.Run, kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.open[run.ID]
	if !ok {
		return
	}
	s.last = time.Now()
	if kind != "" {
		s.span.SetAttributes(attribute.String("error.type", kind))
		s.span.SetStatus(codes.Error, kind)
	}
}

// closeAll ends the spans of all runs.
func (r *runs) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.open {
		s.close()
	}
	r.open, r.order = nil, nil
}

func (s *runSpan) close() { s.span.End(trace.WithTimestamp(s.last)) }
