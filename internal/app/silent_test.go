package app_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// TestDatabaseFallsSilent freezes PostgreSQL under a running pull: connections stay open, but nothing answers. Meanwhile every
// request gets an answer, 503 in the contract's shape; for a cancel it says that the cancel may have been taken. When the
// database thaws, the cancel is repeated and everything works again.
func TestDatabaseFallsSilent(t *testing.T) {
	t.Parallel()
	a := newAway(t, 0, patient())
	a.Main.AddUser("bob", auth.RoleOperator, alicesPassword)
	bob := a.Main.SignIn("bob", alicesPassword) // a token that the node looks up in the database
	thaw := a.server.Freeze(t)
	cancel := `{"sessionId":"` + a.session.SessionId.String() + `"}`
	var all sync.WaitGroup
	for name, call := range map[string][4]string{
		"cancel":         {a.token, http.MethodPost, nodetest.CancelPath, cancel},
		"cancel by bob":  {bob, http.MethodPost, nodetest.CancelPath, cancel},
		"status for bob": {bob, http.MethodGet, nodetest.StatusPath, ""},
		"login":          {"", http.MethodPost, nodetest.LoginPath, `{"name":"bob","password":"` + alicesPassword + `"}`},
	} {
		all.Go(func() {
			answer, err := a.Main.Raw(t.Context(), call[0], call[1], call[2], call[3])
			if err != nil {
				t.Error(err)
				return
			}
			body, err := nodetest.Decode[spec.Error](answer)
			if answer.Status != http.StatusServiceUnavailable || err != nil || answer.Header.Get("Retry-After") == "" ||
				!strings.Contains(value(body.Message), "database does not answer") {
				t.Errorf("%s while the database is frozen: %d %s", name, answer.Status, answer.Body)
			}
			if name == "cancel" && (body.Code != "CANCEL_UNCERTAIN" || !strings.Contains(value(body.Message), "safe")) {
				t.Errorf("a cancel while the database is frozen: %s", answer.Body)
			}
		})
	}
	a.refuses(t)
	all.Wait()
	thaw()
	nodetest.Eventually(t, "the repeated cancel", func() bool {
		answer := a.Main.As(bob, http.MethodPost, nodetest.CancelPath, cancel)
		done, err := nodetest.Decode[spec.CancelResponse](answer)
		return answer.Status == http.StatusOK && err == nil && done.Session.Status == spec.CANCELLED
	})
	a.gate.Open()
	a.Main.Sync(nodetest.Pull{})
	nodetest.SameCatalog(t, a.Branch, a.Main, "main")
}
