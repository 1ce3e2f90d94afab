// Package telemetry ties together what happens on behalf of a request: log lines carry its id, and spans make up its trace, also on other nodes.
package telemetry

import (
	"context"
	"log/slog"
)

// requestKey is the context key for a request's id.
type requestKey struct{}

// WithRequest returns a context for work on behalf of the request with that id.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// Logger returns log with the attribute request added to every line whose context came from [WithRequest], and trace to those within a trace. Wrap a logger
// only once.
func Logger(log *slog.Logger) *slog.Logger { return slog.New(handler{log.Handler()}) }

// handler adds the ids of the request and of the trace to each record.
type handler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	if id := TraceID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("trace", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
