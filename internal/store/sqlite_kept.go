package store

import (
	"context"
	"database/sql"
	"sync"
)

// maxKept is how many statements are kept prepared.
const maxKept = 64

// keptStatements runs statements and keeps them prepared: preparing one takes longer than what it reads.
type keptStatements struct {
	db *sql.DB
	mu sync.Mutex
	// all are the prepared statements by their text. Closing the database closes them.
	all map[string]*sql.Stmt
}

func (k *keptStatements) query(ctx context.Context, query string, values ...any) (*sql.Rows, error) {
	prepared, err := k.prepared(ctx, query) //nolint:sqlclosecheck // the database closes it
	if err != nil {
		return nil, err
	}
	if prepared == nil {
		return k.db.QueryContext(ctx, query, values...)
	}
	return prepared.QueryContext(ctx, values...)
}

// prepared returns the statement with that text, nil where too many are kept already.
func (k *keptStatements) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	k.mu.Lock()
	known, full := k.all[query], len(k.all) >= maxKept
	k.mu.Unlock()
	if known != nil || full {
		return known, nil
	}
	made, err := k.db.PrepareContext(ctx, query) // waits for a connection, so nobody waits for the lock meanwhile
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := k.all[query]; known != nil {
		return known, made.Close() //nolint:sqlclosecheck // it lives on otherwise
	}
	k.all[query] = made
	return made, nil
}

func (d *sqlite) query(ctx context.Context, query string, values ...any) (pageRows, error) {
	return d.kept.query(ctx, query, values...) //nolint:rowserrcheck // whoever reads the rows does
}
