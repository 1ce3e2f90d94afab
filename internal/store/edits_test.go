package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

// put is an edit that puts a product.
func put(t *testing.T, line string) catalog.Edit {
	t.Helper()
	return catalog.Edit{Product: parse(t, line)}
}

// remove is an edit that deletes a product.
func remove(id string) catalog.Edit {
	return catalog.Edit{Product: catalog.Product{ID: id}, Delete: true}
}

// edit makes edits of catalog main, which must succeed.
func edit(t *testing.T, s *store.Store, edits ...catalog.Edit) []catalog.Edited {
	t.Helper()
	done, err := s.EditProducts(t.Context(), "main", "main", edits)
	if err != nil || len(done) != len(edits) {
		t.Fatalf("%d of %d edits, %v", len(done), len(edits), err)
	}
	return done
}

func effects(done []catalog.Edited) (all []catalog.Effect) {
	for _, e := range done {
		all = append(all, e.Effect)
	}
	return all
}

func TestEditsSayWhatTheyDid(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Import(t.Context(), "main", "branch", []catalog.Product{parse(t, `{"id":"b","name":"B"}`), parse(t, `{"id":"d","name":"D"}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Import(t.Context(), "other", "branch", []catalog.Product{parse(t, `{"id":"e","name":"E"}`)}); err != nil {
			t.Fatal(err)
		}
		done := edit(t, s, put(t, `{"id":"c","name":"C"}`), remove("d"), put(t, `{"id":"b","name":"B"}`), remove("e"), put(t, `{"id":"a","name":"A","price":"1.50"}`))
		want := []catalog.Effect{catalog.Created, catalog.Deleted, catalog.Unchanged, catalog.Missing, catalog.Created}
		if !slices.Equal(effects(done), want) {
			t.Errorf("%v, want %v", effects(done), want)
		}
		for i, origin := range []string{"main", "", "branch", "", "main"} {
			if done[i].OriginNodeID != origin || origin != "" && (done[i].CreatedAt.IsZero() || done[i].UpdatedAt.IsZero()) {
				t.Errorf("edit %d: %+v", i, done[i])
			}
			held, err := s.GetProduct(t.Context(), "main", done[i].ID)
			if gone := err != nil; gone != (origin == "") || !gone && held != done[i].Stored {
				t.Errorf("edit %d says %+v, and there is %+v, %v", i, done[i].Stored, held, err)
			}
		}
		if n := edit(t, s, put(t, `{"id":"b","name":"B","active":false}`))[0]; n.Effect != catalog.Updated || n.OriginNodeID != "main" || n.Active {
			t.Errorf("%+v", n)
		}
		if _, err := s.GetProduct(t.Context(), "other", "e"); err != nil {
			t.Errorf("of another catalog: %v", err)
		}
		// What is written has the digest of its content.
		side := s.Side("main")
		got, err := side.Digests(t.Context(), "", []string{""})
		var all []catalog.Digest
		for _, id := range []string{"a", "b", "c"} {
			held, err := s.GetProduct(t.Context(), "main", id)
			if digest, ok := catalog.DigestOf(held.ContentHash()); err == nil && ok {
				all = append(all, catalog.Digest{Count: 1, Sum: digest})
			}
		}
		if err != nil || len(got) != 1 || len(all) != 3 || got[0].Count != 3 || got[0].Sum != all[0].Sum+all[1].Sum+all[2].Sum {
			t.Errorf("digest %+v, want the sum of %+v: %v", got, all, err)
		}
	})
}

func TestEditsAreAllOrNone(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		hash := edit(t, s, put(t, `{"id":"a","name":"A"}`), put(t, `{"id":"b","name":"B"}`))[0].Hash
		stale, absent, there := put(t, `{"id":"a","name":"A2"}`), put(t, `{"id":"b","name":"B2"}`), remove("c")
		stale.If.Hashes = []string{"1:stale"}
		absent.If.Absent = true
		there.If.Exists = true
		_, err := s.EditProducts(t.Context(), "main", "main", []catalog.Edit{put(t, `{"id":"new","name":"N"}`), remove("a2"), absent, there, stale})
		var unmet *catalog.UnmetError
		if !errors.As(err, &unmet) || len(unmet.Unmet) != 3 {
			t.Fatalf("%v", err)
		}
		for i, want := range []catalog.Unmet{{Index: 2, ID: "b"}, {Index: 3, ID: "c"}, {Index: 4, ID: "a", Hash: hash}} {
			if got := unmet.Unmet[i]; got.Index != want.Index || got.ID != want.ID || want.Hash != "" && got.Hash != want.Hash || (got.Hash == "") != (got.ID == "c") {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		counts, err := s.CountCatalogs(t.Context())
		if err != nil || len(counts) != 1 || counts[0].Products != 2 {
			t.Errorf("%+v, %v", counts, err)
		}
		good := put(t, `{"id":"a","name":"A2"}`)
		good.If.Hashes = []string{"1:other", hash}
		if e := edit(t, s, good)[0]; e.Effect != catalog.Updated {
			t.Errorf("%+v", e)
		}
	})
}

// TestEditsJudgeTheContentAndNotAStaleHash: SQL has changed a product behind our back, so its stored hash is worth nothing.
func TestEditsJudgeTheContentAndNotAStaleHash(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		old := edit(t, s, put(t, `{"id":"a","name":"A"}`), put(t, `{"id":"b","name":"B"}`))[0].Hash
		if _, err := s.SQL().ExecContext(t.Context(), `UPDATE products SET name = 'C'`); err != nil {
			t.Fatal(err)
		}
		e := put(t, `{"id":"a","name":"D"}`)
		e.If.Hashes = []string{old}
		_, err := s.EditProducts(t.Context(), "main", "main", []catalog.Edit{e})
		var unmet *catalog.UnmetError
		now := parse(t, `{"id":"a","name":"C"}`).Hash
		if !errors.As(err, &unmet) || unmet.Unmet[0].Hash != now {
			t.Fatalf("with the hash of before: %v", err)
		}
		e.If.Hashes = []string{now}
		done := edit(t, s, e, put(t, `{"id":"b","name":"C"}`))
		if !slices.Equal(effects(done), []catalog.Effect{catalog.Updated, catalog.Unchanged}) {
			t.Errorf("%+v", done)
		}
		held, err := s.GetProduct(t.Context(), "main", "b")
		if err != nil || held.Hash != held.ContentHash() {
			t.Errorf("%+v, %v", held, err)
		}
	})
}

// TestOneOfManyWritersWins: all of them have read the same product, or found that there is none.
func TestOneOfManyWritersWins(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		hash := edit(t, s, put(t, `{"id":"old","name":"A"}`))[0].Hash
		for id, condition := range map[string]catalog.Condition{"old": {Hashes: []string{hash}}, "new": {Absent: true}} {
			var all sync.WaitGroup
			results := make([]error, 12)
			for i := range results {
				e := put(t, fmt.Sprintf(`{"id":%q,"name":"by %d"}`, id, i))
				e.If = condition
				all.Go(func() { _, results[i] = s.EditProducts(t.Context(), "main", "main", []catalog.Edit{e}) })
			}
			all.Wait()
			held, err := s.GetProduct(t.Context(), "main", id)
			if err != nil {
				t.Fatal(err)
			}
			won := 0
			for i, err := range results {
				var unmet *catalog.UnmetError
				switch {
				case err == nil:
					won++
					if held.Name != fmt.Sprint("by ", i) {
						t.Errorf("%s: writer %d won, but there is %s", id, i, held.Name)
					}
				case !errors.As(err, &unmet):
					t.Errorf("%s: %v", id, err)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d writers won", id, won)
			}
		}
	})
}

// TestNothingIsEditedWhileASessionWrites, nor by a start and an edit at the same time.
func TestNothingIsEditedWhileASessionWrites(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		edit(t, s, put(t, `{"id":"a","name":"A"}`))
		running := transferring(t, s, "s1")
		_, edited := s.EditProducts(t.Context(), "main", "main", []catalog.Edit{put(t, `{"id":"b","name":"B"}`)})
		one := int64(1)
		_, deleted := s.DeleteProducts(t.Context(), "main", "", &one)
		for _, err := range []error{edited, deleted} {
			var occupied *syncer.OccupiedError
			if !errors.As(err, &occupied) || occupied.Row.ID != running.ID || occupied.Now.IsZero() {
				t.Errorf("%v", err)
			}
		}
		if _, err := s.EditProducts(t.Context(), "other", "main", []catalog.Edit{put(t, `{"id":"b","name":"B"}`)}); err != nil {
			t.Errorf("of another catalog: %v", err)
		}
		if _, err := s.CancelSession(t.Context(), running.ID, by("")); err != nil {
			t.Fatal(err)
		}
		edit(t, s, put(t, `{"id":"b","name":"B"}`))
	})
}

func TestDeletingACatalogInSteps(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		const n = 12_345
		for from := 0; from < n; from += catalog.MaxBatchProducts {
			var products []catalog.Product
			for i := from; i < min(n, from+catalog.MaxBatchProducts); i++ {
				products = append(products, parse(t, fmt.Sprintf(`{"id":"p-%06d","name":"P"}`, i)))
			}
			if _, err := s.Import(ctx, "main", "branch", products); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Import(ctx, "other", "branch", []catalog.Product{parse(t, `{"id":"p-000001","name":"P"}`)}); err != nil {
			t.Fatal(err)
		}
		wrong := int64(n - 1)
		var count *catalog.CountError
		if _, err := s.DeleteProducts(ctx, "main", "", &wrong); !errors.As(err, &count) || count.Products != n {
			t.Fatalf("with a wrong number: %v", err)
		}
		right := int64(n)
		step, err := s.DeleteProducts(ctx, "main", "", &right)
		steps, deleted := 1, step.Deleted
		for ; err == nil && step.More; steps++ {
			step, err = s.DeleteProducts(ctx, "main", step.Next, nil)
			deleted += step.Deleted
		}
		if err != nil || deleted != n || steps != 3 {
			t.Errorf("%d products in %d steps, %v", deleted, steps, err)
		}
		left, err := s.CountCatalogs(ctx)
		if err != nil || len(left) != 1 || left[0] != (catalog.Count{Catalog: "other", Products: 1}) {
			t.Errorf("%+v, %v", left, err)
		}
		none := int64(0)
		if step, err := s.DeleteProducts(ctx, "main", "", &none); err != nil || step.Deleted != 0 || step.More {
			t.Errorf("an empty catalog: %+v, %v", step, err)
		}
	})
}

// TestAnEditWaitsForAStart that is under way, and then finds its session: the two never interleave.
func TestAnEditWaitsForAStart(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		begun, edited := make(chan struct{}), make(chan error, 1)
		enqueue := func(ctx context.Context, tx *sql.Tx, _ string, _ int64) (int64, error) {
			close(begun) // the session is there, and nobody else can see it yet
			for s.Listener() != nil {
				// Asked in the start's own transaction, which so is never idle for long.
				var waiting int
				err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
					AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting)
				if err != nil || waiting > 0 || len(edited) > 0 {
					return 1, err
				}
			}
			return 1, nil // SQLite has one writer anyway
		}
		edits := []catalog.Edit{put(t, `{"id":"a","name":"A"}`)}
		go func() {
			<-begun
			_, err := s.EditProducts(t.Context(), "main", "main", edits)
			edited <- err
		}()
		if c, err := s.CreateSession(t.Context(), prepared("s1", "main"), syncer.Creation{Enqueue: enqueue}); err != nil || !c.OK {
			t.Fatalf("start: %+v, %v", c, err)
		}
		var occupied *syncer.OccupiedError
		if err := <-edited; !errors.As(err, &occupied) || occupied.Row.ID != "s1" {
			t.Errorf("the edit ended with %v", err)
		}
	})
}

// interrupted is a store in which something happens after the first step of a deletion.
type interrupted struct {
	*store.Store
	after func()
}

func (i interrupted) DeleteProducts(ctx context.Context, catalogName, after string, expected *int64) (syncer.Deletion, error) {
	step, err := i.Store.DeleteProducts(ctx, catalogName, after, expected)
	if after == "" {
		i.after()
	}
	return step, err
}

// TestASyncStopsTheDeletionOfItsCatalog between two steps: what is gone is said, and what is left stays.
func TestASyncStopsTheDeletionOfItsCatalog(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		const n = catalog.MaxBatchProducts
		for _, prefix := range []string{"a", "b"} {
			products := make([]catalog.Product, n)
			for i := range products {
				products[i] = parse(t, fmt.Sprintf(`{"id":"%s-%06d","name":"P"}`, prefix, i))
			}
			if _, err := s.Import(t.Context(), "main", "branch", products); err != nil {
				t.Fatal(err)
			}
		}
		editor := syncer.NewEditor(syncer.Config{NodeID: "main", Logger: slog.New(slog.DiscardHandler)},
			interrupted{s, func() { transferring(t, s, "s1") }})
		deleted, err := editor.DeleteCatalog(t.Context(), "main", "alice", 2*n)
		var running *syncer.RunningError
		if !errors.As(err, &running) || running.Running.ID != "s1" || running.Deleted != n || deleted != n {
			t.Errorf("%d deleted, %v", deleted, err)
		}
		if left, err := s.CountProducts(t.Context(), "main"); left != n || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
	})
}
