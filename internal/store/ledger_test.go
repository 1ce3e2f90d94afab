package store_test

import (
	"context"
	"errors"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/transfer"
)

func TestBatchMovesCursorCountersAndProgressWithTheProducts(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		first := batch(t, 0, 30, "old")
		if err := s.CommitBatch(t.Context(), &row, first); err != nil {
			t.Fatal(err)
		}
		// 20 to 29 unchanged, 30 to 39 new; then 0 to 9 changed.
		second := batch(t, 20, 40, "old")
		second.Rejects = []catalog.Reject{{ID: "bad", Reason: "name is missing"}}
		// An hour ago, because the next batch may come within the same millisecond.
		backdate(t, s, "products", "created_at", 1)
		backdate(t, s, "products", "updated_at", 1)
		if err := s.CommitBatch(t.Context(), &row, second); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 10, "new")); err != nil {
			t.Fatal(err)
		}
		stored := get(t, s, "s1")
		if stored.Created != 40 || stored.Unchanged != 10 || stored.Updated != 10 || stored.Rejected != 1 {
			t.Errorf("counts %+v", stored.Counts)
		}
		if stored.TransferredRecords != 60 || stored.Progress != 61 || stored.BatchSeq != 3 || stored.TransferredBytes != 3000 {
			t.Errorf("stored %+v", stored)
		}
		if stored.LastCommitAt == nil || stored.LastHeartbeatAt == nil {
			t.Error("a commit must leave its time")
		}
		if row.Cursor != stored.Cursor || row.Counts != stored.Counts || row.BatchSeq != stored.BatchSeq {
			t.Errorf("the worker's copy %+v differs from the row %+v", row, stored)
		}
		rejected, err := s.RejectedIDs(t.Context(), "s1")
		if err != nil || !rejected["bad"] {
			t.Errorf("rejected %v, %v", rejected, err)
		}
		p, err := s.GetProduct(t.Context(), "main", "p-0003")
		if err != nil || p.Name != "new" || p.Price != "12.50" || p.OriginNodeID != "branch" || p.Attributes != `{"tags":["a"]}` {
			t.Errorf("product %+v, %v", p, err)
		}
		if !p.UpdatedAt.After(p.CreatedAt) {
			t.Errorf("an updated product keeps created_at %s and moves updated_at %s", p.CreatedAt, p.UpdatedAt)
		}
	})
}

// TestComparisonMayBeOutOfDate: a batch of products that differed when the sides were compared, some of which do not any more.
func TestComparisonMayBeOutOfDate(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Import(t.Context(), "main", "branch", append(batch(t, 0, 5, "new").Products, batch(t, 5, 10, "old").Products...)); err != nil {
			t.Fatal(err)
		}
		row := transferring(t, s, "s1")
		differing := batch(t, 0, 12, "new")
		differing.Held = true
		if err := s.CommitBatch(t.Context(), &row, differing); err != nil {
			t.Fatal(err)
		}
		if row.Unchanged != 5 || row.Updated != 5 || row.Created != 2 {
			t.Errorf("counts %+v", row.Counts)
		}
		p, err := s.GetProduct(t.Context(), "main", "p-0007")
		if err != nil || p.Name != "new" {
			t.Errorf("product %+v, %v", p, err)
		}
		if changes := changesOf(t, s, session.ChangeQuery{SessionID: "s1", Catalog: "main"}, 5); len(changes) != 7 {
			t.Errorf("changes %+v", changes)
		}
	})
}

// TestNumberIsTaken: a worker that has lost its claim writes a batch that its successor has written already.
func TestNumberIsTaken(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Import(t.Context(), "main", "branch", batch(t, 0, 5, "old").Products); err != nil {
			t.Fatal(err)
		}
		late := transferring(t, s, "s1")
		row, ok, err := s.ClaimSession(t.Context(), late.ID, late.Fence, "main-2")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 5, "new")); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitBatch(t.Context(), &late, batch(t, 0, 5, "late")); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("a batch that is late got %v", err)
		}
		if p, err := s.GetProduct(t.Context(), "main", "p-0003"); err != nil || p.Name != "new" {
			t.Errorf("product %+v, %v", p, err)
		}
	})
}

