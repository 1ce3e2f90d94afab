package simulation

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"fullsync/internal/syncer"
)

// engine is the job engine of a node, in memory. As with the real one, the job of a process that died looks at work for ever.
type engine struct {
	node *node
	mu   sync.Mutex
	jobs []*job
}

type job struct {
	begun, ended bool
	abort        context.CancelCauseFunc
}

// Enqueue implements [syncer.Queue].
func (e *engine) Enqueue(_ context.Context, _ *sql.Tx, sessionID string, fence int64) (int64, error) {
	ctx, abort := context.WithCancelCause(context.Background())
	j := &job{abort: abort}
	e.mu.Lock()
	e.jobs = append(e.jobs, j)
	id := int64(len(e.jobs))
	e.mu.Unlock()
	fate := e.node.world.fate("job at " + e.node.id)
	e.node.world.background.Go(func() {
		defer abort(nil)
		defer e.is(func() { j.ended = true })
		for {
			// Virtual time passes only once the transaction that enqueues it is over.
			e.node.world.sleep(time.Millisecond * time.Duration(1+fate.IntN(400)))
			p := e.node.living(fate)
			if ctx.Err() != nil || e.node.world.over() {
				return
			}
			if p == nil {
				continue
			}
			e.is(func() { j.begun = true })
			if err := p.worker.Run(ctx, sessionID, fence); err == nil || !errors.Is(err, syncer.ErrShutdown) {
				return
			}
			e.is(func() { j.begun = false })
		}
	})
	return id, nil
}

func (e *engine) is(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

// EnqueuePush implements [syncer.Queue].
func (e *engine) EnqueuePush(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (int64, error) {
	return e.Enqueue(ctx, tx, sessionID, fence)
}

// Abort implements [syncer.Queue].
func (e *engine) Abort(_ context.Context, jobID int64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if jobID > 0 {
		e.jobs[jobID-1].abort(syncer.ErrAborted)
	}
	return nil
}

// Pending implements [syncer.JobState].
func (e *engine) Pending(_ context.Context, jobID int64) (waiting, begun bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if jobID == 0 {
		return false, false, nil
	}
	j := e.jobs[jobID-1]
	return !j.begun && !j.ended, j.begun && !j.ended, nil
}
