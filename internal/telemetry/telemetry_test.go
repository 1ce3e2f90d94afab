package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"fullsync/internal/telemetry"
)

func TestLinesOfARequestCarryItsID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.Logger(slog.New(slog.NewTextHandler(&out, nil)))
	ctx := telemetry.WithRequest(context.Background(), "r-1")
	log.With("a", 1).InfoContext(ctx, "one", "b", 2)
	log.Info("two")
	log.WithGroup("g").InfoContext(ctx, "three")
	lines := strings.Split(out.String(), "\n")
	if !strings.HasSuffix(lines[0], "msg=one a=1 b=2 request=r-1") || !strings.HasSuffix(lines[1], "msg=two") ||
		!strings.HasSuffix(lines[2], "msg=three g.request=r-1") {
		t.Errorf("%q", lines)
	}
}
