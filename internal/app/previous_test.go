package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// TestRowsOfThePreviousVersion: during a rolling update a replica of the previous version verifies a session, in a state that
// this version does not write, and without this version's columns.
func TestRowsOfThePreviousVersion(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{Settings: map[string]string{"STALE_AFTER": "10m"}})
		main := pair.Main

		// The session is shown, is in the way of another one, and is cancelled.
		id := verifyingBefore(t, pair)
		s := main.Session(id)
		if s.Status != spec.TRANSFERRING || s.Phase != spec.PhaseVerifying || s.CurrentStep != "Verifying 10 products" || s.Progress != 33 || s.Outcome != nil {
			t.Errorf("shown as %s", nodetest.Show(s))
		}
		a := main.Call("alice", http.MethodGet, nodetest.StartPath+"?status=TRANSFERRING", "")
		if found, err := nodetest.Decode[spec.SessionListResponse](a); err != nil || len(found.Sessions) != 1 || found.Sessions[0].Status != spec.TRANSFERRING {
			t.Errorf("listed as %s", a.Body)
		}
		a = main.Call("alice", http.MethodGet, "/api/sync/stats", "")
		if stats, err := nodetest.Decode[spec.StatsResponse](a); err != nil || stats.Sessions.ByStatus["TRANSFERRING"] != 1 || stats.Sessions.Total != 1 {
			t.Errorf("counted as %s", a.Body)
		}
		a = main.Call("alice", http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body())
		if running, err := nodetest.Decode[spec.SyncInProgress](a); a.Status != http.StatusConflict || err != nil || running.SessionId != id || running.Status != spec.TRANSFERRING {
			t.Errorf("a start beside it: %d %s", a.Status, a.Body)
		}
		if s = main.Cancel(s, "").Session; s.Status != spec.CANCELLED || s.ErrorCode != nil {
			t.Errorf("cancelled as %s", nodetest.Show(s))
		}

		// A second one is finished by the replica that has it.
		id = verifyingBefore(t, pair)
		write(t, main, id, "status = 'COMPLETED', phase = 'finished', current_step = 'Transferred 10 products', progress = 100, completed_at = started_at")
		s = main.Session(id)
		if s.Status != spec.COMPLETED || s.Outcome == nil || *s.Outcome != spec.OutcomeClean || s.ErrorMessage != nil || s.ErrorCode != nil {
			t.Errorf("completed as %s", nodetest.Show(s))
		}

		// A third one loses its worker, is taken over, and completes, with the products that have come since.
		stream := main.Follow("", "")
		id = verifyingBefore(t, pair)
		write(t, main, id, "last_heartbeat_at = '"+inSQL(time.Now().Add(-time.Hour))+"'")
		s = main.WaitEnd(id, spec.COMPLETED)
		if s.Attempts != 2 || s.Created != 20 || s.Unchanged != 10 || s.CurrentStep != "Transferred and verified 30 products" {
			t.Errorf("taken over and finished as %s", nodetest.Show(s))
		}
		nodetest.SameCatalog(t, pair.Branch, main, "main")
		told := statuses(t, stream.Until("the end", shows(t, id, spec.COMPLETED)), id)
		if want := []spec.SessionStatus{spec.PREPARING, spec.TRANSFERRING, spec.COMPLETED}; !slices.Equal(told, want) {
			t.Errorf("subscribers are told of %v, want %v", told, want)
		}
	})
}

// verifyingBefore makes a session of 30 products that has committed the first 10 and is then verified, as a replica of the
// previous version would write it.
func verifyingBefore(t *testing.T, pair *nodetest.Pair) spec.SessionID {
	t.Helper()
	id, _ := tenCommitted(t, pair, "previous-1", 30)
	write(t, pair.Main, id, `status = 'VALIDATING', phase = 'verifying', current_step = 'Verifying 10 products', last_source_at = NULL, marks_fence = 0, `+
		`mark_at = NULL, next_mark_at = NULL, options = '{"batchSize":10,"verifyAfterSync":true,"compressionEnabled":true}'`)
	return id
}

// write changes a session's row behind the node's back, as another version would.
func write(t *testing.T, n *nodetest.Node, id spec.SessionID, set string) {
	t.Helper()
	if _, err := n.Store.SQL().ExecContext(t.Context(), fmt.Sprintf("UPDATE sync_sessions SET %s WHERE id = '%s'", set, id)); err != nil {
		t.Fatal(err)
	}
}

// inSQL returns a time in a format that both databases can read, and that SQLite stores.
func inSQL(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000-07:00") }
