package simulation

// mutation is a guard, and how the code looks without it.
type mutation struct{ name, file, guard, broken string }

// mutations are one for each guard. The simulation must notice every one of them.
var mutations = []mutation{
	{
		"a batch is committed under any fence", "internal/store/ledger.go",
		`fenced(tx, c).Where("batch_seq = ?`, `tx.Model(&session.Session{}).Where("id = ?", c.SessionID).Where("batch_seq = ?`,
	},
	{
		"a batch is committed with any number", "internal/store/ledger.go",
		`Where("batch_seq = ? AND status IN ?", next.BatchSeq-1, session.Stored`, `Where("status IN ?", session.Stored`,
	},
	{
		"a session that has ended takes batches", "internal/store/ledger.go",
		`fenced(tx, c).Where("batch_seq = ? AND status IN ?", next.BatchSeq-1, session.Stored(session.Transferring))`,
		`tx.Model(&session.Session{}).Where("id = ? AND fence = ? AND batch_seq = ?", c.SessionID, c.Fence, next.BatchSeq-1)`,
	},
	{
		"a repeated batch is written again", "internal/syncer/receiver.go",
		`if seq == row.BatchSeq+1 {`, `if seq == row.BatchSeq+1 || seq == row.BatchSeq {`,
	},
	{
		"opening a session for another worker does not raise its fence", "internal/store/incoming.go",
		`values["phase"] = session.PhaseTransferring`, `values["phase"], values["fence"] = session.PhaseTransferring, before.Fence`,
	},
	{
		"a session is opened for an older worker", "internal/store/incoming.go",
		`incoming AND pusher_fence <= ?`, `incoming AND ? >= 0`,
	},
	{
		"an older push takes the catalog from a newer one", "internal/store/incoming.go",
		`row.PusherStarted > 0 && row.PusherStarted < there.PusherStarted`, `row.PusherStarted < 0`,
	},
	{
		"a push that was cancelled before it was opened is opened", "internal/syncer/receiver.go",
		`if o == nil || fault.KindOf(err) != fault.NotFound {`, `if o != nil || fault.KindOf(err) != fault.NotFound {`,
	},
	{
		"a cancel counts as confirmed although nobody was told", "internal/syncer/confirm.go",
		`target.Cancel(ctx, opening, Cancellation{By: row.CancelledBy, Reason: row.CancelReason, Revert: row.RevertWanted})`,
		`Standing{SessionID: opening.SessionID}, error(nil)`,
	},
	{
		"deletes need no guard at the target", "internal/syncer/receiver.go",
		`n > 0 && (row.DeletesAllowed == nil || row.Deleted+n > *row.DeletesAllowed)`, `n < 0`,
	},
	{
		"a push is COMPLETED although its pusher has more", "internal/syncer/receiver.go",
		`f.SourceTotal == nil || *f.SourceTotal > row.Handled()`, `f.SourceTotal == nil`,
	},
	{
		"a batch is committed after its lease has run out", "internal/store/ledger.go",
		`if next.Incoming {`, `if next.Incoming && next.ID == "" {`,
	},
	{
		"a lease never ends", "internal/store/lost.go",
		`row.Incoming && silent >= 0 && silent <= row.Lease()`, `row.Incoming || silent == 1`,
	},
	{
		"a session that applies a plan takes what comes", "internal/store/ledger.go",
		`err = s.asPlanned(tx, row)`, `err = nil`,
	},
	{
		"a session that has done a part of its plan is COMPLETED", "internal/syncer/plan.go",
		`if plan.Created == row.Created && plan.Updated == row.Updated && plan.Deleted == row.Deleted {`, `if plan.ID != "" {`,
	},
	{
		"a dry run writes", "internal/store/ledger.go",
		`case row.Options.DryRun:`, `case row.Options.DryRun && row.ID == "":`,
	},
	{
		"a revert overwrites what was changed since", "internal/catalog/restore.go",
		`if now == r.After ||`, `if now != "" || now == r.After ||`,
	},
	{
		"a pusher writes to its session under any fence", "internal/store/outgoing.go",
		`fenced(tx, session.Claim{SessionID: next.ID, Fence: next.Fence}), values)`, `tx.Model(&session.Session{}).Where("id = ?", next.ID), values)`,
	},
}
