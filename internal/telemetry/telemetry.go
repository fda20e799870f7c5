// Package telemetry writes OpenTelemetry traces and metrics of every answer,
// with the names of the GenAI semantic conventions (1.40), and sends them to
// the OTLP collector that the OTEL_* variables name. Where they name none, [New]
// returns nil, and nothing is initialised.
//
// What was asked and answered is not in them, nor are the texts of errors,
// which a server may have written, unless
// OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is true.
package telemetry

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// Options are what [New] needs to know.
type Options struct {
	Getenv func(string) string // the environment; nil: no telemetry
	// Offline: only a collector on this machine is dialled, until
	// [Telemetry.SetOffline] says otherwise.
	Offline bool
	// Warn, if not nil, is told why there is no telemetry: by New, or at the
	// end, once.
	Warn    func(string)
	Version string // of the program
	// Secrets are in no attribute. Nil: only what looks like a key is taken out.
	Secrets *redact.Redactor
}

// System is a configured provider.
type System struct {
	Name         string
	ProviderName string // gen_ai.provider.name: "ollama" or "openai"
	Model        string // asked for when a request names none
}

// closeTimeout is the most time that the end of the program, or a change of
// offline, waits for the collector.
const closeTimeout = time.Second

// Telemetry is what a process sends to its collector. There is one of it,
// whichever stacks come and go. A nil Telemetry sends nothing. It is safe for
// concurrent use.
type Telemetry struct {
	options  Options
	settings *settings
	failure  failure

	current atomic.Pointer[pipeline] // nil: nothing was asked yet, or it is closed

	mu      sync.Mutex // held while current changes
	offline bool
	closed  bool
}

// New reads the environment. It returns nil where that names no collector, or
// has a mistake, which Warn is told. Nothing is started, and nobody dialled,
// before the first call.
func New(o Options) *Telemetry {
	if o.Getenv == nil || (o.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" &&
		o.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" && o.Getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") == "") {
		return nil
	}
	s, err := readSettings(o.Getenv)
	if err != nil && o.Warn != nil {
		o.Warn("telemetry is off: " + err.Error())
	}
	if s == nil {
		return nil
	}
	return &Telemetry{options: o, settings: s, offline: o.Offline}
}

// Wrap returns p with traces and metrics of its answers. system describes a
// provider by its name; an unknown one is zero, and an empty name asks for the
// provider that is asked first. Without telemetry it returns p itself.
func (t *Telemetry) Wrap(p provider.Provider, system func(name string) System) provider.Provider {
	if t == nil {
		return p
	}
	return &traced{Provider: p, telemetry: t, system: system}
}

// SetOffline says whether only a collector on this machine may be dialled. A
// change discards what is not sent yet and meant for any other: neither does it
// leave now that the process is offline, nor later what was asked while it was.
// It takes at most about a second, for a collector that hangs. A call under way
// is then not traced.
func (t *Telemetry) SetOffline(offline bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	var old *pipeline
	if offline != t.offline {
		t.offline = offline
		old = t.current.Swap(nil)
	}
	t.mu.Unlock()
	if old != nil {
		old.upload.goOffline()
		old.close()
	}
}

// Close sends what is left, and takes at most about a second. What is asked after
// it is not traced.
func (t *Telemetry) Close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	p, again := t.current.Swap(nil), t.closed
	t.closed = true
	t.mu.Unlock()
	if p != nil {
		p.close()
	}
	if why := t.failure.text(); why != "" && !again && t.options.Warn != nil {
		t.options.Warn(why)
	}
}

// running is the pipeline, which the first call starts; nil after the end.
func (t *Telemetry) running(ctx context.Context) *pipeline {
	if p := t.current.Load(); p != nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.current.Load(); p != nil || t.closed {
		return p
	}
	p := t.startPipeline(ctx)
	t.current.Store(p)
	return p
}

// pipeline is what is started with the first call: it holds what is not sent yet,
// and all of it was asked either offline or not.
type pipeline struct {
	upload  *uploader
	traces  *sdktrace.TracerProvider // nil: no traces
	tracer  trace.Tracer
	metrics *metric.MeterProvider // nil: no metrics
	meters  *meters
	parent  context.Context // holds the span of who called the program
	runs    runs
}

const scope = "github.com/tandem-llm/tandem"

// startPipeline makes the pipeline. Its errors are values that the SDK falls back from
// by itself.
func (t *Telemetry) startPipeline(ctx context.Context) *pipeline {
	p := &pipeline{upload: newUploader(ctx, t.offline, &t.failure), parent: context.Background()}
	res := newResource(t.options.Version)
	if s := t.settings.traces; s.url != nil {
		exporter := otlptrace.NewUnstarted(&traceClient{p.upload, s})
		_ = exporter.Start(ctx) // traceClient's never fails
		p.traces = sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(exporter))
		p.tracer = p.traces.Tracer(scope, trace.WithInstrumentationVersion(t.options.Version), trace.WithSchemaURL(schema))
	}
	if s := t.settings.metrics; s.url != nil {
		p.metrics = metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(metric.NewPeriodicReader(&metricExporter{p.upload, s})))
		p.meters = newMeters(p.metrics)
	}
	carrier := propagation.MapCarrier{"traceparent": t.settings.parent}
	p.parent = propagation.TraceContext{}.Extract(p.parent, carrier)
	return p
}

// newResource is the resource: the program, and over it what OTEL_SERVICE_NAME
// and OTEL_RESOURCE_ATTRIBUTES say.
func newResource(version string) *resource.Resource {
	own := []attribute.KeyValue{attribute.String("service.name", "tandem")}
	if version != "" {
		own = append(own, attribute.String("service.version", version))
	}
	res, err := resource.New(context.Background(), resource.WithAttributes(own...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && res == nil {
		return resource.NewSchemaless(own...)
	}
	return res
}

// close sends what is left, and takes at most closeTimeout.
func (p *pipeline) close() {
	p.runs.closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	if p.traces != nil {
		wg.Go(func() { _ = p.traces.Shutdown(ctx) }) // the uploader says what failed
	}
	if p.metrics != nil {
		wg.Go(func() { _ = p.metrics.Shutdown(ctx) })
	}
	// A collector that hangs holds an upload, which ends with the uploader.
	stop := context.AfterFunc(ctx, p.upload.close)
	wg.Wait()
	stop()
	p.upload.close()
}
