package syncer

import (
	"context"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// sink commits batches to the ledger under one claim. Its row is the worker's copy of the session.
type sink struct {
	ledger   Ledger
	row      *session.Session
	backoff  transfer.Backoff
	troubles *troubles
	// held is the claim of row, apart from it: the reader reports its waits while a commit brings row up to date.
	held session.Claim
	// phase is what to go back to after a wait. It changes only while no reader is at work.
	phase session.Phase
	heard *signs
	// commits is where batches go: the ledger, or the target of a push.
	commits committer
	// slowest is the speed limit of the other end, 0 for none.
	slowest int
	// other is the other end, which is asked what its answers without products weighed, nil if it cannot tell; counted is what of that is in row.
	other   transfer.Metered
	counted int64
	// marked is when the last mark was set; the claim sets the first.
	marked time.Time
}

func newSink(ledger Ledger, row *session.Session, cfg Config, heard *signs, troubles *troubles) *sink {
	return &sink{
		ledger: ledger, row: row, backoff: cfg.Backoff, troubles: troubles,
		held: session.Claim{SessionID: row.ID, Fence: row.Fence}, phase: row.Phase,
		heard: heard, marked: time.Now(), commits: local{ledger, cfg.BatchTimeout},
	}
}

// committer commits a batch of a session, and brings the session up to date.
type committer interface {
	CommitBatch(ctx context.Context, row *session.Session, batch catalog.Batch) error
}

// local commits to this node's database.
type local struct {
	ledger  Ledger
	timeout time.Duration
}

// CommitBatch implements [committer].
func (l local) CommitBatch(ctx context.Context, row *session.Session, batch catalog.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return l.ledger.CommitBatch(ctx, row, batch)
}

// persist tries step again while its trouble may pass.
func (k *sink) persist(ctx context.Context, step func() error) error {
	return k.backoff.Do(ctx, k, step)
}

func (k *sink) claim() session.Claim { return k.held }

// Held implements [transfer.Sink].
func (k *sink) Held(ctx context.Context) error { return k.ledger.Held(ctx, k.claim()) }

// Commit implements [transfer.Sink].
func (k *sink) Commit(ctx context.Context, batch catalog.Batch) error {
	last, silent := k.heard.news()
	k.row.Pulse = session.Pulse{Silent: silent, Mark: time.Since(k.marked) >= session.MarkEvery}
	overhead := k.overhead()
	batch.Bytes += overhead
	if err := k.commits.CommitBatch(ctx, k.row, batch); err != nil {
		return err
	}
	k.counted += overhead
	k.heard.tell(last)
	if k.row.Pulse.Mark {
		k.marked = time.Now()
	}
	return nil
}

// overhead is what answers without products weighed since the last batch, in bytes.
func (k *sink) overhead() int64 {
	if k.other == nil {
		return 0
	}
	return k.other.Overhead() - k.counted
}

// Waiting implements [transfer.Sink].
func (k *sink) Waiting(ctx context.Context, wait transfer.Wait) error {
	k.troubles.waiting(ctx, wait)
	return k.ledger.Waiting(ctx, k.claim(), wait, k.phase)
}

// note is advance for what concerns nobody but this node.
func (k *sink) note(ctx context.Context, to session.Progressed) error {
	to.Phase, to.Step = k.row.Phase, k.row.CurrentStep
	return k.persist(ctx, func() error { return k.ledger.Advance(ctx, k.claim(), to) })
}

func (k *sink) advance(ctx context.Context, to session.Progressed) error {
	err := k.persist(ctx, func() error { return k.ledger.Advance(ctx, k.claim(), to) })
	if p, ok := k.commits.(*push); ok && err == nil {
		err = k.persist(ctx, func() error { return p.tell(ctx, to) })
	}
	if err != nil {
		return err
	}
	k.phase, k.row.Phase, k.row.CurrentStep = to.Phase, to.Phase, to.Step
	if to.Status != "" {
		k.row.Status = to.Status
	}
	if to.Total != nil {
		k.row.TotalRecords = to.Total
	}
	if to.FeedState != "" {
		k.row.FeedState = to.FeedState
	}
	if to.Anew {
		k.row.Cursor, k.row.ResumedRecords = "", 0
	}
	return nil
}

// refused returns the ids of the products that the session refused.
func (k *sink) refused(ctx context.Context) (ids map[string]bool, err error) {
	err = k.persist(ctx, func() (err error) {
		ids, err = k.ledger.RejectedIDs(ctx, k.row.ID)
		return err
	})
	return ids, err
}
