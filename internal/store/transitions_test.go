package store_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/internal/events"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// changesSince returns what the database tells of, and checks that it is in order.
func changesSince(t *testing.T, s *store.Store, since int64, ids ...string) events.Changes {
	t.Helper()
	found, err := s.Changes(t.Context(), since, ids)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(found.Transitions, func(a, b events.Transition) int { return int(a.Seq - b.Seq) }) {
		t.Errorf("out of order: %+v", found.Transitions)
	}
	return found
}

// moves renders transitions as "session STATUS".
func moves(all []events.Transition) (told []string) {
	for _, tr := range all {
		told = append(told, tr.SessionID+" "+string(tr.Status))
	}
	return told
}

// TestEveryWayOfChangingAStatusIsLogged takes sessions through every write that changes a status.
func TestEveryWayOfChangingAStatusIsLogged(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "done")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 3, "x")); err != nil {
			t.Fatal(err)
		}
		if err := s.Heartbeat(ctx, claimOf(row), session.Pulse{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Advance(ctx, claimOf(row), session.Progressed{Phase: session.PhaseVerifying}); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishSession(ctx, claimOf(row), session.Completion("", session.Refusals{}, 0)); err != nil {
			t.Fatal(err)
		}
		transferring(t, s, "cancelled")
		if ok, err := s.CancelSession(ctx, "cancelled", by("")); !ok || err != nil {
			t.Fatal(ok, err)
		}
		lost := transferring(t, s, "lost")
		if err := s.FailLost(ctx, get(t, s, lost.ID), session.Failure(errors.New("lost"))); err != nil {
			t.Fatal(err)
		}
		transferring(t, s, "replaced")
		how := plainly()
		how.Replace = &syncer.Cancellation{By: "alice"}
		if c, err := s.CreateSession(ctx, prepared("next", "main"), how); !c.OK || err != nil {
			t.Fatal(c, err)
		}
		// What comes to nothing is not logged: a start that loses, a cancel that comes late, a worker without its claim.
		if c, err := s.CreateSession(ctx, prepared("loser", "main"), plainly()); c.OK || err != nil {
			t.Fatal(c, err)
		}
		if ok, err := s.CancelSession(ctx, "done", by("")); ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := s.FinishSession(ctx, claimOf(row), session.Failure(errors.New("x"))); err == nil {
			t.Fatal("a finished session ended again")
		}

		found := changesSince(t, s, 0)
		want := []string{
			"done PREPARING", "done TRANSFERRING", "done COMPLETED",
			"cancelled PREPARING", "cancelled TRANSFERRING", "cancelled CANCELLED",
			"lost PREPARING", "lost TRANSFERRING", "lost FAILED",
			"replaced PREPARING", "replaced TRANSFERRING", "replaced CANCELLED", "next PREPARING",
		}
		if told := moves(found.Transitions); !slices.Equal(told, want) {
			t.Errorf("logged\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		for _, tr := range found.Transitions {
			if age := found.Now.Sub(tr.At); tr.Catalog != "main" || age < 0 || age > time.Hour {
				t.Errorf("%+v, at the database's time %s", tr, found.Now)
			}
		}
	})
}

