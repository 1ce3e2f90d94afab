package store_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// newest are all changes of a session, newest first, in pages of that size.
func newest(t *testing.T, s *store.Store, id string, size int) (all []session.Change) {
	t.Helper()
	before := session.ChangePosition{Batch: math.MaxInt64}
	for {
		page, err := s.ChangesBefore(t.Context(), id, before, size)
		if err != nil || len(page) > size {
			t.Fatalf("%d changes, %v", len(page), err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		before = page[len(page)-1].ChangePosition
	}
}

// TestChangesNewestFirst: the list of changes, backwards, however it is cut into pages.
func TestChangesNewestFirst(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Import(t.Context(), "main", "elsewhere", batch(t, 3, 7, "old").Products); err != nil {
			t.Fatal(err)
		}
		row := transferring(t, s, "s1")
		for _, b := range []catalog.Batch{batch(t, 0, 6, "new"), batch(t, 6, 9, "new"), batch(t, 2, 5, "newer"), batch(t, 20, 21, "new")} {
			if err := s.CommitBatch(t.Context(), &row, b); err != nil {
				t.Fatal(err)
			}
		}
		forwards := changesOf(t, s, session.ChangeQuery{}, 100)
		var want []session.ChangePosition
		for _, c := range slices.Backward(forwards) {
			want = append(want, c.ChangePosition)
		}
		for _, size := range []int{1, 2, 3, 5, 100} {
			var got []session.ChangePosition
			for _, c := range newest(t, s, "s1", size) {
				got = append(got, c.ChangePosition)
			}
			if !slices.Equal(got, want) {
				t.Errorf("in pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

// TestPageOfLargeChangesIsShort, so that it takes no more memory than a page of products.
func TestPageOfLargeChangesIsShort(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		var products []catalog.Product
		for i := range 8 {
			products = append(products, parse(t, fmt.Sprintf(`{"id":"p-%04d","name":"n","text":%q}`, i, strings.Repeat("x", 1<<20))))
		}
		if _, err := s.Import(t.Context(), "main", "elsewhere", products); err != nil {
			t.Fatal(err)
		}
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 10, "new")); err != nil {
			t.Fatal(err)
		}
		page, err := s.ChangesBefore(t.Context(), "s1", session.ChangePosition{Batch: math.MaxInt64}, 100)
		if err != nil || len(page) > 7 || page[0].ProductID != "p-0009" {
			t.Errorf("%d changes in a page, %v", len(page), err)
		}
		if all := newest(t, s, "s1", 100); len(all) != 10 {
			t.Errorf("%d changes in all", len(all))
		}
	})
}

// TestForgottenChangesAreNoEmptyPage: a revert whose session's changes expire meanwhile must not believe that it has reached the end.
func TestForgottenChangesAreNoEmptyPage(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 3, "new")); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishSession(t.Context(), claimOf(row), session.Ending{Status: session.Completed}); err != nil {
			t.Fatal(err)
		}
		backdate(t, s, "sync_sessions", "completed_at", 2)
		if found, err := s.PruneChanges(t.Context(), time.Hour); err != nil || !found {
			t.Fatal(found, err)
		}
		if _, err := s.ChangesBefore(t.Context(), "s1", session.ChangePosition{Batch: math.MaxInt64}, 10); fault.CodeOf(err) != "CHANGES_NOT_KEPT" {
			t.Errorf("the page: %v", err)
		}
		if _, err := s.CreateSession(t.Context(), revertRow("r1", "s1"), plainly()); fault.CodeOf(err) != "CHANGES_NOT_KEPT" {
			t.Errorf("the start: %v", err)
		}
		if _, _, err := s.GetSession(t.Context(), "r1"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the revert exists: %v", err)
		}
	})
}

// revertRow is a revert as a start makes it.
func revertRow(id, of string) session.Session {
	row := prepared(id, "main")
	row.Direction, row.RevertOf, row.PeerID, row.SourceNodeID = session.Revert, of, "", "main"
	row.TotalRecords = new(int64(10))
	return row
}

// reverting is how the cancel of a session begins its revert, with that id.
func reverting(id string) syncer.Reverting {
	return syncer.Reverting{Row: func(old session.Session) session.Session { return revertRow(id, old.ID) }, Enqueue: noJob}
}