func TestUnchangedProductIsNotWritten(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		products := batch(t, 0, 5, "same").Products
		if n, err := s.Import(t.Context(), "main", "main", products); err != nil || n != (store.Imported{Created: 5}) {
			t.Fatalf("first import %+v, %v", n, err)
		}
		before, err := s.GetProduct(t.Context(), "main", "p-0001")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Import(t.Context(), "main", "other", products); err != nil || n != (store.Imported{Unchanged: 5}) {
			t.Fatalf("second import %+v, %v", n, err)
		}
		after, err := s.GetProduct(t.Context(), "main", "p-0001")
		if err != nil || after != before {
			t.Errorf("the row changed from %+v to %+v (%v)", before, after, err)
		}
	})
}

// TestNothingIsWrittenWithoutTheClaim is the fence: whatever takes a session away from its worker, the batch that was
// already read and is about to be committed leaves no trace.
func TestNothingIsWrittenWithoutTheClaim(t *testing.T) {
	takeAway := map[string]func(context.Context, *store.Store, session.Session) error{
		"cancelled": func(ctx context.Context, s *store.Store, row session.Session) error {
			_, err := s.CancelSession(ctx, row.ID, by(""))
			return err
		},
		"claimed by another": func(ctx context.Context, s *store.Store, row session.Session) error {
			_, _, err := s.ClaimSession(ctx, row.ID, row.Fence, "main-2")
			return err
		},
		"handed back": func(ctx context.Context, s *store.Store, row session.Session) error {
			return s.ReleaseSession(ctx, claimOf(row), noJob)
		},
		"taken over": func(ctx context.Context, s *store.Store, _ session.Session) error {
			seen, _, err := s.GetSession(ctx, "s1")
			if err != nil {
				return err
			}
			return s.TakeOver(ctx, seen, noJob)
		},
		"failed": func(ctx context.Context, s *store.Store, row session.Session) error {
			return s.FinishSession(ctx, claimOf(row), session.Failure(errors.New("failed")))
		},
		"completed": func(ctx context.Context, s *store.Store, row session.Session) error {
			return s.FinishSession(ctx, claimOf(row), session.Completion("done", session.Refusals{}, 0))
		},
	}
	for name, take := range takeAway {
		t.Run(name, func(t *testing.T) {
			onMigrated(t, func(t *testing.T, s *store.Store) {
				ctx := t.Context()
				row := transferring(t, s, "s1")
				if err := s.CommitBatch(ctx, &row, batch(t, 0, 10, "x")); err != nil {
					t.Fatal(err)
				}
				if err := take(ctx, s, row); err != nil {
					t.Fatal(err)
				}
				ended := get(t, s, "s1")
				writes := map[string]error{
					"commit":    s.CommitBatch(ctx, &row, batch(t, 10, 20, "x")),
					"held":      s.Held(ctx, claimOf(row)),
					"heartbeat": s.Heartbeat(ctx, claimOf(row), session.Pulse{}),
					"waiting":   s.Waiting(ctx, claimOf(row), transfer.Wait{Reason: "x", For: 1}, session.PhaseTransferring),
					"advance":   s.Advance(ctx, claimOf(row), session.Progressed{Phase: session.PhaseVerifying}),
					"finish":    s.FinishSession(ctx, claimOf(row), session.Failure(errors.New("x"))),
					"release":   s.ReleaseSession(ctx, claimOf(row), noJob),
				}
				for write, err := range writes {
					if !errors.Is(err, transfer.ErrFenced) {
						t.Errorf("%s: %v, want ErrFenced", write, err)
					}
				}
				if n := count(t, s, "main"); n != 10 {
					t.Errorf("%d products, want the 10 of the batch before", n)
				}
				if after := get(t, s, "s1"); after.LastHeartbeatAt.Compare(*ended.LastHeartbeatAt) != 0 || after.Status != ended.Status ||
					after.BatchSeq != ended.BatchSeq || after.ErrorMessage != ended.ErrorMessage {
					t.Errorf("the row changed from %+v to %+v", ended, after)
				}
			})
		})
	}
}

