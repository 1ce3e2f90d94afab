package store

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// A commit waits for a synchronous standby, if there is one. PostgreSQL ends that wait when it is asked to cancel the statement: the commit then
// counts, everybody sees it, and a failover forgets it. pgx asks for that by itself whenever the time for a statement is up. So it must not while
// something commits: then nobody sees the change before the standby has it, and whoever waited only learns that the database does not answer.

// errCommitting keeps pgx from cancelling what may be committing.
var errCommitting = errors.New("a commit is not cancelled")

// commitGuard knows whether the statement that one connection has sent last commits.
type commitGuard struct{ commits atomic.Bool }

// guardCommits is a pool's BeforeConnect.
func guardCommits(_ context.Context, cfg *pgx.ConnConfig) error {
	guard, dial := &commitGuard{}, cfg.DialFunc
	cfg.Tracer = guard
	// A connection dials once more than it connects: to cancel.
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if guard.commits.Load() {
			return nil, errCommitting
		}
		return dial(ctx, network, address)
	}
	return nil
}

// TraceQueryStart implements [pgx.QueryTracer]. Outside a transaction every statement commits.
func (g *commitGuard) TraceQueryStart(ctx context.Context, conn *pgx.Conn, query pgx.TraceQueryStartData) context.Context {
	const idle = 'I'
	g.commits.Store(query.SQL == "commit" || conn.PgConn().TxStatus() == idle)
	return ctx
}

// TraceQueryEnd implements [pgx.QueryTracer]. The cancellation of a statement may come after its end, so that says nothing.
func (*commitGuard) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
