package syncer

import (
	"context"
	"errors"

	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// comparer is a source whose products can be compared before they are read.
type comparer interface {
	transfer.Side
	transfer.SpanReader
}

// readWhole says that every product is read. why is a sentence for the receipt, empty where there was nothing to compare with.
type readWhole struct{ why string }

// compared is what was found out about a session's source before anything is transferred.
type compared struct {
	// sides are nil where the source cannot be compared.
	sides *transfer.Comparison
	// whole is nil where the transfer compares them.
	whole *readWhole
	// total is how many products the source said to have, nil where nobody asked.
	total *int64
}

// compare finds out whether the two sides of a session can be compared, and whether they are.
func (w *Worker) compare(ctx context.Context, way *way, out *sink, after string) (c compared, err error) {
	row := out.row
	if row.Direction == session.Import && way.from == nil {
		c.whole = &readWhole{}
		return c, nil
	}
	var held transfer.SpanPage
	var not *transfer.IncomparableError
	err = out.persist(ctx, func() (err error) {
		held, err = way.to.Spans(ctx, after, "", 1, 1)
		return err
	})
	switch {
	case errors.As(err, &not):
		c.whole = incomparable(row, err)
		return c, nil
	case err != nil:
		return c, err
	case row.Options.ReadEverything:
		c.whole = &readWhole{"The start asked for it (readEverything)."}
	case len(held.Spans) == 0:
		c.whole = &readWhole{}
	}
	if c.whole != nil && !row.Options.VerifyAfterSync && !row.Options.DeleteMissing {
		return c, nil
	}
	if way.from == nil {
		c.whole = &readWhole{row.PeerID + " cannot be compared, so every product was read."}
		return c, nil
	}
	err = out.persist(ctx, func() error { // is it there, and does it hash as we do?
		first, err := way.from.Spans(ctx, after, "", 1, 1)
		if len(first.Spans) > 0 {
			c.total = first.Total
		}
		return err
	})
	switch {
	case errors.As(err, &not):
		c.whole = incomparable(row, err)
		return c, nil
	case err != nil:
		return c, err
	}
	c.sides = &transfer.Comparison{Source: way.from, Target: way.to, Near: way.near, Products: way.products, Sizes: w.cfg.Sizes}
	return c, nil
}

// incomparable says why the other end cannot be compared with this node.
func incomparable(row *session.Session, err error) *readWhole {
	return &readWhole{fault.Sentence(err, row.PeerID+" cannot be compared") + " Every product was read."}
}
