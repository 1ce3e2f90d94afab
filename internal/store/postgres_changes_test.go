package store

import (
	"context"
	"database/sql"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// TestAnotherWriterIsWrittenDown: where somebody else writes the products of a batch in the same moment, what is written down is what was
// overwritten, and not what was there when the batch began.
func TestAnotherWriterIsWrittenDown(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]string{
		"updates": `UPDATE products SET name = 'theirs' WHERE id = 'a'`,
		"inserts": `INSERT INTO products VALUES ('main', 'b', '', 'theirs', '', '', true, '{}', 'hash', 'other', now(), now())`,
		"deletes": `DELETE FROM products WHERE id = 'a'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := openMigrated(t)
			ctx := t.Context()
			_, err := s.SQL().ExecContext(ctx, `INSERT INTO products VALUES ('main', 'a', '', 'first', '', '', true, '{}', 'hash', 'other', now(), now())`)
			if err != nil {
				t.Fatal(err)
			}
			created, err := s.CreateSession(ctx, session.Session{ID: "s", Catalog: "main", Direction: session.Pull, SourceNodeID: "branch", Status: session.Transferring},
				syncer.Creation{Enqueue: func(context.Context, *sql.Tx, string, int64) (int64, error) { return 1, nil }})
			if err != nil {
				t.Fatal(err)
			}
			row := created.Session
			var batch catalog.Batch
			for _, line := range []string{`{"id":"a","name":"ours"}`, `{"id":"b","name":"ours"}`} {
				p, err := catalog.Parse([]byte(line))
				if err != nil {
					t.Fatal(err)
				}
				batch.Products = append(batch.Products, p)
			}
			other, err := s.SQL().BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.ExecContext(ctx, write); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.CommitBatch(context.WithoutCancel(ctx), &row, batch) }()
			waitForLock(t, s)
			if err := other.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			changes, err := s.ListChanges(ctx, session.ChangeQuery{SessionID: "s", Catalog: "main", Limit: 10})
			if err != nil || len(changes) != 2 {
				t.Fatalf("%+v, %v", changes, err)
			}
			was := map[string]string{}
			for _, c := range changes {
				if c.Before != nil {
					was[c.ProductID] = c.Before.Name
				}
			}
			want := map[string]map[string]string{
				"updates": {"a": "theirs"}, "inserts": {"a": "first", "b": "theirs"}, "deletes": {},
			}[name]
			if len(was) != len(want) || was["a"] != want["a"] || was["b"] != want["b"] || row.Updated != int64(len(want)) || row.Created != int64(2-len(want)) {
				t.Errorf("before, there were %v; want %v; counted %+v", was, want, row.Counts)
			}
		})
	}
}
