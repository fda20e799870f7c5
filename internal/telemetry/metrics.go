package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// meters are the instruments. Their bounds are those of the conventions.
type meters struct {
	duration metric.Float64Histogram // s, of the whole answer
	first    metric.Float64Histogram // s, to the first content of a stream
	tokens   metric.Int64Histogram   // {token}, by gen_ai.token.type
}

func newMeters(p *sdkmetric.MeterProvider) *meters {
	m := p.Meter(scope, metric.WithSchemaURL(schema))
	var out meters
	// Names and units that do not change: no error can come.
	out.duration, _ = m.Float64Histogram("gen_ai.client.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("GenAI operation duration."),
		metric.WithExplicitBucketBoundaries(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92))
	out.first, _ = m.Float64Histogram("gen_ai.client.operation.time_to_first_chunk", metric.WithUnit("s"),
		metric.WithDescription("Time to receive the first chunk of a streamed answer."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10))
	out.tokens, _ = m.Int64Histogram("gen_ai.client.token.usage", metric.WithUnit("{token}"),
		metric.WithDescription("Number of input and output tokens used."),
		metric.WithExplicitBucketBoundaries(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864))
	return &out
}

// traceClient uploads what the SDK's own exporter has made of the spans.
type traceClient struct {
	upload *uploader
	signal signal
}

// Start and Stop do nothing: connections are the uploader's.
func (*traceClient) Start(context.Context) error { return nil }

// Stop does nothing.
func (*traceClient) Stop(context.Context) error { return nil }

// UploadTraces sends spans. TracesData is the collector's request, under
// another name.
func (c *traceClient) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	c.upload.send(c.signal, &tracepb.TracesData{ResourceSpans: spans})
	return nil
}

// metricExporter turns the histograms above into OTLP and uploads them.
type metricExporter struct {
	upload *uploader
	signal signal
}

var _ sdkmetric.Exporter = (*metricExporter)(nil)

// Temporality is cumulative, as the specification's default.
func (*metricExporter) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

// Aggregation is the default.
func (*metricExporter) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

// ForceFlush and Shutdown have nothing to do: Export keeps nothing.
func (*metricExporter) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (*metricExporter) Shutdown(context.Context) error { return nil }

// Export sends what was measured. MetricsData is the collector's request,
// under another name.
func (e *metricExporter) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	out := &metricspb.ResourceMetrics{Resource: &resourcepb.Resource{Attributes: attributes(rm.Resource.Set())}, SchemaUrl: rm.Resource.SchemaURL()}
	for _, sm := range rm.ScopeMetrics {
		s := &metricspb.ScopeMetrics{Scope: &commonpb.InstrumentationScope{Name: sm.Scope.Name, Version: sm.Scope.Version}, SchemaUrl: sm.Scope.SchemaURL}
		for _, m := range sm.Metrics {
			if h := histogram(m.Data); h != nil {
				s.Metrics = append(s.Metrics, &metricspb.Metric{
					Name: m.Name, Description: m.Description, Unit: m.Unit, Data: &metricspb.Metric_Histogram{Histogram: h},
				})
			}
		}
		out.ScopeMetrics = append(out.ScopeMetrics, s)
	}
	if len(out.ScopeMetrics) == 0 {
		return nil
	}
	e.upload.send(e.signal, &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{out}})
	return nil
}

func histogram(data metricdata.Aggregation) *metricspb.Histogram {
	switch h := data.(type) {
	case metricdata.Histogram[float64]:
		return points(h)
	case metricdata.Histogram[int64]:
		return points(h)
	}
	return nil // there are no other instruments
}

func points[N int64 | float64](h metricdata.Histogram[N]) *metricspb.Histogram {
	out := &metricspb.Histogram{AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE}
	for _, p := range h.DataPoints {
		sum := float64(p.Sum)
		d := &metricspb.HistogramDataPoint{
			Attributes: attributes(&p.Attributes), Count: p.Count, Sum: &sum, BucketCounts: p.BucketCounts, ExplicitBounds: p.Bounds,
			StartTimeUnixNano: uint64(p.StartTime.UnixNano()), //nolint:gosec // after 1970
			TimeUnixNano:      uint64(p.Time.UnixNano()),      //nolint:gosec // after 1970
		}
		if v, ok := p.Min.Value(); ok {
			low := float64(v)
			d.Min = &low
		}
		if v, ok := p.Max.Value(); ok {
			high := float64(v)
			d.Max = &high
		}
		out.DataPoints = append(out.DataPoints, d)
	}
	return out
}

func attributes(set *attribute.Set) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for it := set.Iter(); it.Next(); {
		kv := it.Attribute()
		v := &commonpb.AnyValue{}
		switch kv.Value.Type() {
		case attribute.BOOL:
			v.Value = &commonpb.AnyValue_BoolValue{BoolValue: kv.Value.AsBool()}
		case attribute.INT64:
			v.Value = &commonpb.AnyValue_IntValue{IntValue: kv.Value.AsInt64()}
		case attribute.FLOAT64:
			v.Value = &commonpb.AnyValue_DoubleValue{DoubleValue: kv.Value.AsFloat64()}
		default:
			v.Value = &commonpb.AnyValue_StringValue{StringValue: kv.Value.String()}
		}
		out = append(out, &commonpb.KeyValue{Key: string(kv.Key), Value: v})
	}
	return out
}
