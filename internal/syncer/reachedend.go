package syncer

import (
	"context"
	"fmt"

	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// looks is how often a source that does not hand out what it says to have is looked at again.
const looks = 3

// reachedEnd returns nil when everything that the source has by now was read or refused, as far as that can be proved; said
// is what the source said last of how many products it has, nil where it does not say.
//
// As many products as the source has are enough. Where there are fewer, products were added behind the cursor while it was
// read, or the source is not telling the truth. Only another look tells the two apart: what the source lists and this node
// lacks is read. Then everything listed is here, and the list must be as long as the source says. In a shop where people
// work it may be shorter, by products that are added behind the reader while the list is read; but those turn up in the
// next look. So a list is believed that is no shorter than the source was large before or after it, or falls short of
// it by no more than the look has brought. A source whose lists stay too short, or that lists what it does not
// hand out, is called incomplete.
func (w *Worker) reachedEnd(ctx context.Context, way *way, out *sink, run transfer.Options, said *int64) error {
	row, src := out.row, way.source
	before, err := w.total(ctx, src, out, said)
	if err != nil {
		return err
	}
	// What a dry run has read is not here, so another look would not tell what is missing; whoever applies its plan takes it.
	if row.Handled() >= before || row.Options.DryRun {
		if expected(row) == row.Handled() {
			return nil
		}
		return out.settleTotal(ctx) // what the source said while the two were compared was older
	}
	lister, ok := src.(transfer.Lister)
	if !ok {
		return incomplete(row.SourceNodeID, before, row.Handled())
	}
	run.After = after(row)
	for look := 1; ; look++ {
		err := out.advance(ctx, session.Progressed{Phase: session.PhaseTransferring,
			Step: fmt.Sprintf("Looking for %s that %s has and did not send", plural.Of(before-row.Handled(), "product"), row.SourceNodeID)})
		if err != nil {
			return err
		}
		refused, err := out.refused(ctx)
		if err != nil {
			return err
		}
		had := row.Handled()
		list := transfer.NewLook(lister, way.held, refused)
		if err := transfer.Run(ctx, list, out, run); err != nil {
			return err
		}
		now, err := w.total(ctx, src, out, list.Total)
		if err != nil {
			return err
		}
		came := row.Handled() - had
		switch {
		case list.Unsent.Count == 0 && (list.Listed >= min(before, now) || now-list.Listed <= came):
			return out.settleTotal(ctx)
		case look == looks:
			return incomplete(row.SourceNodeID, now, row.Handled())
		}
		before = now
	}
}

// settleTotal says that what was handled is everything.
func (k *sink) settleTotal(ctx context.Context) error {
	handled := k.row.Handled()
	return k.advance(ctx, session.Progressed{Phase: session.PhaseTransferring, Step: session.TransferringStep(&handled), Total: &handled})
}

// total returns how many products the source says it has now; one of an earlier version, which does not say it with its
// pages, is asked.
func (w *Worker) total(ctx context.Context, src transfer.Source, out *sink, said *int64) (int64, error) {
	if said != nil {
		return *said, nil
	}
	desc, err := w.describe(ctx, src, out)
	return max(desc.Total, 0), err
}

// expected is how many products the source said last to have.
func expected(row *session.Session) int64 {
	if row.TotalRecords == nil {
		return row.Handled()
	}
	return *row.TotalRecords
}

// incomplete is the failure of a session whose source says that it has more products than it hands out.
func incomplete(peerID string, has, sent int64) error {
	return fault.New(fault.Conflict, transfer.CodeIncomplete, "Source is incomplete",
		"%s says that it has %s and hands out %d of them, each time it is asked. Look at its products and at what stands "+
			"between the nodes, then resume the sync.", peerID, plural.Of(has, "product"), sent)
}
