package syncer

import (
	"context"
	"errors"

	"fullsync/internal/fault"
	"fullsync/internal/transfer"
)

// comparer is a source whose products can be compared before they are read.
type comparer interface {
	transfer.Side
	transfer.SpanReader
}

// readWhole says that every product is read. why is a sentence for the receipt, empty where there was nothing to compare with.
type readWhole struct{ why string }

// compare returns the two sides of a session, nil where the source cannot be compared, and whether the transfer compares them: a
// nil whole means that it does.
func (w *Worker) compare(ctx context.Context, src transfer.Source, out *sink, after string) (sides *transfer.Comparison, whole *readWhole, err error) {
	row := out.row
	ours := w.local(row.Catalog)
	var here transfer.SpanPage
	err = out.persist(ctx, func() (err error) {
		here, err = ours.Spans(ctx, after, "", 1, 1)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	switch {
	case row.Options.ReadEverything:
		whole = &readWhole{"The start asked for it (readEverything)."}
	case len(here.Spans) == 0:
		whole = &readWhole{}
	}
	if whole != nil && !row.Options.VerifyAfterSync && !row.Options.DeleteMissing {
		return nil, whole, nil
	}
	theirs, ok := src.(comparer)
	if !ok {
		return nil, &readWhole{row.PeerID + " cannot be compared, so every product was read."}, nil
	}
	sides = &transfer.Comparison{Source: theirs, Target: ours, Near: ours, Products: theirs, Sizes: w.cfg.Sizes}
	err = out.persist(ctx, func() error { // is it there, and does it hash as we do?
		_, err := theirs.Spans(ctx, after, "", 1, 1)
		return err
	})
	var not *transfer.IncomparableError
	switch {
	case errors.As(err, &not):
		return nil, &readWhole{fault.Sentence(err, row.PeerID+" cannot be compared") + " Every product was read."}, nil
	case err != nil:
		return nil, nil, err
	}
	return sides, whole, nil
}
