package store

import (
	"database/sql"
	"errors"
	"testing"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// TestComputingIsNotFrozen: a process that computes inside a transaction for longer than PostgreSQL lets a frozen one stay there keeps its connection.
func TestComputingIsNotFrozen(t *testing.T) {
	t.Parallel()
	s, _ := openMigrated(t)
	err := s.batchTx(t.Context(), func(tx *gorm.DB, conn *sql.Conn) error {
		var pid int
		if err := tx.Raw("SELECT pg_backend_pid()").Scan(&pid).Error; err != nil {
			return err
		}
		err := awake(t.Context(), conn, func() {
			for long := false; !long; {
				err := s.SQL().QueryRowContext(t.Context(), "SELECT now() - xact_start > 1.5 * $2::interval FROM pg_sleep(0.05), pg_stat_activity WHERE pid = $1", pid, idleInTransaction).Scan(&long)
				if err != nil {
					t.Errorf("the connection is gone: %v", err)
					return
				}
			}
		})
		return errors.Join(err, tx.Exec("SELECT 1").Error)
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAProductIsAddedWhileItComes: an import adds a product at the moment in which it comes from the source. Its price is kept.
func TestAProductIsAddedWhileItComes(t *testing.T) {
	t.Parallel()
	s, _ := openMigrated(t)
	ours, theirs := catalog.Product{ID: "a", Name: "ours", Price: "1", Attributes: "{}"}, catalog.Product{ID: "a", Name: "theirs", Price: "2", Attributes: "{}"}
	ours.Hash, theirs.Hash = ours.ContentHash(), theirs.ContentHash()
	adding, err := s.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer adding.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	_, err = adding.ExecContext(t.Context(), `INSERT INTO products (catalog, id, sku, name, price, currency, active, attributes, hash, origin_node_id, created_at, updated_at)
		VALUES ('main', 'a', '', 'ours', '1', '', false, '{}', $1, 'main', now(), now())`, ours.Hash)
	if err != nil {
		t.Fatal(err)
	}
	pull := func() error {
		return s.translate(s.batchTx(t.Context(), func(tx *gorm.DB, conn *sql.Conn) error {
			_, _, err := s.upsertBatch(tx, conn, upsert{catalog: "main", origin: "branch", products: []catalog.Product{theirs}}, catalog.Fields{"price"})
			return err
		}))
	}
	done := make(chan error, 1)
	go func() { done <- pull() }()
	waitForLock(t, s)
	if err := adding.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, errOvertaken) || fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("the first try: %v", err)
	}
	if err := pull(); err != nil {
		t.Fatal(err)
	}
	if stored, err := s.GetProduct(t.Context(), "main", "a"); err != nil || stored.Price != "1" || stored.Name != "theirs" {
		t.Errorf("%+v, %v", stored, err)
	}
}
