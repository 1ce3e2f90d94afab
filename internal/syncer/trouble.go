package syncer

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// troubles tells the log, and the list of peers, what a worker waits for.
type troubles struct {
	log    *slog.Logger
	peers  Peers
	peerID string

	mu sync.Mutex
	// noted says that the list of peers shows trouble.
	noted bool
}

// waiting tells of a wait, or that waiting is over.
func (t *troubles) waiting(ctx context.Context, wait transfer.Wait) {
	switch {
	case wait.For == 0:
		t.log.InfoContext(ctx, "the trouble has passed", "peer", t.peerID)
	case wait.Throttled:
		t.log.InfoContext(ctx, "waiting as long as was asked for", "peer", t.peerID, "what", wait.Reason, "wait", wait.For)
	default:
		t.log.WarnContext(ctx, "waiting before another try", "peer", t.peerID, "what", wait.Reason, "try", wait.Try, "wait", wait.For, "cause", wait.Err)
	}
	if wait.Source && !wait.Throttled {
		t.seen(ctx, wait.Err)
	}
}

// answered tells the list of peers that the peer has answered.
func (t *troubles) answered(ctx context.Context) {
	t.mu.Lock()
	t.noted = true // or what an earlier run has noted
	t.mu.Unlock()
	t.seen(ctx, nil)
}

// failed tells the list of peers what a run failed for, where that is the peer's.
func (t *troubles) failed(ctx context.Context, err error) {
	if code := fault.CodeOf(err); strings.HasPrefix(code, "PEER_") || strings.HasPrefix(code, "FEED_") {
		ctx, cancel := context.WithTimeout(ctx, settleTimeout)
		defer cancel()
		t.seen(ctx, err)
	}
}

// seen notes in the list of peers that the peer answers (nil), or its trouble.
func (t *troubles) seen(ctx context.Context, trouble error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if trouble == nil && !t.noted || t.peerID == "" {
		return
	}
	if err := t.peers.Seen(ctx, t.peerID, trouble); err != nil {
		if !errors.Is(err, context.Canceled) {
			t.log.WarnContext(ctx, "the peer's state could not be noted", "peer", t.peerID, "error", err)
		}
		return
	}
	t.noted = trouble != nil
}

// resumable adds to the failure of a session that it can be resumed, where that saves reading again what is here.
func resumable(err error, row *session.Session) error {
	var why *fault.Error
	if row.Direction == session.Import || !errors.As(err, &why) || why.Kind != fault.Unavailable && why.Kind != fault.Impossible {
		return err
	}
	handled := row.Handled()
	if row.Cursor == "" || row.TotalRecords != nil && handled >= *row.TotalRecords {
		return err
	}
	return why.Also("What was committed stays: resume the sync, and it goes on behind the %d products that it has read.", handled)
}
