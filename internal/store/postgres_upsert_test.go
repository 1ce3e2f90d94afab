package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/catalog"
	"fullsync/internal/postgrestest"
)

// noEngine migrates no job engine.
func noEngine(context.Context) error { return nil }

func openMigrated(t *testing.T) (*Store, *postgres) {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: postgrestest.NewDatabase(t), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context(), noEngine, nil); err != nil {
		t.Fatal(err)
	}
	return s, s.dialect.(*postgres)
}

// TestPagesFollowTheKey: during a first load nobody has gathered statistics yet. What is asked once per batch must not
// cost more with every batch all the same.
func TestPagesFollowTheKey(t *testing.T) {
	t.Parallel()
	s, d := openMigrated(t)
	_, err := s.SQL().ExecContext(t.Context(), `ALTER TABLE products SET (autovacuum_enabled = off);
		INSERT INTO products SELECT 'main', 'P-' || lpad(i::text, 7, '0'), '', 'name', '', '', true, '{}', 'hash', 'other', now(), now()
		FROM generate_series(1, 20000) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 1000)
	for name, ask := range map[string]struct {
		query string
		args  []any
	}{
		"first page": {"SELECT " + pageColumns + fromPage, []any{"main", "", 1001}},
		"next page":  {"SELECT id, hash" + fromPage, []any{"main", "P-0005000", 1001}},
		"hashes":     {readHashes, []any{"main", "P-0005000", "P-0006000", 2000}},
		"looked up":  {lookUpHashes, []any{"main", ids}},
	} {
		rows, err := d.read.Query(t.Context(), "EXPLAIN "+ask.query, ask.args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Filter") ||
			!strings.Contains(plan, "AND (id ") {
			t.Errorf("%s does not follow the key:\n%s", name, plan)
		}
	}
}

// TestFreshBatchMeetsAnotherWriter: a batch of which nothing was held when that was asked is merged all the same when
// another writer has brought one of its products by then.
func TestFreshBatchMeetsAnotherWriter(t *testing.T) {
	t.Parallel()
	s, _ := openMigrated(t)
	other, err := s.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback() //nolint:errcheck // it is committed below
	_, err = other.ExecContext(t.Context(), `INSERT INTO products VALUES ('main', 'b', '', 'old', '', '', true, '{}', 'old', 'other', now(), now())`)
	if err != nil {
		t.Fatal(err)
	}
	var products []catalog.Product
	for _, line := range []string{`{"id":"a","name":"A"}`, `{"id":"b","name":"B","active":false}`, `{"id":"c","name":"C"}`} {
		p, err := catalog.Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, p)
	}
	type outcome struct {
		n   Imported
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		n, err := s.Import(t.Context(), "main", "here", products)
		ended <- outcome{n, err}
	}()
	waitForLock(t, s)
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; got.err != nil || got.n != (Imported{Created: 2, Updated: 1}) {
		t.Errorf("got %+v, want 2 created and 1 updated", got)
	}
	b, err := s.GetProduct(t.Context(), "main", "b")
	if err != nil || b.Product != products[1] || b.OriginNodeID != "here" {
		t.Errorf("b is %+v, %v", b, err)
	}
}

// waitForLock returns when a connection to the test's database waits for a lock.
func waitForLock(t *testing.T, s *Store) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(30 * time.Second)
	for {
		var waiting int
		err := s.SQL().QueryRowContext(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		if waiting > 0 {
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal("nobody waits for the other writer")
		}
	}
}

// TestSparseBatch: where much lies between the ids of a batch, each is looked up by itself, with the same outcome.
func TestSparseBatch(t *testing.T) {
	t.Parallel()
	s, _ := openMigrated(t)
	_, err := s.SQL().ExecContext(t.Context(), `INSERT INTO products
		SELECT 'main', 'P-' || lpad(i::text, 7, '0'), '', 'name', '', '', true, '{}', 'hash', 'other', now(), now()
		FROM generate_series(1, 100) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	var products []catalog.Product
	for _, id := range []string{"A", "P-0000050", "Z"} {
		p, err := catalog.Parse([]byte(`{"id":"` + id + `","name":"N"}`))
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, p)
	}
	for _, want := range []Imported{{Created: 2, Updated: 1}, {Unchanged: 3}} {
		if n, err := s.Import(t.Context(), "main", "here", products); err != nil || n != want {
			t.Errorf("got %+v, %v, want %+v", n, err, want)
		}
	}
}
