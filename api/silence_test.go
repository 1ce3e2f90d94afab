package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"fullsync/api"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// TestRequestsEndWhenTheDatabaseFallsSilent: a request that waits is ended as soon as the database does not answer, with what
// is known of it, and not for taking long while it does.
func TestRequestsEndWhenTheDatabaseFallsSilent(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	for name, c := range map[string]struct {
		answers error
		status  int
	}{
		"silent": {fault.New(fault.Unavailable, fault.CodeDatabaseUnavailable, "Database unavailable", "The database does not answer."), http.StatusServiceUnavailable},
		"busy":   {nil, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			n := setup(t, func(o *api.Options) {
				o.Limits.Silence = time.Nanosecond
				o.Answers = func(ctx context.Context) error {
					select {
					case asked <- struct{}{}:
					case <-ctx.Done():
					}
					return c.answers
				}
			})
			cancel := n.cancel
			n.cancel = func(ctx context.Context, id string, by syncer.Cancellation) (session.View, bool, error) {
				<-asked
				if c.answers == nil {
					return cancel(ctx, id, by)
				}
				<-ctx.Done()
				return session.View{}, false, ctx.Err()
			}
			a := n.call("POST", startPath+"/cancel", `{"sessionId":"`+sessionA+`"}`)
			if a.status != c.status || c.answers != nil && (a.member("code") != fault.CodeDatabaseUnavailable || a.header.Get("Retry-After") == "") {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}
