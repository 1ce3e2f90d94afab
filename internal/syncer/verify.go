package syncer

import (
	"context"
	"fmt"

	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// verify compares both sides once more, by content and not by what is stored of it, and puts right what differs. It returns the
// session's last step.
func (w *Worker) verify(ctx context.Context, way *way, sides *transfer.Comparison, out *sink, opt transfer.Options) (step string, err error) {
	row := out.row
	err = out.advance(ctx, session.Progressed{Phase: session.PhaseVerifying,
		Step: "Verifying " + plural.Of(row.TransferredRecords, "product")})
	if err != nil {
		return "", err
	}
	refused, err := out.refused(ctx)
	if err != nil {
		return "", err
	}
	if sides == nil {
		return w.verifyByHashes(ctx, way, out, refused)
	}
	again := *sides
	again.Target = way.to.Rehashed()
	if from, ok := sides.Source.(transfer.Rehasher); ok {
		again.Source = from.Rehashed()
	}
	if again.Near = again.Target; way.push != nil {
		again.Near = again.Source
	}
	v, err := transfer.Verify(ctx, again, out, opt, refused)
	if err != nil {
		return "", err
	}
	done := session.Progressed{Phase: session.PhaseVerifying, Step: row.CurrentStep, Certificate: certify(again).String()}
	if r, ok := again.Target.(transfer.Repairer); ok {
		done.Repaired = r.Repaired()
	}
	return verified(row, v.Extra), out.advance(ctx, done)
}

// verified is the last step of a session that was verified, with what only this node has.
func verified(row *session.Session, extra transfer.Sample) string {
	step := "Transferred and verified " + plural.Of(row.TransferredRecords, "product")
	if extra.Count > 0 {
		step += fmt.Sprintf("; only here: %s", extra)
	}
	return step
}

// certify returns what both sides have said of themselves in the last pass.
func certify(c transfer.Comparison) session.Certificates {
	one := func(side transfer.Side) *session.Certificate {
		by, ok := side.(transfer.Certifier)
		if !ok {
			return nil
		}
		sum, count, ok := by.Certificate()
		if !ok {
			return nil
		}
		return &session.Certificate{SHA256: sum, Products: count}
	}
	return session.Certificates{Source: one(c.Source), Target: one(c.Target)}
}

// verifyByHashes compares with a source that has no digests, by the hashes that are stored on both sides. It finds what is missing or
// different, and puts nothing right.
func (w *Worker) verifyByHashes(ctx context.Context, way *way, out *sink, refused map[string]bool) (step string, err error) {
	row := out.row
	theirs, ok := way.source.(transfer.Comparer)
	if !ok {
		return "", fault.New(fault.Impossible, "CANNOT_VERIFY", "Cannot verify",
			"%s cannot list its products' hashes, so the sync cannot be verified. Start it without verifyAfterSync.", row.PeerID)
	}
	var d transfer.Difference
	for look, before := 1, expected(row); ; look++ {
		if d, err = transfer.Compare(ctx, theirs, way.held, out, w.cfg.Backoff, refused); err != nil {
			return "", err
		}
		now, err := w.total(ctx, way.source, out, d.Total)
		if err != nil {
			return "", err
		}
		if d.Compared >= min(before, now) { // see reachedEnd
			break
		}
		if look == looks {
			return "", incomplete(row.SourceNodeID, now, d.Compared)
		}
		before = now
	}
	if !d.Clean() {
		return "", unverified(row.SourceNodeID, d)
	}
	return verified(row, d.Extra), nil
}

func unverified(peerID string, d transfer.Difference) error {
	return fault.New(fault.Conflict, "VERIFICATION_FAILED", "Verification failed",
		"Of %s at %s, missing here: %s; different here: %s. Most likely products changed at %s or here while "+
			"the sync ran. Start the sync again; only what differs is written.",
		plural.Of(d.Compared, "product"), peerID, d.Missing, d.Different, peerID)
}
