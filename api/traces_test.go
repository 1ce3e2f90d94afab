package api_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"fullsync/api"
	"fullsync/internal/session"
	"fullsync/internal/telemetry"
)

// A failure tells its trace, in the body and in the log.
func TestFailuresTellTheirTrace(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	tracing, err := telemetry.NewTracing(t.Context(), nodeID, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n := setup(t, func(o *api.Options) { o.Tracing = tracing })
	n.get = func(string) (session.View, error) { return session.View{}, errors.New("something broke") }
	a := n.call("GET", startPath+"/"+sessionA, "", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-00")
	if a.status != 500 || a.member("traceId") != trace {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !strings.Contains(n.log.String(), "trace="+trace) {
		t.Errorf("the log does not name the trace:\n%s", n.log)
	}
}
