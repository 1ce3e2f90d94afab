package jobs

import (
	"context"
	"database/sql"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// sqliteDriver is River's driver, except that it looks for a job before it fetches any. SQLite tells nobody about a new job, so River
// fetches many times a second, nearly always in vain. Each fetch takes the one write lock, and SQLite parses its long statement twice.
type sqliteDriver struct {
	*riversqlite.Driver
	db *sql.DB
}

// GetExecutor implements [riverdriver.Driver].
func (d sqliteDriver) GetExecutor() riverdriver.Executor {
	return lookFirst{Executor: d.Driver.GetExecutor(), db: d.db}
}

// lookFirst is an executor that looks before it fetches.
type lookFirst struct {
	riverdriver.Executor
	db *sql.DB
}

// JobGetAvailable implements [riverdriver.Executor]. The look may find a job that is not due yet; the fetch then leaves it alone.
func (e lookFirst) JobGetAvailable(ctx context.Context, params *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	var waits bool
	err := e.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'available' AND queue = ?)", params.Queue).Scan(&waits)
	if err != nil {
		return nil, err
	}
	if !waits {
		return &riverdriver.JobGetAvailableResult{}, nil
	}
	return e.Executor.JobGetAvailable(ctx, params)
}
