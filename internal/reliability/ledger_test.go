//go:build unix

package reliability

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/session"
	"fullsync/internal/store"
)

// ledger is a table that PostgreSQL fills with triggers, in the same transactions that it records: every commit of a batch
// with its fence, every change of a session's fence or state, and every write of products, each with the process that did
// it, as named by its connection. One session's rows are in commit order, because every writer holds the session's row
// until it commits.
const ledger = `
CREATE TABLE test_ledger (
	n bigserial PRIMARY KEY, tx bigint NOT NULL DEFAULT txid_current(), what text NOT NULL, session_id text NOT NULL,
	fence bigint NOT NULL, batch_seq bigint NOT NULL, status text NOT NULL, products bigint NOT NULL,
	worker text NOT NULL, incoming boolean NOT NULL DEFAULT false, verifies boolean NOT NULL DEFAULT false,
	process text NOT NULL DEFAULT coalesce(current_setting('test.process', true), '')
);
CREATE FUNCTION test_session_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO test_ledger (what, session_id, fence, batch_seq, status, worker, incoming, verifies, products)
	VALUES (CASE WHEN NEW.batch_seq <> OLD.batch_seq THEN 'batch' ELSE 'state' END, NEW.id, NEW.fence, NEW.batch_seq, NEW.status, NEW.worker, NEW.incoming, NEW.options::text LIKE '%"verifyAfterSync":true%',
		NEW.created_records + NEW.updated_records + NEW.deleted_records - OLD.created_records - OLD.updated_records - OLD.deleted_records);
	RETURN NULL;
END $$;
CREATE TRIGGER test_session_changed AFTER UPDATE ON sync_sessions FOR EACH ROW
	WHEN (NEW.batch_seq <> OLD.batch_seq OR NEW.fence <> OLD.fence OR NEW.status <> OLD.status)
	EXECUTE FUNCTION test_session_changed();
CREATE FUNCTION test_products_written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO test_ledger (what, session_id, fence, batch_seq, status, worker, products)
	SELECT 'products', '', 0, 0, '', '', count(*) FROM written HAVING count(*) > 0;
	RETURN NULL;
END $$;
CREATE TRIGGER test_products_inserted AFTER INSERT ON products REFERENCING NEW TABLE AS written
	FOR EACH STATEMENT EXECUTE FUNCTION test_products_written();
-- Correcting only a hash or a digest does not change a product.
CREATE FUNCTION test_products_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO test_ledger (what, session_id, fence, batch_seq, status, worker, products)
	SELECT 'products', '', 0, 0, '', '', count(*) FROM written JOIN before USING (catalog, id)
	WHERE (written.sku, written.name, written.price, written.currency, written.active, written.attributes) IS DISTINCT FROM
		(before.sku, before.name, before.price, before.currency, before.active, before.attributes) HAVING count(*) > 0;
	RETURN NULL;
END $$;
CREATE TRIGGER test_products_updated AFTER UPDATE ON products REFERENCING OLD TABLE AS before NEW TABLE AS written
	FOR EACH STATEMENT EXECUTE FUNCTION test_products_changed();
CREATE TRIGGER test_products_deleted AFTER DELETE ON products REFERENCING OLD TABLE AS written
	FOR EACH STATEMENT EXECUTE FUNCTION test_products_written();
`

// watchCommits makes PostgreSQL keep the ledger from now on.
func (c *cluster) watchCommits() {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.url)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(c.t.Context()) //nolint:errcheck // nothing is pending
	if _, err := conn.Exec(c.t.Context(), ledger); err != nil {
		c.t.Fatal(err)
	}
}

// entry is one row of the ledger.
type entry struct {
	N, Tx           int64
	What, SessionID string
	Fence, BatchSeq int64
	Status          session.Status
	Products        int64
	Worker, Process string
	Incoming        bool
	Verifies        bool
}

// figures sums up the ledger.
type figures struct {
	batches int
	// undone counts writes that got into the ledger but were rolled back, including those of zombies.
	undone int64
}

// checkCommits reads the ledger and checks that no batch was committed under an outdated fence or after its session's end,
// that the process whose claim last raised the fence committed each batch, that none was left out or committed twice, and
// that only batches wrote products.
func (c *cluster) checkCommits(db *store.Store) figures {
	c.t.Helper()
	entries := c.commits(db)
	var f figures
	last := map[string]entry{}
	holder := map[string]string{} // the process whose claim counts, by session
	batches := map[int64]entry{}  // by transaction
	for i, e := range entries {
		f.undone = e.N - int64(i) - 1
		if e.What == "products" {
			continue
		}
		before, known := last[e.SessionID]
		last[e.SessionID] = e
		if e.What == "batch" {
			f.batches++
			batches[e.Tx] = e
			// A push into the node is in the hands of the node that pushes, whichever process takes its requests.
			if !e.Incoming && e.Process != holder[e.SessionID] {
				c.t.Errorf("%s was committed by %q, but %q has the session", e, e.Process, holder[e.SessionID])
			}
		} else if e.Fence > before.Fence {
			holder[e.SessionID] = ""
			if e.Worker != "" {
				holder[e.SessionID] = e.Process
			}
		}
		if !known {
			continue
		}
		switch {
		case e.Fence < before.Fence:
			c.t.Errorf("the fence fell: %s, then %s", before, e)
		case !before.Status.Active():
			c.t.Errorf("a change after the end: %s, then %s", before, e)
		case e.What == "batch" && (e.Fence != before.Fence || e.BatchSeq != before.BatchSeq+1):
			c.t.Errorf("a batch under an outdated fence, or out of turn: %s, then %s", before, e)
		}
	}
	written := map[int64]entry{}
	for _, e := range entries {
		if e.What == "products" && e.Process != toolProcess {
			e.Products += written[e.Tx].Products
			written[e.Tx] = e
		}
	}
	for tx, w := range written {
		b, ok := batches[tx]
		// What a verification finds different because the source has moved on is written, and has been counted before.
		if !ok || b.Products != w.Products && (b.Products != 0 || !b.Verifies) {
			c.t.Errorf("process %q wrote %d products in transaction %d, but its batch (%t) says %d: %s", w.Process, w.Products, tx, ok, b.Products, b)
		}
	}
	return f
}

func (c *cluster) commits(db *store.Store) []entry {
	c.t.Helper()
	rows, err := db.Listener().Query(c.t.Context(),
		"SELECT n, tx, what, session_id, fence, batch_seq, status, products, worker, process, incoming, verifies FROM test_ledger ORDER BY n")
	if err != nil {
		c.t.Fatal(err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
	if err != nil {
		c.t.Fatal(err)
	}
	return entries
}

func (e entry) String() string {
	return fmt.Sprintf("%s of %s, fence %d, batch %d, %s", e.What, e.SessionID, e.Fence, e.BatchSeq, e.Status)
}
