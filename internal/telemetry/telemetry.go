// Package telemetry writes OpenTelemetry traces and metrics of every answer,
// with the names of the GenAI semantic conventions (1.40), and sends them to
// the OTLP collector that the OTEL_* variables name. Where they name none,
// [Wrap] returns what it was given, and nothing is initialised.
//
// What was asked and answered is not in them, nor are the texts of errors,
// which a server may have written, unless
// OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is true.
package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// Options are what [Wrap] needs to know.
type Options struct {
	Getenv func(string) string // the environment; nil: no telemetry
	// Policy is that of the process: under Offline only a collector on this
	// machine is dialled.
	Policy httpx.Policy
	// System describes a provider by its name; an unknown one is zero. An
	// empty name asks for the provider that is asked first.
	System func(name string) System
	// Warn, if not nil, is told why there is no telemetry: by Wrap, or at the
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

// closeTimeout is the most time that the end of the program waits for the
// collector.
const closeTimeout = time.Second

// Wrap returns p with traces and metrics of its answers, and what ends them:
// close sends what is left, and takes at most about a second. Without a
// collector in the environment it returns p itself. Nothing is started, and
// nobody dialled, before the first call.
func Wrap(p provider.Provider, o Options) (wrapped provider.Provider, closed func()) {
	if o.Getenv == nil || (o.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" &&
		o.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" && o.Getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") == "") {
		return p, func() {}
	}
	s, err := readSettings(o.Getenv)
	if err != nil && o.Warn != nil {
		o.Warn("telemetry is off: " + err.Error())
	}
	if s == nil {
		return p, func() {}
	}
	t := &traced{Provider: p, options: o, settings: s}
	return t, t.close
}

// pipeline is what is started with the first call.
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
func (t *traced) startPipeline(ctx context.Context) *pipeline {
	p := &pipeline{upload: newUploader(ctx, t.options.Policy), parent: context.Background()}
	res := newResource(t.options.Version)
	if s := t.settings.traces; s.url != nil {
		exporter := otlptrace.NewUnstarted(&traceClient{p.upload, s})
		_ = exporter.Start(p.upload.life) // traceClient's never fails
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

// close sends what is left.
func (t *traced) close() {
	t.once.Do(func() {}) // no start after the end
	p := t.pipeline
	if p == nil {
		return
	}
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
	if why := p.upload.failureText(); why != "" && t.options.Warn != nil {
		t.options.Warn(why)
	}
}
