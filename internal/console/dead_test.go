package console_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestCancelOfADeadWorkersSync cancels a sync whose worker has been silent for an hour from its row in the history, and
// starts the next one at once.
func TestCancelOfADeadWorkersSync(t *testing.T) {
	onBoth(t, func(t *testing.T, kind nodetest.Kind) {
		// A lost session is taken over at the second look at the earliest, and there is none while this test runs.
		pair := newPair(t, kind, 30, nodetest.Config{Settings: map[string]string{"HEARTBEAT_INTERVAL": "5m", "STALE_AFTER": "15m"}})
		id := deadSession(t, pair.Main)
		page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
		card(page).WaitText("dead no sign of life from worker gone-42 for 36")
		card(page).WaitText(" s; another worker takes the sync over within 900 s, as long as a node is running")

		row(page, id).WaitText("PREPARING")
		row(page, id).Button("Cancel").Click()
		page.Dialog(cancelTitle).Button(cancelSync).Click()
		page.WaitText("Sync session cancelled successfully. 0 products were committed before; none can follow.")
		waitFocusOnNews(page)
		row(page, id).WaitText("alice; cancelled by operator")
		card(page).WaitText("finished Cancelled by operator")
		pair.Main.WaitEnd(id, spec.CANCELLED)

		pair.Main.WaitEnd(sendAgain(t, page, id), spec.COMPLETED)
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestTakeoversAreOnTheTimeLine: a session whose worker is lost is taken over while somebody looks at it. Its time line says so, with the
// attempt that goes on.
func TestTakeoversAreOnTheTimeLine(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	id := deadSession(t, pair.Main)
	browsertest.Eval[bool](page, `location.assign("#/sessions/`+id.String()+`") ?? true`)
	nodetest.Await(t, "the first page", gate.Reached)
	trail := page.Find("#trail")
	trail.WaitText("Started by alice")
	trail.WaitText("(attempt 2, worker ")
	gate.Open()
	page.Role("region", "Receipt: COMPLETED").WaitText("2 attempts, lost worker gone-42 after 0 batches")
	trail.WaitText("Taken over from lost worker gone-42 after 0 batches; last sign of life ")
	trail.WaitText("COMPLETED: Transferred 30 products")
	page.WaitFor("the order of time", `[...document.querySelectorAll("#trail time")].every((at, i, all) => !i || Date.parse(all[i - 1].dateTime) <= Date.parse(at.dateTime))`)
}

// deadSession makes a session whose worker gave its last sign of life an hour ago.
func deadSession(t *testing.T, node *nodetest.Node) spec.SessionID {
	t.Helper()
	s := node.Orphan()
	claimed, ok, err := node.Store.ClaimSession(t.Context(), s.ID, 0, "gone-42")
	if err != nil || !ok {
		t.Fatalf("claiming session %s: %v, %v", s.ID, ok, err)
	}
	// Both databases can read a time in this format, and SQLite stores it like this.
	at := claimed.ClaimedAt.Add(-time.Hour).UTC().Format("2006-01-02 15:04:05.000-07:00")
	_, err = node.Store.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET last_heartbeat_at = '"+at+"' WHERE id = '"+s.ID+"'")
	if err != nil {
		t.Fatal(err)
	}
	return uuid.MustParse(s.ID)
}
