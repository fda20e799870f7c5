package telemetry

import (
	"context"
	"errors"
	"iter"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// traced is a provider that writes a span, and metrics, of every answer.
type traced struct {
	provider.Provider
	telemetry *Telemetry
	system    func(name string) System
}

var _ provider.Wrapper = (*traced)(nil)

// Unwrap returns the provider that is watched.
func (t *traced) Unwrap() provider.Provider { return t.Provider }

// Chat asks the provider.
func (t *traced) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	return func(yield func(provider.Chunk, error) bool) {
		p := t.telemetry.running(ctx)
		if p == nil { // closed already
			t.Provider.Chat(ctx, req)(yield)
			return
		}
		w := t.startSpan(ctx, p, &req)
		defer w.finish() // a consumer that panics ends it too
		for c, err := range t.Provider.Chat(w.ctx, req) {
			w.observe(&c, err)
			if !yield(c, err) {
				return
			}
		}
	}
}

// callSpan is one answer on its way.
type callSpan struct {
	t      *traced
	p      *pipeline
	ctx    context.Context
	req    *provider.Request
	system System     // as asked, until the answer says who gave it
	step   trace.Span // around span, or nil
	span   trace.Span // nil: no traces
	start  time.Time
	first  time.Duration // 0: no content yet
	text   []byte        // of the answer, where content is captured
	last   *provider.Chunk
	err    error
}

func (t *traced) startSpan(ctx context.Context, p *pipeline, req *provider.Request) *callSpan {
	w := &callSpan{t: t, p: p, ctx: ctx, req: req, start: time.Now()}
	first := ""
	if len(req.Use) > 0 {
		first = req.Use[0]
	}
	w.system = t.system(first)
	if req.Model != "" {
		w.system.Model = req.Model
	}
	if w.p.tracer == nil {
		return w
	}
	run := provider.RunOf(ctx)
	parent := w.p.parent
	if trace.SpanContextFromContext(ctx).IsValid() { // a library's caller has a span of its own
		parent = ctx
	}
	if run.Step != "" {
		if run.ID != "" {
			parent = w.p.runs.enter(parent, w.p.tracer, run, w.start)
		}
		parent, w.step = w.p.tracer.Start(parent, "step "+run.Step, trace.WithTimestamp(w.start), trace.WithAttributes(scrubAttributes(t.telemetry.options.Secrets, runAttributes(run))...))
	}
	_, w.span = w.p.tracer.Start(parent, "chat "+t.telemetry.options.Secrets.Text(w.system.Model), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(w.start), trace.WithAttributes(scrubAttributes(t.telemetry.options.Secrets, requestAttributes(req, w.system, run))...))
	w.ctx = trace.ContextWithSpan(ctx, w.span)
	return w
}

// capturesContent reports whether the span holds what was asked and answered. What
// may not leave the machine is never captured: the collector may be elsewhere.
func (w *callSpan) capturesContent() bool {
	return w.span != nil && w.t.telemetry.settings.content && w.req.Privacy != provider.PrivacyLocal
}

// observe takes note of what the provider yielded.
func (w *callSpan) observe(c *provider.Chunk, err error) {
	if err != nil {
		w.err = err
		return
	}
	if w.first == 0 && !c.Empty() {
		w.first = time.Since(w.start)
	}
	if c.Restart {
		w.text = w.text[:0] // what came before counts no more
	}
	if w.capturesContent() {
		w.text = append(w.text, c.Text...)
	}
	if c.Finish != "" {
		last := *c
		w.last = &last
	}
}

