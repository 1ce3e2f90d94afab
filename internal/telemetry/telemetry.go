// Package telemetry ties the lines of the log together: whatever is logged on behalf of a request carries its id.
package telemetry

import (
	"context"
	"log/slog"
)

// requestKey is the key of a request's id in a context.
type requestKey struct{}

// WithRequest returns a context for what is done on behalf of the request with that id.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// Logger returns log with the member request in every line whose context came from [WithRequest]. Wrap a logger once.
func Logger(log *slog.Logger) *slog.Logger { return slog.New(handler{log.Handler()}) }

// handler adds the id of the request to what passes through.
type handler struct{ slog.Handler }

// Handle is a [slog.Handler]'s.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is a [slog.Handler]'s.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup is a [slog.Handler]'s.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
