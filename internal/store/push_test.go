package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// TestPreviousVersionKeepsOffPushes, and off reverts: what a replica of the previous version does to a session that it claims, hands over or takes from a lost worker
// comes to nothing where the session is a push or a revert. It would run it as a pull.
func TestPreviousVersionKeepsOffPushes(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		for direction, wants := range map[session.Direction]int64{session.Pull: 1, session.Push: 0, session.Revert: 0, session.Import: 0} {
			created, err := s.CreateSession(t.Context(), session.Session{
				ID: uuid.NewString(), Catalog: "of a " + string(direction), Direction: direction, PeerID: "branch", Status: session.Preparing,
			}, syncer.Creation{Enqueue: noJob})
			if err != nil || !created.OK {
				t.Fatal(err)
			}
			// Its statement sets the fence and knows no other column that goes with it.
			done, err := s.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET fence = fence + 1, worker = 'old' WHERE id = $1 AND fence = 0", created.Session.ID)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := done.RowsAffected(); n != wants {
				t.Errorf("the previous version claimed %d %ss, want %d", n, direction, wants)
			}
		}
	})
}

// TestPreviousVersionCancelsAPush: its statement does not note that the target must be told, but this version tells it.
func TestPreviousVersionCancelsAPush(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ids := map[string]string{}
		for name, row := range map[string]session.Session{
			"a push": {Catalog: "of a push", Direction: session.Push, PeerID: "branch", Status: session.Preparing},
			"a pull": {Catalog: "of a pull", Direction: session.Pull, PeerID: "branch", Status: session.Preparing},
		} {
			row.ID = uuid.NewString()
			ids[name] = row.ID
			if created, err := s.CreateSession(t.Context(), row, syncer.Creation{Enqueue: noJob}); err != nil || !created.OK {
				t.Fatal(err)
			}
		}
		if _, err := s.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET status = 'CANCELLED', completed_at = started_at"); err != nil {
			t.Fatal(err)
		}
		rows, err := s.Unconfirmed(t.Context(), time.Hour)
		if err != nil || len(rows) != 1 || rows[0].ID != ids["a push"] {
			t.Errorf("unconfirmed: %+v, %v", rows, err)
		}
	})
}

// TestIncomingSessions: one worker of a pusher at a time, and a new push of the same pusher takes the place of an older one.
func TestIncomingSessions(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		incoming := func(peer, by string) session.Session {
			return session.Session{
				ID: uuid.NewString(), Catalog: "main", Direction: session.Push, Incoming: true, PeerID: peer, PushedBy: by, PusherFence: 1, LeaseSeconds: 60,
				Status: session.Transferring, Phase: session.PhaseTransferring, Worker: peer, Fence: 1, PushFence: 1,
			}
		}
		end := session.Failure(errors.New("given up"))
		first := incoming("main", "main")
		start := func(row session.Session) (bool, error) { return s.OpenIncoming(ctx, row, end) }
		if ok, err := start(first); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := start(first); ok || err != nil {
			t.Errorf("opened twice: %v, %v", ok, err)
		}
		var occupied *syncer.OccupiedError
		if _, err := start(incoming("other", "main")); !errors.As(err, &occupied) || occupied.Row.ID != first.ID {
			t.Errorf("another pusher: %v", err)
		}
		if _, err := start(incoming("main", "somebody else")); !errors.As(err, &occupied) {
			t.Errorf("another token: %v", err)
		}
		if err := s.ReopenIncoming(ctx, first.ID, 3, time.Minute); err != nil {
			t.Errorf("a later worker: %v", err)
		}
		if err := s.ReopenIncoming(ctx, first.ID, 2, time.Minute); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("an older worker: %v", err)
		}
		if err := s.ReopenIncoming(ctx, first.ID, 3, time.Minute); err != nil {
			t.Errorf("the same worker again: %v", err)
		}
		row, _, err := s.GetSession(ctx, first.ID)
		if err != nil || row.Fence != 2 || row.PusherFence != 3 || row.Attempts != 1 {
			t.Errorf("after a takeover: %+v, %v", row, err)
		}
		next := incoming("main", "main")
		if ok, err := start(next); !ok || err != nil {
			t.Fatalf("the next push of the same pusher: %v, %v", ok, err)
		}
		if row, _, err = s.GetSession(ctx, first.ID); err != nil || row.Status != session.Failed {
			t.Errorf("the older one: %+v, %v", row.Status, err)
		}
	})
}

// TestLeaseThatHasRunOut: a batch that was held back for longer than its lease is not committed, although nobody has ended the session yet.
func TestLeaseThatHasRunOut(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := session.Session{
			ID: uuid.NewString(), Catalog: "main", Direction: session.Push, Incoming: true, PeerID: "main", PushedBy: "main", PusherFence: 1, LeaseSeconds: 60,
			Status: session.Transferring, Phase: session.PhaseTransferring, Worker: "main", Fence: 1, PushFence: 1,
		}
		if opened, err := s.OpenIncoming(t.Context(), row, session.Ending{}); !opened || err != nil {
			t.Fatal(opened, err)
		}
		if err := s.CommitBatch(t.Context(), &row, catalog.Batch{Products: []catalog.Product{{ID: "a"}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET last_heartbeat_at = '2026-01-01 00:00:00.000+00:00'"); err != nil {
			t.Fatal(err)
		}
		err := s.CommitBatch(t.Context(), &row, catalog.Batch{Products: []catalog.Product{{ID: "b"}}})
		if n, countErr := s.CountProducts(t.Context(), "main"); !errors.Is(err, transfer.ErrFenced) || n != 1 || countErr != nil {
			t.Errorf("%v, and the catalog holds %d products (%v)", err, n, countErr)
		}
	})
}

// TestBuriedSession: a session that ended before it was opened is never opened.
func TestBuriedSession(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		never := session.Session{
			ID: uuid.NewString(), Catalog: "main", Direction: session.Push, Incoming: true, PeerID: "main", PushedBy: "main", PusherFence: 1,
			Status: session.Cancelled, Phase: session.PhaseFinished, CancelledBy: "alice at main",
		}
		for range 2 {
			if err := s.BuryIncoming(t.Context(), never); err != nil {
				t.Fatal(err)
			}
		}
		open := never
		open.Status, open.Phase = session.Transferring, session.PhaseTransferring
		if opened, err := s.OpenIncoming(t.Context(), open, session.Ending{}); opened || err != nil {
			t.Errorf("opened: %v, %v", opened, err)
		}
		row, now, err := s.GetSession(t.Context(), never.ID)
		if err != nil || row.Status != session.Cancelled || row.CompletedAt == nil || !row.CompletedAt.Equal(row.StartedAt) || now.Before(row.StartedAt) {
			t.Errorf("%+v, %v", row, err)
		}
		figures, err := s.Figures(t.Context())
		if err != nil || figures.ByStatus[session.Cancelled] != 1 {
			t.Errorf("the figures: %+v, %v", figures, err)
		}
	})
}
