package app_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// TestDatabaseIsReadOnlyForAWhile simulates a failover: PostgreSQL answers, but accepts no changes. No request for a change gets
// an internal error, the node is not ready, and the pull continues as soon as the database accepts changes again.
func TestDatabaseIsReadOnlyForAWhile(t *testing.T) {
	t.Parallel()
	a := newAway(t, 0, patient())
	a.Main.AddUser("bob", auth.RoleOperator, alicesPassword)
	refused := func(method, path, body string) bool {
		answer := a.Main.As(a.token, method, path, body)
		found, err := nodetest.Decode[spec.Error](answer)
		return answer.Status == http.StatusServiceUnavailable && err == nil && found.Code == "DATABASE_READ_ONLY" &&
			strings.Contains(value(found.Message), "read-only") && answer.Header.Get("Retry-After") != ""
	}
	a.server.Stop(t)
	a.server.RunReadOnly(t)
	nodetest.Eventually(t, "the node saying what it waits for", func() bool { return refused(http.MethodGet, "/readyz", "") })
	a.gate.Open() // the worker has something to commit, but cannot
	for _, call := range [][3]string{
		{http.MethodPost, nodetest.StartPath, `{"action":"pull","targetPeer":"branch","catalog":"other"}`},
		{http.MethodPost, nodetest.CancelPath, `{"sessionId":"` + a.session.SessionId.String() + `"}`},
		{http.MethodPost, nodetest.LoginPath, `{"name":"bob","password":"` + alicesPassword + `"}`},
	} {
		// The connections from before the failover break one by one.
		nodetest.Eventually(t, call[1]+" being refused", func() bool { return refused(call[0], call[1], call[2]) })
	}
	nodetest.Eventually(t, "the status, which can be read", func() bool {
		return a.Main.As(a.token, http.MethodGet, nodetest.StatusPath, "").Status == http.StatusOK
	})
	a.server.Promote(t)
	checkCounts(t, a.completes(t), counts{transferred: 300, created: 300})
	nodetest.Eventually(t, "the node being ready", func() bool {
		return a.Main.As("", http.MethodGet, "/readyz", "").Status == http.StatusOK
	})
	nodetest.SameCatalog(t, a.Branch, a.Main, "main")
}
