package store

import (
	"database/sql"

	"github.com/jackc/pgx/v5/pgxpool"

	"fullsync/internal/metrics"
)

// Pools returns how the pools of connections stand.
func (s *Store) Pools() []metrics.Pool {
	out := make([]metrics.Pool, len(s.pools))
	for i, look := range s.pools {
		out[i] = look()
	}
	return out
}

// watchPgx makes a pool of PostgreSQL one of those that Pools shows.
func (s *Store) watchPgx(name string, p *pgxpool.Pool) {
	s.pools = append(s.pools, func() metrics.Pool {
		now := p.Stat()
		return metrics.Pool{
			Name: name, Max: int(now.MaxConns()), InUse: int(now.AcquiredConns()), Idle: int(now.IdleConns()),
			Waits: now.EmptyAcquireCount(), Waited: now.EmptyAcquireWaitTime(),
		}
	})
}

// watchSQL is watchPgx for SQLite.
func (s *Store) watchSQL(name string, db *sql.DB) {
	s.pools = append(s.pools, func() metrics.Pool {
		now := db.Stats()
		return metrics.Pool{
			Name: name, Max: now.MaxOpenConnections, InUse: now.InUse, Idle: now.Idle, Waits: now.WaitCount, Waited: now.WaitDuration,
		}
	})
}
