package app

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"fullsync/internal/jobs"
	"fullsync/internal/telemetry"
)

// traced is a worker whose runs are spans, in the trace of what enqueued them.
type traced struct {
	jobs.Runner
	tracing *telemetry.Tracing
}

// Run is a [jobs.Runner]'s.
func (t traced) Run(ctx context.Context, sessionID string, fence int64) error {
	ctx, end := t.tracing.Root(ctx, "sync", attribute.String("session", sessionID), attribute.Int64("fence", fence))
	err := t.Runner.Run(ctx, sessionID, fence)
	end(err)
	return err
}
