package store_test

import (
	"errors"
	"fmt"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/transfer"
)

// refusing is a batch of ten products from the given one on, and count rejects beside them.
func refusing(t *testing.T, from, count int) catalog.Batch {
	t.Helper()
	b := batch(t, from, from+10, "x")
	for i := range count {
		b.Rejects = append(b.Rejects, catalog.Reject{ID: fmt.Sprintf("bad-%d-%d", from, i), Reason: "name is required"})
	}
	return b
}

// rejectsOf returns the rejects of a session, read in pages of that size.
func rejectsOf(t *testing.T, s *store.Store, id string, size int) (all []session.Reject) {
	t.Helper()
	for after := int64(0); len(all) <= 100; { // more than any of these sessions has
		page, err := s.ListRejects(t.Context(), id, after, size)
		if err != nil || len(page) > size {
			t.Fatalf("%d rejects, at most %d were asked for, %v", len(page), size, err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].Number
	}
	t.Fatal("the pages do not come to an end")
	return nil
}

// TestRejectsAreListedInOrderWhileMoreCome reads page by page while batches are committed: nothing is missed, nothing comes
// twice, and what was read does not change.
func TestRejectsAreListedInOrderWhileMoreCome(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(t.Context(), &row, refusing(t, 0, 7)); err != nil {
			t.Fatal(err)
		}
		first, err := s.ListRejects(t.Context(), "s1", 0, 4)
		if err != nil || len(first) != 4 {
			t.Fatalf("%d rejects, %v", len(first), err)
		}
		odd := catalog.Batch{Cursor: batch(t, 10, 11, "x").Cursor, Rejects: []catalog.Reject{
			{Reason: "id is required"}, {ID: "'; DROP TABLE products; --\u202e<b>", Reason: "it's \"odd\" \\ 100%"},
		}}
		for _, b := range []catalog.Batch{odd, refusing(t, 20, 5)} {
			if err := s.CommitBatch(t.Context(), &row, b); err != nil {
				t.Fatal(err)
			}
		}
		all := rejectsOf(t, s, "s1", 4)
		for i, r := range all {
			if r.Number != int64(i+1) || r.SessionID != "s1" || i < 4 && r != first[i] {
				t.Errorf("reject %d is %+v", i, r)
			}
		}
		if len(all) != 14 || row.Rejected != 14 || all[7].ProductID != "" || all[7].Reason != "id is required" ||
			all[8].ProductID != odd.Rejects[1].ID || all[8].Reason != odd.Rejects[1].Reason || all[13].ProductID != "bad-20-4" {
			t.Errorf("%d rejects: %+v", len(all), all)
		}
		if other := rejectsOf(t, s, "s2", 4); other != nil {
			t.Errorf("another session has %+v", other)
		}
	})
}

func TestRejectsOfABatchThatWasNotCommittedAreNotKept(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(t.Context(), &row, refusing(t, 0, 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CancelSession(t.Context(), "s1", by("")); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitBatch(t.Context(), &row, refusing(t, 10, 3)); !errors.Is(err, transfer.ErrFenced) {
			t.Fatal(err)
		}
		if all := rejectsOf(t, s, "s1", 10); len(all) != 2 {
			t.Errorf("kept %+v", all)
		}
	})
}

// TestRejectsGoWithTheirSession: nothing else ever deletes them.
func TestRejectsGoWithTheirSession(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for _, id := range []string{"s1", "s2"} {
			row := transferring(t, s, id)
			if err := s.CommitBatch(ctx, &row, refusing(t, 0, 3)); err != nil {
				t.Fatal(err)
			}
			if err := s.FinishSession(ctx, claimOf(row), session.Completion("done", session.Refusals{}, 0)); err != nil {
				t.Fatal(err)
			}
		}
		backdate(t, s, "sync_sessions", "completed_at", 2)
		backdate(t, s, "sync_sessions", "started_at", 2)
		if n, err := s.PruneSessions(ctx, 3600e9, 1); n != 1 || err != nil {
			t.Fatalf("%d pruned, %v", n, err)
		}
		if old, kept := rejectsOf(t, s, "s1", 10), rejectsOf(t, s, "s2", 10); len(old) != 0 || len(kept) != 3 {
			t.Errorf("%d of the deleted session, %d of the other one", len(old), len(kept))
		}
	})
}

// TestRefusalsAreCountedAsFarAsTheyLieBehindTheCursor, by the commonest reason: what belongs to the product does not make another
// one, and what was refused before a resumed session began anew does not count.
func TestRefusalsAreCountedAsFarAsTheyLieBehindTheCursor(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		// Each session goes on from the one before it; the third one began anew.
		behind := map[string]int64{"s1": 0, "s2": 12, "s3": 0, "s4": 12, "s5": 24}
		before := ""
		for _, id := range []string{"s1", "s2", "s3", "s4", "s5"} {
			row := prepared(id, "main")
			row.ResumedFrom, row.ResumedRecords = before, behind[id]
			if c, err := s.CreateSession(ctx, row, plainly()); err != nil || !c.OK {
				t.Fatal(c, err)
			}
			row, ok, err := s.ClaimSession(ctx, id, 0, "main-1")
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if err := s.Advance(ctx, claimOf(row), session.Progressed{Status: session.Transferring}); err != nil {
				t.Fatal(err)
			}
			b := batch(t, 0, 1, "x")
			for _, reason := range []string{
				"price must be a decimal such as 12.50, not \"" + id + `"`, "the line is not valid JSON at byte 7 of " + id, `price must be a decimal such as 12.50, not "12,50"`,
				"name is required",
			} {
				b.Rejects = append(b.Rejects, catalog.Reject{ID: "r", Reason: reason})
			}
			if err := s.CommitBatch(ctx, &row, b); err != nil {
				t.Fatal(err)
			}
			if err := s.FinishSession(ctx, claimOf(row), session.Failure(errors.New("x"))); err != nil {
				t.Fatal(err)
			}
			before = id
		}
		const price = "price must be a decimal such as 12.50"
		for id, want := range map[string]session.Refusals{
			"s1": {Count: 4, Reason: price, Times: 2},
			"s2": {Count: 8, Reason: price, Times: 4},
			"s3": {Count: 4, Reason: price, Times: 2},
			"s5": {Count: 12, Reason: price, Times: 6},
			"s6": {},
		} {
			if got, err := s.Refusals(ctx, id); err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", id, got, err, want)
			}
		}
	})
}
