package simulation

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/syncer"
)

// forgedVersion is of products that are only in forged batches. The diary tells where one was written.
const forgedVersion = 9

// forge sends a target what no pusher would send of a session: none of it may be taken.
func (w *world) forge(fate *rand.Rand, n *node, id string) {
	row, _, err := n.db.GetSession(context.Background(), id)
	if err != nil || !row.Status.Active() || row.BatchSeq == 0 {
		return
	}
	what := fate.IntN(6)
	w.somebody(fate, n, func(ctx context.Context, at *process) {
		forged := catalog.Batch{Products: []catalog.Product{product(0, forgedVersion)}}
		commit := func(fence, seq int64) error {
			_, err := at.receiver.Commit(ctx, row.ID, row.PushedBy, fence, seq, forged, 0)
			return err
		}
		var err error
		switch what {
		case 0: // of an older worker
			err = commit(row.Fence-1, row.BatchSeq+1)
		case 1: // twice: it is answered, and not written
			_ = commit(row.Fence, row.BatchSeq)
			return
		case 2: // more than any guard here lets through
			forged = catalog.Batch{}
			for i := range maxDeletes + 1 {
				forged.Deletes = append(forged.Deletes, product(i, 0).ID)
			}
			if err = commit(row.Fence, row.BatchSeq+1); w.hasSent(row.ID, row.BatchSeq+1) {
				return // the pusher was first, and the answer is that to its batch
			}
		case 3: // for an older worker
			_, _, err = at.receiver.Open(ctx, syncer.Opening{
				SessionID: row.ID, NodeID: row.PeerID, Catalog: row.Catalog, Fence: row.PusherFence - 1, Options: row.Options,
			}, row.PushedBy)
		case 4: // before the end
			total := int64(1000)
			_, err = at.receiver.Finish(ctx, row.ID, row.PushedBy, syncer.Finish{Fence: row.Fence, SourceTotal: &total})
		case 5: // in place of it, although it was started before
			late := syncer.Opening{
				SessionID: "late-" + row.ID, NodeID: row.PeerID, Catalog: row.Catalog, Fence: 1, Options: row.Options,
				StartedAt: time.UnixMicro(row.PusherStarted - 1),
			}
			if _, _, err = at.receiver.Open(ctx, late, row.PushedBy); err == nil {
				if now, _, found := n.db.GetSession(context.Background(), row.ID); found == nil && !strings.Contains(now.ErrorMessage, late.SessionID) {
					return // the catalog was free by then, so it may have it until its lease runs out
				}
			}
		}
		if err == nil {
			w.wrong("%s took forgery %d of %s", n.id, what, row.ID)
		}
	})
}