// TestRepeatedCommitIsSettledByTheRow: a commit whose reply was lost is repeated by the worker, who does not know that
// it landed. Nothing may be counted twice and the worker goes on.
func TestRepeatedCommitIsSettledByTheRow(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		unknowing := row
		b := batch(t, 0, 10, "x")
		if err := s.CommitBatch(t.Context(), &row, b); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitBatch(t.Context(), &unknowing, b); err != nil {
			t.Fatalf("the repeated commit: %v", err)
		}
		if unknowing.Counts != row.Counts || unknowing.BatchSeq != 1 {
			t.Errorf("settled as %+v, want %+v", unknowing, row)
		}
		if stored := get(t, s, "s1"); stored.Created != 10 || stored.Unchanged != 0 || stored.BatchSeq != 1 {
			t.Errorf("stored %+v", stored.Counts)
		}
		if err := s.CommitBatch(t.Context(), &unknowing, batch(t, 10, 20, "x")); err != nil {
			t.Errorf("the worker cannot go on: %v", err)
		}
	})
}

// TestRepeatedEndIsSettledByTheRow: a worker whose answer was lost learns that it has completed its session; nobody else is told so.
func TestRepeatedEndIsSettledByTheRow(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		for range 2 {
			if err := s.FinishSession(t.Context(), claimOf(row), session.Completion("done", session.Refusals{}, 0)); err != nil {
				t.Fatal(err)
			}
		}
		before := claimOf(row)
		before.Fence--
		if err := s.FinishSession(t.Context(), before, session.Completion("done", session.Refusals{}, 0)); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("the worker before: %v", err)
		}
		if err := s.FinishSession(t.Context(), claimOf(row), session.Failure(errors.New("x"))); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("failed after its end: %v", err)
		}
	})
}

func TestClaimNeedsTheFenceOfItsJob(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		if _, ok, err := s.ClaimSession(t.Context(), "s1", 0, "main-2"); ok || err != nil {
			t.Errorf("an outdated job claimed the session: %v, %v", ok, err)
		}
		if err := s.ReleaseSession(t.Context(), claimOf(row), noJob); err != nil {
			t.Fatal(err)
		}
		if stored := get(t, s, "s1"); stored.Worker != "" || stored.Attempts != 0 || stored.Status != session.Transferring {
			t.Errorf("released as %+v", stored)
		}
		again, ok, err := s.ClaimSession(t.Context(), "s1", row.Fence+1, "main-2")
		if err != nil || !ok || again.Fence != row.Fence+2 || again.Worker != "main-2" {
			t.Errorf("claimed again as %+v, %v, %v", again, ok, err)
		}
	})
}

func TestWaitingIsShownAndTakenBack(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		wait := transfer.Wait{Reason: "branch answers 429", For: 60e9, Throttled: true}
		if err := s.Waiting(t.Context(), claimOf(row), wait, session.PhaseVerifying); err != nil {
			t.Fatal(err)
		}
		stored, now, err := s.GetSession(t.Context(), "s1")
		if err != nil || stored.Phase != session.PhaseThrottled || stored.WaitingUntil == nil {
			t.Fatalf("stored %+v, %v", stored, err)
		}
		if left := stored.WaitingUntil.Sub(now).Seconds(); left < 30 || left > 60 {
			t.Errorf("%f s left of 60", left)
		}
		if v := session.NewView(stored, now, session.Limits{StaleAfter: 15e9, StalledAfter: 15e9, IdleAfter: 60e9}); v.Health.Verdict != session.Throttled {
			t.Errorf("health %+v", v.Health)
		}
		if err := s.Waiting(t.Context(), claimOf(row), transfer.Wait{}, session.PhaseVerifying); err != nil {
			t.Fatal(err)
		}
		if stored := get(t, s, "s1"); stored.Phase != session.PhaseVerifying || stored.WaitingFor != "" || stored.WaitingUntil != nil {
			t.Errorf("stored %+v", stored)
		}
	})
}
