package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracerName names this program in its spans.
const tracerName = "fullsync"

// across carries a trace from process to process, in the header traceparent.
var across = propagation.TraceContext{}

// Tracing begins the traces of a node, or goes on with those of its callers. Everything below takes part by [Span], which finds it in the
// context. A nil Tracing traces nothing.
type Tracing struct{ provider *sdktrace.TracerProvider }

// NewTracing returns the tracing of a node's replica, whose spans go to the OTLP receiver that the standard variables (OTEL_EXPORTER_OTLP_…) name.
// What cannot be sent is only logged.
func NewTracing(ctx context.Context, nodeID, version string, log *slog.Logger) (*Tracing, error) {
	// The library has one handler for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces could not be sent", "error", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	// OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME come last, so they win.
	who, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", tracerName), attribute.String("service.instance.id", nodeID), attribute.String("service.version", version),
	), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	return &Tracing{sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(who))}, nil
}

// stopPatience is how long a node that stops waits for the receiver.
const stopPatience = 2 * time.Second

// Stop sends what has not been sent yet, if the receiver takes it soon.
func (t *Tracing) Stop(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// Root begins a span of the node: the first of a trace, or one that goes on with the trace that ctx came with.
func (t *Tracing) Root(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	return begin(ctx, t.provider, name, trace.SpanKindServer, attrs)
}

// Caller returns a context with the trace in the headers of a request.
func Caller(ctx context.Context, header http.Header) context.Context {
	return across.Extract(ctx, propagation.HeaderCarrier(header))
}

// Parent returns the place of ctx in its trace as text, "" where there is none.
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	across.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Child returns a context that goes on with the trace that [Parent] returned.
func Child(ctx context.Context, parent string) context.Context {
	return across.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// Span begins a span within the one of ctx, and returns what ends it. Where ctx has none, it costs nothing.
func Span(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, func(error)) {
	return begin(ctx, trace.SpanFromContext(ctx).TracerProvider(), name, trace.SpanKindInternal, attrs)
}

func begin(ctx context.Context, provider trace.TracerProvider, name string, kind trace.SpanKind, attrs []attribute.KeyValue) (context.Context, func(error)) {
	ctx, span := provider.Tracer(tracerName).Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	return ctx, func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// Note adds attributes to the span of ctx.
func Note(ctx context.Context, attrs ...attribute.KeyValue) {
	trace.SpanFromContext(ctx).SetAttributes(attrs...)
}

// TraceID returns the id of the trace of ctx, "" where there is none.
func TraceID(ctx context.Context) string {
	if at := trace.SpanContextFromContext(ctx); at.IsValid() {
		return at.TraceID().String()
	}
	return ""
}

// Transport takes the trace of each request along to another node.
type Transport struct{ Base http.RoundTripper }

// RoundTrip is an [http.RoundTripper]'s. The span ends with the head of the answer.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	within := trace.SpanFromContext(r.Context())
	if !within.IsRecording() {
		return t.Base.RoundTrip(r)
	}
	ctx, end := begin(r.Context(), within.TracerProvider(), r.Method, trace.SpanKindClient, []attribute.KeyValue{attribute.String("url.path", r.URL.Path)})
	r = r.Clone(ctx)
	across.Inject(ctx, propagation.HeaderCarrier(r.Header))
	resp, err := t.Base.RoundTrip(r)
	if err == nil {
		Note(ctx, attribute.Int("http.response.status_code", resp.StatusCode))
	}
	end(err)
	return resp, err
}
