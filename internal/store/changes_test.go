package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// changesOf lists the changes of a session in pages of that size.
func changesOf(t *testing.T, s *store.Store, q session.ChangeQuery, size int) (all []session.Change) {
	t.Helper()
	q.SessionID, q.Catalog, q.Limit = "s1", "main", size
	for {
		page, err := s.ListChanges(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < size {
			return all
		}
		q.After = page[size-1].ChangePosition
	}
}

// TestChangesAreWrittenDown: created, updated and deleted products, in the order of the batches, each with what was there before.
func TestChangesAreWrittenDown(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if _, err := s.Import(ctx, "main", "elsewhere", batch(t, 3, 6, "old").Products); err != nil {
			t.Fatal(err)
		}
		before := heldIn(t, s)
		row := transferring(t, s, "s1")
		commit := func(b catalog.Batch) {
			t.Helper()
			if err := s.CommitBatch(ctx, &row, b); err != nil {
				t.Fatal(err)
			}
		}
		commit(batch(t, 5, 6, "old")) // 1: unchanged
		commit(batch(t, 0, 5, "new")) // 2: 0 to 2 created, 3 and 4 updated
		commit(batch(t, 6, 8, "new")) // 3: all created
		again := batch(t, 0, 1, "newer")
		again.Again = true
		between := heldIn(t, s)
		commit(again) // 4: what the verification found different
		if err := s.ProposeDeletes(ctx, claimOf(row), "main", row.SourceNodeID, missingFrom(7, 8)); err != nil {
			t.Fatal(err)
		}
		commit(catalog.Batch{Deletes: []string{"p-0007"}}) // 5

		var want []session.Change
		add := func(batch int64, i int, kind session.ChangeKind, was, is map[string]catalog.Stored) {
			id := fmt.Sprintf("p-%04d", i)
			c := session.Change{SessionID: "s1", ChangePosition: session.ChangePosition{Batch: batch, ProductID: id}, Kind: kind}
			if p, ok := was[id]; ok {
				c.Before = &p
			}
			if p, ok := is[id]; ok {
				p.CreatedAt, p.UpdatedAt = time.Time{}, time.Time{}
				if c.HashAfter = p.Hash; kind == session.ChangeCreated {
					c.HashAfter = catalog.Short(p.Hash)
				} else {
					c.After = &p
				}
			}
			want = append(want, c)
		}
		after := heldIn(t, s)
		for i := range 3 {
			add(2, i, session.ChangeCreated, nil, between)
		}
		for i := 3; i < 5; i++ {
			add(2, i, session.ChangeUpdated, before, after)
		}
		for i := 6; i < 8; i++ {
			add(3, i, session.ChangeCreated, nil, between)
		}
		add(4, 0, session.ChangeUpdated, between, after)
		add(5, 7, session.ChangeDeleted, between, nil)
		for _, size := range []int{1, 2, 3, 100} {
			if got := changesOf(t, s, session.ChangeQuery{}, size); !reflect.DeepEqual(got, want) {
				t.Errorf("in pages of %d:\n%+v, want\n%+v", size, got, want)
			}
		}
		for _, c := range []struct {
			q    session.ChangeQuery
			want []string
		}{
			{session.ChangeQuery{Kind: session.ChangeUpdated}, []string{"p-0003", "p-0004", "p-0000"}},
			{session.ChangeQuery{Kind: session.ChangeDeleted}, []string{"p-0007"}},
			{session.ChangeQuery{Kind: session.ChangeCreated, Text: "P-0006"}, []string{"p-0006"}},
			{session.ChangeQuery{Text: "OLD"}, []string{"p-0003", "p-0004"}},
			{session.ChangeQuery{Text: "newer"}, []string{"p-0000"}},
			{session.ChangeQuery{Text: "-0000"}, []string{"p-0000", "p-0000"}},
			{session.ChangeQuery{Text: "p.0000"}, nil},
		} {
			for _, size := range []int{1, 100} {
				var got []string
				for _, one := range changesOf(t, s, c.q, size) {
					got = append(got, one.ProductID)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%+v finds %v, want %v", c.q, got, c.want)
				}
			}
		}
		if stored := get(t, s, "s1"); !stored.KeepsChanges() || !row.KeepsChanges() {
			t.Errorf("batch %d, changes through %d", stored.BatchSeq, stored.ChangesThrough)
		}
	})
}

// heldIn returns what the catalog main holds, by id.
func heldIn(t *testing.T, s *store.Store) map[string]catalog.Stored {
	t.Helper()
	all, err := s.ListProducts(t.Context(), "main", "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]catalog.Stored{}
	for _, p := range all {
		byID[p.ID] = p
	}
	return byID
}

// TestNoAccountIsBetterThanHalfOfOne: where a replica of the previous version committed a batch, the session has no changes any more, and
// nor has one that was begun by a node that keeps none.
func TestNoAccountIsBetterThanHalfOfOne(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1")
		for i := range 3 {
			if err := s.CommitBatch(t.Context(), &row, batch(t, i, i+1, "x")); err != nil {
				t.Fatal(err)
			}
			if row.KeepsChanges() != (i == 0) {
				t.Errorf("after batch %d: through %d of %d", i+1, row.ChangesThrough, row.BatchSeq)
			}
			if _, err := s.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET batch_seq = 2 WHERE batch_seq = 1"); err != nil {
				t.Fatal(err)
			}
			row.BatchSeq = max(row.BatchSeq, 2)
		}
		if n := len(changesOf(t, s, session.ChangeQuery{}, 10)); n != 1 {
			t.Errorf("%d changes are written down, want those of the first batch alone", n)
		}
	})
}