// finish writes the span and the metrics.
func (w *callSpan) finish() {
	kind := w.errorType()
	route := w.route()
	var usage *provider.Usage
	if w.last != nil {
		usage = w.last.Usage
	}
	if w.system.ProviderName != "" || route.Provider != "" {
		if t := w.t.system(route.Provider); route.Provider != "" && t.ProviderName != "" {
			w.system.Name, w.system.ProviderName = t.Name, t.ProviderName
		}
	}
	w.recordMetrics(kind, route, usage)
	if w.span == nil {
		return
	}
	// Some keys are known only since the call: what was said at its start is said again.
	w.span.SetName("chat " + w.t.telemetry.options.Secrets.Text(w.system.Model))
	w.span.SetAttributes(scrubAttributes(w.t.telemetry.options.Secrets, requestAttributes(w.req, w.system, provider.RunOf(w.ctx)))...)
	if w.capturesContent() {
		w.span.SetAttributes(scrubAttributes(w.t.telemetry.options.Secrets, promptAttributes(w.req.Messages))...)
	}
	w.span.SetAttributes(attribute.String("gen_ai.provider.name", w.system.ProviderName))
	w.span.SetAttributes(scrubAttributes(w.t.telemetry.options.Secrets, responseAttributes(w.last, route))...)
	for _, a := range attempts(route, w.err) {
		w.span.AddEvent("tandem.attempt", trace.WithAttributes(scrubAttributes(w.t.telemetry.options.Secrets, attemptAttributes(a))...))
	}
	if w.capturesContent() && w.last != nil {
		w.span.SetAttributes(scrubAttributes(w.t.telemetry.options.Secrets, []attribute.KeyValue{completionAttribute(string(w.text), w.last.Finish)})...)
	}
	for _, s := range []trace.Span{w.span, w.step} {
		if s == nil {
			continue
		}
		if kind != "" {
			s.SetAttributes(attribute.String("error.type", kind))
			s.SetStatus(codes.Error, kind)
		}
		s.End()
	}
	w.p.runs.leave(provider.RunOf(w.ctx), kind)
}

// errorType is what error.type says: the Kind, or whose wish the end was.
func (w *callSpan) errorType() string {
	switch {
	case w.err == nil && w.last == nil: // the consumer left the loop
		return "canceled"
	case w.err == nil:
		return ""
	case errors.Is(w.err, context.Canceled):
		return "canceled"
	case errors.Is(w.err, context.DeadlineExceeded):
		return "deadline_exceeded"
	}
	if k := provider.KindOf(w.err); k != "" {
		return string(k)
	}
	return "_OTHER"
}

// route is the answer's, or who was asked last where there is none.
func (w *callSpan) route() *provider.Route {
	if w.last != nil && w.last.Route != nil {
		return w.last.Route
	}
	r := &provider.Route{}
	for _, a := range attempts(r, w.err) {
		if a.Outcome != provider.OutcomeSkipped {
			r.Provider, r.Endpoint = a.Provider, a.SentTo
		}
	}
	return r
}

// attempts are the targets considered, of an answer or of a failure.
func attempts(r *provider.Route, err error) []provider.Attempt {
	var f *router.Failure
	if errors.As(err, &f) {
		return f.Attempts
	}
	return r.Attempts
}

func (w *callSpan) recordMetrics(kind string, r *provider.Route, u *provider.Usage) {
	m := w.p.meters
	if m == nil {
		return
	}
	labels := append([]attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", w.system.ProviderName),
		attribute.String("gen_ai.request.model", w.system.Model),
	}, serverAttributes(r.Endpoint)...)
	if r.Model != "" {
		labels = append(labels, attribute.String("gen_ai.response.model", r.Model))
	}
	ctx, whose := context.Background(), metric.WithAttributeSet(attribute.NewSet(labels...))
	if w.first > 0 && !w.req.NoStream {
		m.first.Record(ctx, w.first.Seconds(), whose)
	}
	if u != nil {
		for token, n := range map[string]int{"input": u.InputTokens, "output": u.OutputTokens} {
			m.tokens.Record(ctx, int64(n), whose, metric.WithAttributes(attribute.String("gen_ai.token.type", token)))
		}
	}
	if kind != "" {
		whose = metric.WithAttributes(append(labels, attribute.String("error.type", kind))...)
	}
	m.duration.Record(ctx, time.Since(w.start).Seconds(), whose)
}
