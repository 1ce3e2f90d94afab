package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/catalog"
)

// someProducts imports three products and has somebody edit them by hand.
func someProducts(t *testing.T, s *Store) []catalog.Product {
	t.Helper()
	var products []catalog.Product
	for _, line := range []string{`{"id":"a","name":"A"}`, `{"id":"b","name":"B"}`, `{"id":"c","name":"C"}`} {
		p, err := catalog.Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, p)
	}
	if _, err := s.Import(t.Context(), "main", "here", products); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SQL().ExecContext(t.Context(), "UPDATE products SET sku = 'by hand'"); err != nil {
		t.Fatal(err)
	}
	return products
}

// TestHealNeverWaits: a product that a batch has locked is left for the next time, and the others are put right.
func TestHealNeverWaits(t *testing.T) {
	t.Parallel()
	s, d := openMigrated(t)
	someProducts(t, s)
	other, err := s.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback() //nolint:errcheck // it is rolled back below
	if _, err := other.ExecContext(t.Context(), "UPDATE products SET sku = 'under way' WHERE id = 'b'"); err != nil {
		t.Fatal(err)
	}
	// It would wait for ever: the other transaction ends only after it.
	done, err := s.Heal(t.Context(), "main", "", "", 10)
	if err != nil || done.Healed != 2 || done.More {
		t.Errorf("Heal = %+v, %v, want 2 of 3", done, err)
	}
	if err := d.distrust(t.Context(), s, "main", []string{"a", "b"}); err != nil {
		t.Errorf("distrust: %v", err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Heal(t.Context(), "main", "", "", 10); err != nil || done.Healed != 2 {
		t.Errorf("Heal afterwards = %+v, %v, want a and b", done, err)
	}
}

// TestHealOverwritesNoChange: what was changed after it was read keeps its change, and no digest.
func TestHealOverwritesNoChange(t *testing.T) {
	t.Parallel()
	s, d := openMigrated(t)
	someProducts(t, s)
	var version string
	if err := s.SQL().QueryRowContext(t.Context(), "SELECT xmin::text FROM products WHERE id = 'a'").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SQL().ExecContext(t.Context(), "UPDATE products SET sku = 'later' WHERE id = 'a'"); err != nil {
		t.Fatal(err)
	}
	p := catalog.Product{ID: "a", Name: "A", SKU: "by hand"}
	hash := p.ContentHash()
	done, err := d.control.Exec(t.Context(), writeProven, "main", []string{"a"}, []string{version}, []string{hash}, []*int64{digestOf(hash)})
	if err != nil || done.RowsAffected() != 0 {
		t.Errorf("%d rows were overwritten, %v", done.RowsAffected(), err)
	}
}

// TestDigestsFollowTheKey: no question sorts, or reads more than it is about, also while the planner knows nothing yet.
func TestDigestsFollowTheKey(t *testing.T) {
	t.Parallel()
	s, d := openMigrated(t)
	_, err := s.SQL().ExecContext(t.Context(), `ALTER TABLE products SET (autovacuum_enabled = off);
		INSERT INTO products SELECT 'main', 'P-' || lpad(i::text, 7, '0'), '', 'name', '', '', true, '{}', 'hash', 'other', now(), now(), i
		FROM generate_series(1, 20000) AS i`)
	if err != nil {
		t.Fatal(err)
	}
	from, through := []string{"P-0001000", "P-0002000"}, []string{"P-0002000", "P-0003000"}
	for name, ask := range map[string]struct {
		query string
		args  []any
	}{
		"spans":                  {fmt.Sprintf(spanDigests, asShown.digest), []any{"main", "", "", 1000, 256}},
		"spans of a part":        {fmt.Sprintf(spanDigests, asShown.digest), []any{"main", "P-0005000", "P-0006000", 16, 100}},
		"intervals":              {fmt.Sprintf(intervalDigests, asShown.digest), []any{"main", from, through}},
		"spans as they came":     {fmt.Sprintf(spanDigests, asCame.digest), []any{"main", "", "", 1000, 256}},
		"intervals as they came": {fmt.Sprintf(intervalDigests, asCame.digest), []any{"main", from, through}},
		"entries":                {fromIntervals(entryColumns), []any{"main", from, through, 5000}},
		"without a digest":       {readDistrusted, []any{"main", "P-0005000", "", 500}},
		"a page up to an id":     {"SELECT " + pageColumns + fromSpan, []any{"main", "P-0005000", 1001, "P-0006000"}},
	} {
		rows, err := d.read.Query(t.Context(), "EXPLAIN "+ask.query, ask.args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// What a recursion stops at is no filter of products.
		plan := strings.NewReplacer("Filter: (n", "(n", "Filter: (max", "(max").Replace(strings.Join(lines, "\n"))
		if strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Filter") ||
			!strings.Contains(plan, "AND (id ") {
			t.Errorf("%s does not follow the key:\n%s", name, plan)
		}
		// What is added up is in the key's index.
		if covered := strings.HasPrefix(name, "intervals") || strings.HasPrefix(name, "spans"); covered != strings.Contains(plan, "Index Only Scan") {
			t.Errorf("%s reads products: %v\n%s", name, !covered, plan)
		}
	}
}

// TestCheckSaysWhatItCouldNotRepair: a product that a batch has locked counts as found, and not as repaired.
func TestCheckSaysWhatItCouldNotRepair(t *testing.T) {
	t.Parallel()
	s, _ := openMigrated(t)
	someProducts(t, s)
	other, err := s.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback() //nolint:errcheck // nothing is kept
	if _, err := other.ExecContext(t.Context(), "SELECT FROM products WHERE id = 'b' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	repaired := map[string]bool{}
	done, err := s.Check(t.Context(), "main", true, func(f Finding) { repaired[f.ID] = f.Repaired })
	if err != nil || done.Wrong != 3 || done.Repaired != 2 || len(repaired) != 3 || repaired["b"] || !repaired["a"] {
		t.Errorf("Check = %+v, %v, repaired %v", done, err, repaired)
	}
}
