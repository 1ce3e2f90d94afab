package store_test

import (
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// TestSignsOfTheSourceAreKeptByTheDatabasesTime: a worker says how long the source has been silent, never at what time it spoke.
func TestSignsOfTheSourceAreKeptByTheDatabasesTime(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		silentFor := func(want time.Duration) {
			t.Helper()
			stored, now, err := s.GetSession(ctx, "s1")
			if err != nil || stored.LastSourceAt == nil {
				t.Fatalf("no sign is kept: %+v, %v", stored, err)
			}
			// What passes between the write and this look is added.
			if silent := now.Sub(*stored.LastSourceAt); silent < want || silent > want+time.Minute {
				t.Errorf("silent for %s, want %s", silent, want)
			}
		}
		if stored := get(t, s, "s1"); stored.LastSourceAt != nil {
			t.Errorf("a sign before the first one: %s", stored.LastSourceAt)
		}
		hour := time.Hour + 250*time.Millisecond
		if err := s.Heartbeat(ctx, claimOf(row), session.Pulse{Silent: &hour}); err != nil {
			t.Fatal(err)
		}
		silentFor(hour)
		if err := s.Heartbeat(ctx, claimOf(row), session.Pulse{}); err != nil {
			t.Fatal(err)
		}
		silentFor(hour) // no news
		row.Pulse.Silent = new(10 * time.Minute)
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 10, "x")); err != nil {
			t.Fatal(err)
		}
		silentFor(10 * time.Minute)
		row.Pulse.Silent = nil
		if err := s.CommitBatch(ctx, &row, batch(t, 10, 20, "x")); err != nil {
			t.Fatal(err)
		}
		silentFor(10 * time.Minute)
	})
}

// TestMarksFollowTheWork: the claim sets them, and a batch moves them when it is time.
func TestMarksFollowTheWork(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		marks := func(when string, mark, next session.Mark) session.Session {
			t.Helper()
			stored := get(t, s, "s1")
			if stored.Mark.At == nil || stored.NextMark.At == nil {
				t.Fatalf("%s: no times", when)
			}
			got := [2]session.Mark{stored.Mark, stored.NextMark}
			got[0].At, got[1].At = nil, nil
			if got != [2]session.Mark{mark, next} || stored.MarksFence != stored.Fence {
				t.Errorf("%s: marks %+v of fence %d, want %+v and %+v", when, got, stored.MarksFence, mark, next)
			}
			return stored
		}
		commit := func(from int, mark bool) {
			t.Helper()
			b := batch(t, from, from+10, "x")
			b.Rejects = []catalog.Reject{{ID: "bad", Reason: "name is required"}}
			row.Pulse.Mark = mark
			if err := s.CommitBatch(ctx, &row, b); err != nil {
				t.Fatal(err)
			}
		}
		claimed := marks("claimed", session.Mark{}, session.Mark{})
		commit(0, false)
		if stored := marks("too early for a mark", session.Mark{}, session.Mark{}); !stored.Mark.At.Equal(*claimed.Mark.At) {
			t.Error("a batch has moved the time of the mark")
		}
		commit(10, true)
		first := session.Mark{Batches: 2, Handled: 22, Bytes: 2000}
		marks("the first one", session.Mark{}, first)
		commit(20, false)
		commit(30, true)
		stored := marks("the second one", first, session.Mark{Batches: 4, Handled: 44, Bytes: 4000})
		if stored.NextMark.At.Before(*stored.Mark.At) || stored.LastCommitAt.Before(*stored.Mark.At) {
			t.Errorf("marks of %s and %s, last commit at %s", stored.Mark.At, stored.NextMark.At, stored.LastCommitAt)
		}

		// The next worker begins anew.
		if err := s.ReleaseSession(ctx, claimOf(row), noJob); err != nil {
			t.Fatal(err)
		}
		if released := get(t, s, "s1"); released.MarksFence == released.Fence {
			t.Error("the marks of the worker before count on")
		}
		if _, ok, err := s.ClaimSession(ctx, "s1", get(t, s, "s1").Fence, "main-2"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		here := session.Mark{Batches: 4, Handled: 44, Bytes: 4000}
		marks("claimed again", here, here)
	})
}
