package store_test

import (
	"testing"

	"fullsync/internal/store"
)

// TestClaimKeepsTheTimeWorkedBefore: the time of each worker counts from its claim to its last commit, and what lies between
// two workers counts for nobody.
func TestClaimKeepsTheTimeWorkedBefore(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 10, "x")); err != nil {
			t.Fatal(err)
		}
		// The first worker came three hours ago and committed last two hours ago.
		backdate(t, s, "sync_sessions", "claimed_at", 3)
		backdate(t, s, "sync_sessions", "last_commit_at", 2)
		first := get(t, s, "s1")
		worked := first.Worked().Milliseconds()
		if worked < 3600_000 {
			t.Fatalf("%d ms worked, not an hour", worked)
		}
		if err := s.ReleaseSession(ctx, claimOf(row), noJob); err != nil {
			t.Fatal(err)
		}

		// The second one is lost before it commits anything, and the third one commits.
		second, ok, err := s.ClaimSession(ctx, "s1", get(t, s, "s1").Fence, "main-2")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if second.WorkedBeforeMS != worked || !second.ClaimedAt.After(*second.LastCommitAt) || second.Worked().Milliseconds() != worked {
			t.Errorf("claimed with %d ms at %s, want %d and the time of the claim", second.WorkedBeforeMS, second.ClaimedAt, worked)
		}
		if err := s.TakeOver(ctx, get(t, s, "s1"), noJob); err != nil {
			t.Fatal(err)
		}
		third, ok, err := s.ClaimSession(ctx, "s1", get(t, s, "s1").Fence, "main-3")
		if err != nil || !ok || third.WorkedBeforeMS != worked {
			t.Fatalf("claimed with %d ms, want %d: %v, %v", third.WorkedBeforeMS, worked, ok, err)
		}
		if err := s.CommitBatch(ctx, &third, batch(t, 10, 20, "x")); err != nil {
			t.Fatal(err)
		}
		backdate(t, s, "sync_sessions", "claimed_at", 1)
		after := get(t, s, "s1")
		if want := after.LastCommitAt.Sub(*after.ClaimedAt).Milliseconds() + worked; after.Worked().Milliseconds() != want {
			t.Errorf("%s worked in all, want %d ms", after.Worked(), want)
		}
	})
}

func TestClaimUnderAnOutdatedFenceChangesNothing(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		transferring(t, s, "s1")
		before := get(t, s, "s1")
		for _, fence := range []int64{before.Fence - 1, before.Fence + 1} {
			if _, ok, err := s.ClaimSession(t.Context(), "s1", fence, "main-2"); ok || err != nil {
				t.Errorf("claimed under fence %d: %v, %v", fence, ok, err)
			}
		}
		if after := get(t, s, "s1"); after.Worker != before.Worker || !after.ClaimedAt.Equal(*before.ClaimedAt) {
			t.Errorf("changed from %+v to %+v", before, after)
		}
	})
}