// TestPagesOfChangesReadOnlyTheirOwn, however much more the session has created: PostgreSQL sends all that a statement selects.
func TestPagesOfChangesReadOnlyTheirOwn(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if s.Listener() == nil {
			t.Skip("SQLite reads no row before it is asked for")
		}
		row := transferring(t, s, "s1")
		const batches, size = 40, 5
		for i := range batches {
			if err := s.CommitBatch(ctx, &row, batch(t, i*size, (i+1)*size, "new")); err != nil {
				t.Fatal(err)
			}
		}
		for _, statement := range []string{
			"ALTER TABLE sync_creations RENAME TO kept_creations", "CREATE SEQUENCE seen",
			"CREATE VIEW sync_creations AS SELECT * FROM kept_creations WHERE nextval('seen') > 0",
		} {
			if _, err := s.SQL().ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		ask := map[string]func(at session.ChangePosition) ([]session.Change, error){
			"listed": func(at session.ChangePosition) ([]session.Change, error) {
				return s.ListChanges(ctx, session.ChangeQuery{SessionID: "s1", Catalog: "main", After: at, Limit: size})
			},
			"put back": func(at session.ChangePosition) ([]session.Change, error) { return s.ChangesBefore(ctx, "s1", at, size) },
		}
		for name, read := range ask {
			if _, err := s.SQL().ExecContext(ctx, "SELECT setval('seen', 1)"); err != nil {
				t.Fatal(err)
			}
			changes, err := read(session.ChangePosition{Batch: batches / 2})
			var seen int
			if err := s.SQL().QueryRowContext(ctx, "SELECT last_value - 1 FROM seen").Scan(&seen); err != nil {
				t.Fatal(err)
			}
			if err != nil || len(changes) != size || seen > 4 {
				t.Errorf("%s: %d changes, %v, out of %d batches", name, len(changes), err, seen)
			}
		}
	})
}

// TestSearchOfChangesEndsSoon and goes on where it ended, whatever is looked for.
func TestSearchOfChangesEndsSoon(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		s.LimitFinding(3, 10)
		if _, err := s.Import(ctx, "main", "elsewhere", batch(t, 0, 20, "old").Products); err != nil {
			t.Fatal(err)
		}
		row := transferring(t, s, "s1")
		for i := range 20 { // each updates one product and creates one
			both := batch(t, i, i+1, "new")
			both.Products = append(both.Products, batch(t, 100+i, 101+i, "new").Products...)
			if err := s.CommitBatch(ctx, &row, both); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []struct {
			q     session.ChangeQuery
			found string
			pages int
		}{
			{session.ChangeQuery{Text: "p-0119"}, "p-0119", 7},
			{session.ChangeQuery{Text: "p-0019"}, "p-0019", 7},
			{session.ChangeQuery{Kind: session.ChangeDeleted}, "", 7},
			{session.ChangeQuery{Kind: session.ChangeCreated, Text: "P-0119"}, "p-0119", 7},
			{session.ChangeQuery{Kind: session.ChangeUpdated, Text: "p-01"}, "", 7},
		} {
			q := want.q
			q.SessionID, q.Catalog, q.Limit = "s1", "main", 10
			found, pages := "", 0
			for reached := new(session.ChangePosition); reached != nil; pages++ {
				var page []session.Change
				var err error
				q.After = *reached
				if page, reached, err = s.FindChanges(ctx, q); err != nil {
					t.Fatal(err)
				}
				for _, c := range page {
					found += c.ProductID
				}
			}
			if found != want.found || pages != want.pages {
				t.Errorf("%+v: found %q on %d pages, want %q on %d", want.q, found, pages, want.found, want.pages)
			}
		}
		all, reached, err := s.FindChanges(ctx, session.ChangeQuery{SessionID: "s1", Catalog: "main", Limit: 100})
		if err != nil || len(all) != 40 || reached != nil {
			t.Errorf("without a search: %d changes, up to %v, %v", len(all), reached, err)
		}
	})
}

// TestChangesArePruned of sessions that ended long ago, and of those that are deleted; the others stay.
func TestChangesArePruned(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i, id := range []string{"old", "deleted", "new"} {
			row := transferring(t, s, id)
			for _, b := range []catalog.Batch{batch(t, 0, 3, id), batch(t, 0, 5, id+"!"), batch(t, 5*i+5, 5*i+7, id)} {
				if err := s.CommitBatch(ctx, &row, b); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.CancelSession(ctx, id, by("")); err != nil {
				t.Fatal(err)
			}
			if id == "old" {
				backdate(t, s, "sync_sessions", "completed_at", 2)
			}
		}
		if _, err := s.SQL().ExecContext(ctx, "DELETE FROM sync_sessions WHERE id = 'deleted'"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{true, false} {
			if found, err := s.PruneChanges(ctx, time.Hour); err != nil || found != want {
				t.Fatalf("found %v, %v", found, err)
			}
		}
		for _, table := range []string{"sync_changes", "sync_creations"} {
			var of string
			if err := s.SQL().QueryRowContext(ctx, "SELECT min(session_id) FROM "+table).Scan(&of); err != nil || of != "new" {
				t.Errorf("%s still has changes of %q, %v", table, of, err)
			}
		}
		if old, now := get(t, s, "old"), get(t, s, "new"); old.KeepsChanges() || !now.KeepsChanges() {
			t.Errorf("old %d of %d, new %d of %d", old.ChangesThrough, old.BatchSeq, now.ChangesThrough, now.BatchSeq)
		}
	})
}
