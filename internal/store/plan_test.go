package store_test

import (
	"errors"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/transfer"
)

// planning begins a dry run.
func planning(t *testing.T, s *store.Store) session.Session {
	t.Helper()
	row := transferring(t, s, "s1")
	row.Options.DryRun = true
	if err := s.Work().Model(&row).Select("options").Updates(&row).Error; err != nil {
		t.Fatal(err)
	}
	return row
}

// TestPlansAreShort: a dry run lists only so many changes, and counts all of them.
func TestPlansAreShort(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if _, err := s.Import(ctx, "main", "branch", batch(t, 0, 40, "old").Products); err != nil {
			t.Fatal(err)
		}
		for limit, want := range map[int64]int{0: 0, 15: 15, 25: 25, 35: 35, 100: 40} {
			row := planning(t, s)
			s.LimitPlans(limit)
			var missing []string
			for _, e := range missingFrom(20, 40) {
				missing = append(missing, e.ID)
			}
			if err := s.ProposeDeletes(ctx, claimOf(row), "main", "branch", missingFrom(20, 40)); err != nil {
				t.Fatal(err)
			}
			for _, b := range []catalog.Batch{batch(t, 0, 20, "new"), {Deletes: missing[:10]}, {Deletes: missing[10:]}} {
				if err := s.CommitBatch(ctx, &row, b); err != nil {
					t.Fatal(err)
				}
			}
			if got := len(changesOf(t, s, session.ChangeQuery{}, 100)); got != want || row.Updated != 20 || row.Deleted != 20 {
				t.Errorf("limit %d: %d changes, counted %+v", limit, got, row.Counts)
			}
			if _, err := s.SQL().ExecContext(ctx, "DELETE FROM sync_sessions"); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, s, "main"); n != 40 {
			t.Errorf("%d products are left", n)
		}
	})
}

// TestPreviousVersionMakesNoDryRun: a replica of the previous version would write the products of a dry run. Its batches come to nothing.
func TestPreviousVersionMakesNoDryRun(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := planning(t, s)
		unknowing := row
		unknowing.Options.DryRun, unknowing.ChangesThrough = false, -1
		if err := s.CommitBatch(t.Context(), &unknowing, batch(t, 0, 3, "x")); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("its batch: %v", err)
		}
		if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 3, "x")); err != nil || row.Created != 3 {
			t.Errorf("the batch of this version: %v", err)
		}
		if n := count(t, s, "main"); n != 0 {
			t.Errorf("%d products are written", n)
		}
	})
}
