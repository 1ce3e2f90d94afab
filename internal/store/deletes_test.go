package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/transfer"
)

// statesOf returns what became of the products that a session found missing.
func statesOf(t *testing.T, s *store.Store, id string) map[string]session.DeleteState {
	t.Helper()
	rows, err := s.ListDeletes(t.Context(), id, nil, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]session.DeleteState{}
	for _, r := range rows {
		states[r.ProductID] = r.State
	}
	return states
}

// missingFrom names the products from to to-1.
func missingFrom(from, to int) (entries []catalog.Entry) {
	for i := from; i < to; i++ {
		entries = append(entries, catalog.Entry{ID: fmt.Sprintf("p-%04d", i)})
	}
	return entries
}

// TestDeletesTakeOnlyWhatWasProposedAsItWas: what came from elsewhere is not proposed, what has changed stays, and a worker that
// makes the list anew does not propose it again.
func TestDeletesTakeOnlyWhatWasProposedAsItWas(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 4, "x")); err != nil {
			t.Fatal(err)
		}
		ours := parse(t, `{"id":"p-0004","name":"ours"}`)
		if _, err := s.Import(ctx, "main", "main", []catalog.Product{ours}); err != nil {
			t.Fatal(err)
		}
		propose := func() {
			t.Helper()
			if err := s.ProposeDeletes(ctx, claimOf(row), "main", row.SourceNodeID, missingFrom(1, 5)); err != nil {
				t.Fatal(err)
			}
		}
		propose()
		n, err := s.CountDeletes(ctx, row.ID, "main", row.SourceNodeID)
		if err != nil || n.Proposed != 3 || n.Held != 4 {
			t.Errorf("%+v, %v; want 3 proposed of 4", n, err)
		}
		if _, err := s.Import(ctx, "main", row.SourceNodeID, []catalog.Product{parse(t, `{"id":"p-0002","name":"changed"}`)}); err != nil {
			t.Fatal(err)
		}
		if err := s.CommitBatch(ctx, &row, catalog.Batch{Deletes: []string{"p-0001", "p-0002"}}); err != nil || row.Deleted != 1 {
			t.Fatalf("%d deleted, %v", row.Deleted, err)
		}
		want := map[string]session.DeleteState{"p-0001": session.DeleteDone, "p-0002": session.DeleteKept, "p-0003": session.DeleteProposed}
		if got := statesOf(t, s, row.ID); !maps.Equal(got, want) {
			t.Errorf("after a batch: %v", got)
		}

		if err := s.ForgetProposals(ctx, claimOf(row)); err != nil {
			t.Fatal(err)
		}
		propose()
		if got := statesOf(t, s, row.ID); !maps.Equal(got, want) {
			t.Errorf("proposed anew: %v", got)
		}
	})
}

// TestWithheldDeletesAreCounted, also when the reply to the first try was lost, and by a worker that makes the list anew.
func TestWithheldDeletesAreCounted(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 4, "x")); err != nil {
			t.Fatal(err)
		}
		for _, count := range []int{3, 2} { // the second time by the next worker, after one is back at the source
			for _, step := range []func(context.Context, session.Claim) error{
				s.ForgetProposals,
				func(ctx context.Context, c session.Claim) error {
					return s.ProposeDeletes(ctx, c, "main", row.SourceNodeID, missingFrom(0, count))
				},
				s.WithholdDeletes, s.WithholdDeletes,
			} {
				if err := step(ctx, claimOf(row)); err != nil {
					t.Fatal(err)
				}
			}
			now, _, err := s.GetSession(ctx, row.ID)
			if err != nil || now.DeletesWithheld != int64(count) {
				t.Errorf("%d withheld, %v; want %d", now.DeletesWithheld, err, count)
			}
		}
		outdated := claimOf(row)
		outdated.Fence--
		if err := s.WithholdDeletes(ctx, outdated); !errors.Is(err, transfer.ErrFenced) {
			t.Errorf("under an outdated claim: %v", err)
		}
	})
}
