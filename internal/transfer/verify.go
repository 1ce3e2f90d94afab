package transfer

import (
	"context"
	"slices"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

// maxPasses bounds how often a verification compares everything.
const maxPasses = 10

// Verification is what [Verify] found in its last pass over both sides.
type Verification struct {
	// Products is how many the source has.
	Products int64
	// Rewritten is how many products were found different and written again, over all passes.
	Rewritten int64
	// Moving is how many of those the last pass found: the source changes them faster than they can be compared.
	Moving int64
	// Extra are only at the target.
	Extra Sample
}

// Verify compares everything once more and by content, if the sides compute their hashes anew. What differs is read again, written
// through sink, and looked at once more at the target; then the next pass follows, for as long as there are fewer differences each
// time. Products that the source changed after they were read are no failure; products that do not stay at the target as they were
// written are (VERIFICATION_FAILED), and so is a source that contradicts itself (SOURCE_INCOMPLETE). refused names the products that
// the session refused: they are not missing.
func Verify(ctx context.Context, c Comparison, sink Sink, opt Options, refused map[string]bool) (v Verification, err error) {
	for pass, before := 1, int64(-1); ; pass++ {
		found, err := verifyOnce(ctx, c, sink, opt, refused)
		if err != nil {
			return v, err
		}
		found.Rewritten = v.Rewritten + found.Moving
		v = found.Verification
		if v.Moving > 0 && pass < maxPasses && (before < 0 || v.Moving < before) {
			before = v.Moving
			continue
		}
		if found.lost.Count > 0 {
			return v, fault.New(fault.Conflict, "VERIFICATION_FAILED", "Verification failed",
				"Products that the sync wrote do not stay here as they were written: %s. Something else writes to this catalog; stop it, "+
					"then resume the sync.", found.lost)
		}
		return v, nil
	}
}

// pass is one comparison of everything.
type pass struct {
	Verification
	// lost are products that were not here any more, with the content that was written, right after they were written.
	lost Sample
}

func verifyOnce(ctx context.Context, c Comparison, sink Sink, opt Options, refused map[string]bool) (found pass, err error) {
	for _, side := range []Side{c.Source, c.Target} {
		if certifier, ok := side.(Certifier); ok {
			certifier.Forget()
		}
	}
	commits := opt.commits(sink)
	w := opt.survey(ctx, c, sink, func(extra []catalog.Entry) error {
		found.Extra.add(idsOf(extra)...)
		return nil
	})
	defer w.stop()
	for {
		window, more, err := w.next(ctx)
		if err != nil || !more {
			return found, err
		}
		var wanted []item
		for _, s := range window.stretches {
			found.Products += s.promise.Count
			wanted = append(wanted, wantedOf(s, refused)...)
		}
		for part := range slices.Chunk(wanted, commits.limit) {
			for len(part) > 0 {
				page, err := w.read(ctx, part)
				if err != nil {
					return found, err
				}
				asked := part
				if part = part[:0]; page.More {
					n, _ := slices.BinarySearchFunc(asked, page.Next, func(it item, next string) int { return strings.Compare(it.Through, next+"\x00") })
					asked, part = asked[:n], asked[n:]
				}
				if err := w.prove(ctx, asked, &page); err != nil {
					return found, err
				}
				if err := commits.commit(ctx, catalog.Batch{Products: page.Products, Bytes: page.Bytes, Again: true}); err != nil {
					return found, err
				}
				found.Moving += int64(len(page.Products))
				if err := w.look(ctx, asked, page.Products, &found.lost); err != nil {
					return found, err
				}
			}
		}
	}
}

// Survey compares everything by name and calls each with the products that only the target has, in order and some thousands at
// a time.
func Survey(ctx context.Context, c Comparison, sink Sink, opt Options, each func([]catalog.Entry) error) error {
	w := opt.survey(ctx, c, sink, each)
	defer w.stop()
	for {
		if _, more, err := w.next(ctx); err != nil || !more {
			return err
		}
	}
}

// survey starts to compare everything by name. Every question begins with a look at the cancelled flag.
func (opt Options) survey(ctx context.Context, c Comparison, sink Sink, extra func([]catalog.Entry) error) *walker {
	w := newWalker(c, opt.NodeID, extra, func(ctx context.Context, question func() error) error {
		return opt.Backoff.Do(ctx, sink, func() error {
			if err := sink.Held(ctx); err != nil {
				return err
			}
			return question()
		})
	})
	w.start(ctx, "")
	return w
}

// wantedOf returns what the target lacks of a stretch, or holds with another content.
func wantedOf(s stretch, refused map[string]bool) (wanted []item) {
	before := s.After
	for _, e := range s.entries {
		if e.want && !refused[e.ID] {
			wanted = append(wanted, item{Interval: catalog.Interval{After: before, Through: e.ID}, hash: e.Hash})
		}
		before = e.ID
	}
	return wanted
}

// look asks the target for products that were just written, and notes those that are not as they were written.
func (w *walker) look(ctx context.Context, asked []item, written []catalog.Product, lost *Sample) error {
	held, err := w.entries(ctx, w.Target, intervals(asked))
	if err != nil {
		return err
	}
	hashes := make(map[string]string, len(held))
	for _, e := range held {
		hashes[e.ID] = e.Hash
	}
	for _, p := range written {
		if hashes[p.ID] != catalog.Short(p.Hash) {
			lost.add(p.ID)
		}
	}
	return nil
}

func idsOf(entries []catalog.Entry) []string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	return ids
}

// Delete commits deletes batch by batch, each after a look at the cancelled flag and within the pace of opt, until next has none
// left. next returns the ids of up to limit products.
func Delete(ctx context.Context, sink Sink, opt Options, next func(limit int) (ids []string, err error)) error {
	commits := opt.commits(sink)
	for {
		ids, err := next(commits.limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := commits.commit(ctx, catalog.Batch{Deletes: ids}); err != nil {
			return err
		}
	}
}