// TestChangesShowsWhatIsActiveAndWhatWasAskedFor, each once and as it is.
func TestChangesShowsWhatIsActiveAndWhatWasAskedFor(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if found := changesSince(t, s, 0, "unknown"); len(found.Sessions)+len(found.Transitions) > 0 {
			t.Errorf("an empty database tells of %+v", found)
		}
		for _, id := range []string{"earlier", "newer"} { // in this order also where they start in the same millisecond
			transferring(t, s, id)
			if ok, err := s.CancelSession(t.Context(), id, by("")); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		transferring(t, s, "active")
		all := changesSince(t, s, 0)
		last := all.Transitions[len(all.Transitions)-1].Seq
		for _, c := range []struct {
			since int64
			ids   []string
			want  []string
		}{
			{last, nil, []string{"active"}},
			{last, []string{"earlier", "active", "unknown"}, []string{"active", "earlier"}},
			{last - 3, nil, []string{"active", "newer"}},
			{0, nil, []string{"active", "earlier", "newer"}},
		} {
			found := changesSince(t, s, c.since, c.ids...)
			var ids []string
			for _, row := range found.Sessions {
				ids = append(ids, row.ID)
				if stored := get(t, s, row.ID); stored.Status != row.Status || stored.Options != row.Options || !stored.StartedAt.Equal(row.StartedAt) ||
					*stored.TotalRecords != *row.TotalRecords || !stored.LastHeartbeatAt.Equal(*row.LastHeartbeatAt) {
					t.Errorf("%s is shown as %+v, stored as %+v", row.ID, row, stored)
				}
			}
			if slices.Sort(ids); !slices.Equal(ids, c.want) {
				t.Errorf("since %d with %v: %v, want %v", c.since, c.ids, ids, c.want)
			}
		}
		state, err := s.State(t.Context(), 2)
		if err != nil || !slices.Equal(state.Recent, []int64{last - 1, last}) || len(state.Sessions) != 2 {
			t.Fatalf("%+v, %v", state, err)
		}
		for _, row := range state.Sessions {
			if row.ID == "earlier" {
				t.Error("of the catalog's finished sessions not the last one is shown")
			}
		}
	})
}

// TestTransitionsGoWithTheirSessions, as pruning the history wants it; their numbers are not given again.
func TestTransitionsGoWithTheirSessions(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		transferring(t, s, "s1")
		if ok, err := s.CancelSession(t.Context(), "s1", by("")); !ok || err != nil {
			t.Fatal(ok, err)
		}
		before := changesSince(t, s, 0).Transitions
		if _, err := s.SQL().ExecContext(t.Context(), "DELETE FROM sync_sessions WHERE id = 's1'"); err != nil {
			t.Fatal(err)
		}
		if found := changesSince(t, s, 0, "s1"); len(found.Transitions)+len(found.Sessions) > 0 {
			t.Errorf("left over: %+v", found)
		}
		transferring(t, s, "s2")
		if found := changesSince(t, s, 0).Transitions; found[0].Seq <= before[len(before)-1].Seq {
			t.Errorf("number %d was given twice", found[0].Seq)
		}
	})
}

// TestNumbersMayCommitOutOfOrder: on PostgreSQL a transaction takes its number when it changes the status, and another that
// came later commits first. Whoever is subscribed is told of both, each once, and its last id is good for a reconnect at
// any moment.
func TestNumbersMayCommitOutOfOrder(t *testing.T) {
	t.Parallel()
	s := openStore(t, store.Options{URL: postgrestest.NewDatabase(t), Workers: 2})
	migrate(t, s)
	for _, id := range []string{"first", "second"} {
		if c, err := s.CreateSession(t.Context(), prepared(id, id), plainly()); !c.OK || err != nil {
			t.Fatal(c, err)
		}
	}
	hub := events.NewHub(events.Config{
		Tick: time.Millisecond, Logger: slog.New(slog.DiscardHandler), Encode: func(e events.Event) []byte {
			if e.Type != events.TypeStatus {
				return nil
			}
			return []byte(e.ID + " " + e.Transition.SessionID)
		},
	}, s)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go hub.Run(ctx)
	sub, err := hub.Subscribe(ctx, events.Want{})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	next := func() string {
		for {
			select {
			case e := <-sub.Events():
				if e != nil {
					return string(e)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("waited 30 s for an event")
			}
		}
	}

	slow, err := s.SQL().BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Rollback() //nolint:errcheck // committed below
	// As long as it takes here, PostgreSQL would end it as that of a frozen process.
	if _, err := slow.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	if _, err := slow.ExecContext(ctx, "UPDATE sync_sessions SET status = 'FAILED' WHERE id = 'first'"); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.CancelSession(ctx, "second", by("")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if told := next(); told != "4.3 second" {
		t.Errorf("told %q", told)
	}
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	if told := next(); told != "4 first" {
		t.Errorf("told %q", told)
	}
	after, err := events.ParsePosition("4.3")
	if err != nil {
		t.Fatal(err)
	}
	again, err := hub.Subscribe(ctx, events.Want{After: &after})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if first := again.First(); len(first) != 2 || string(first[0]) != "4 first" {
		t.Errorf("after a reconnect in between: %q", first)
	}
}