// TestRestores: what is put back has its origin and the time of its creation again, also where the stored hash was not to be believed. What
// is not what the session left stays.
func TestRestores(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if _, err := s.Import(ctx, "main", "elsewhere", batch(t, 0, 4, "old").Products); err != nil {
			t.Fatal(err)
		}
		backdate(t, s, "products", "created_at", 3)
		before := heldIn(t, s)
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 1, 6, "new")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.EditProducts(ctx, "main", "main", nil); !errors.As(err, new(*syncer.OccupiedError)) {
			t.Fatal(err)
		}
		if ok, err := s.CancelAndRevert(ctx, "s1", by(""), reverting("r1")); err != nil || !ok {
			t.Fatal(ok, err)
		}
		// 1 is distrusted, and what the session left; 2 was changed; 4 is gone; 5 was changed and is distrusted.
		for _, change := range []string{
			"UPDATE products SET name = 'x' WHERE id = 'p-0001'", "UPDATE products SET name = 'new' WHERE id = 'p-0001'",
			"UPDATE products SET name = 'other' WHERE id = 'p-0002'", "DELETE FROM products WHERE id = 'p-0004'",
			"UPDATE products SET attributes = '{ }' WHERE id = 'p-0005'",
		} {
			if _, err := s.SQL().ExecContext(ctx, change); err != nil {
				t.Fatal(err)
			}
		}
		back, ok, err := s.ClaimSession(ctx, "r1", 0, "main-1")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := s.Advance(ctx, claimOf(back), session.Progressed{Status: session.Transferring}); err != nil {
			t.Fatal(err)
		}
		var restores []catalog.Restore
		for _, c := range newest(t, s, "s1", 100) {
			restores = append(restores, catalog.Restore{ID: c.ProductID, Before: c.Before, After: c.HashAfter})
		}
		if err := s.CommitBatch(ctx, &back, catalog.Batch{Restores: restores}); err != nil {
			t.Fatal(err)
		}
		after := heldIn(t, s)
		for _, id := range []string{"p-0000", "p-0001", "p-0003"} {
			got := after[id]
			if id != "p-0000" && !got.UpdatedAt.After(got.CreatedAt) {
				t.Errorf("%s was written at %s", id, got.UpdatedAt)
			}
			got.UpdatedAt = before[id].UpdatedAt
			if got != before[id] {
				t.Errorf("%s is %+v, want %+v", id, got, before[id])
			}
		}
		if after["p-0002"].Name != "other" || after["p-0005"].Attributes != "{ }" || len(after) != 5 {
			t.Errorf("the catalog holds %+v", after)
		}
		if back.Updated != 2 || back.Rejected != 2 || back.Unchanged != 1 || back.Deleted != 0 || back.Created != 0 || back.Handled() != 5 {
			t.Errorf("counts %+v", back.Counts)
		}
		if stored := get(t, s, "r1"); !reflect.DeepEqual(stored.Counts, back.Counts) || !stored.KeepsChanges() {
			t.Errorf("stored %+v", stored)
		}
		if d := digestIn(t, s, "p-0001"); !d {
			t.Error("what was put back is not believed")
		}
	})
}

// digestIn says whether a product has a digest.
func digestIn(t *testing.T, s *store.Store, id string) (has bool) {
	t.Helper()
	if err := s.SQL().QueryRowContext(t.Context(), "SELECT digest IS NOT NULL FROM products WHERE id = '"+id+"'").Scan(&has); err != nil {
		t.Fatal(err)
	}
	return has
}

// TestCancelAndRevertIsOneMoment: however many ask for it, there is one revert, and nothing slips in before it.
func TestCancelAndRevertIsOneMoment(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		row := transferring(t, s, "s1")
		if err := s.CommitBatch(ctx, &row, batch(t, 0, 5, "new")); err != nil {
			t.Fatal(err)
		}
		const askers = 8
		done := make(chan error, askers)
		for i := range askers {
			go func() {
				if i%2 > 0 {
					_, err := s.CreateSession(ctx, prepared(fmt.Sprint("other", i), "main"), plainly())
					done <- err
					return
				}
				_, err := s.CancelAndRevert(ctx, "s1", by(""), reverting(fmt.Sprint("r", i)))
				done <- err
			}()
		}
		for range askers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		status, _, err := s.CatalogStatus(ctx, "main")
		if err != nil {
			t.Fatal(err)
		}
		old := get(t, s, "s1")
		for _, one := range status {
			if one.Status.Active() && (one.ID != old.RevertedBy || one.RevertOf != "s1") {
				t.Errorf("active is %+v", one)
			}
		}
		if old.Status != session.Cancelled || old.RevertedBy == "" {
			t.Errorf("the session: %+v", old)
		}
		// The revert ends, another session begins: now it is too late for one that was cancelled without a revert.
		if _, err := s.CancelSession(ctx, old.RevertedBy, by("")); err != nil {
			t.Fatal(err)
		}
		row = transferring(t, s, "s2")
		if err := s.CommitBatch(ctx, &row, batch(t, 10, 15, "new")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CancelSession(ctx, "s2", by("")); err != nil {
			t.Fatal(err)
		}
		transferring(t, s, "s3")
		var occupied *syncer.OccupiedError
		if _, err := s.CancelAndRevert(ctx, "s2", by(""), reverting("late")); !errors.As(err, &occupied) || occupied.Row.ID != "s3" {
			t.Errorf("too late: %v", err)
		}
		if ok, err := s.CancelAndRevert(ctx, "s3", by(""), reverting("none")); err != nil || !ok || get(t, s, "s3").RevertedBy != "" {
			t.Errorf("of a session that has changed nothing: %v %v", ok, err)
		}
		if ok, err := s.CancelAndRevert(ctx, "unknown", by(""), reverting("none")); err != nil || ok {
			t.Errorf("of an unknown one: %v %v", ok, err)
		}
	})
}
