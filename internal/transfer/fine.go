package transfer

import (
	"context"
	"slices"

	"fullsync/internal/catalog"
)

// cut cuts every stretch that is to be listed into fine ones, which one of the sides draws.
func (w *walker) cut(ctx context.Context, coarse window) (fine window, err error) {
	if coarse.fine && !slices.ContainsFunc(coarse.stretches, stretch.large) {
		return coarse, nil
	}
	fine.total = coarse.total
	for i := 0; i < len(coarse.stretches); {
		if s := coarse.stretches[i]; s.kind != listed || coarse.fine && !s.large() {
			fine.stretches = append(fine.stretches, coarse.stretches[i])
			i++
			continue
		}
		run, n := joined(coarse.stretches[i:])
		drawn, err := w.drawFine(ctx, run, n)
		if err != nil {
			return fine, err
		}
		fine.stretches = append(fine.stretches, drawn...)
		i += n
	}
	return fine, nil
}

// refine asks the other side about all of the fine stretches at once. The stretches between them are part of the question, and their
// answers are not looked at.
func (w *walker) refine(ctx context.Context, fine window) (window, error) {
	return fine, w.ask(ctx, fine.stretches)
}

// large says that there are too many products to list them in one question.
func (s stretch) large() bool { return max(s.promise.Count, s.held.Count) > maxEntries }

// joined returns the first stretches as one, and how many they are: as many as are to be listed, so that they are cut in one
// question. One with too many products for that stays alone.
func joined(coarse []stretch) (run stretch, n int) {
	run, n = coarse[0], 1
	for ; n < len(coarse) && coarse[n].kind == listed && !coarse[0].large() && !coarse[n].large(); n++ {
		run.Through = coarse[n].Through
		run.promise, run.held = run.promise.Plus(coarse[n].promise), run.held.Plus(coarse[n].held)
	}
	return run, n
}

// drawFine cuts a stretch of n coarse ones into fine ones, with the digests of the side that drew them: the near side, unless nearly
// all of the ids are the other's. The last one reaches to the end of the stretch.
func (w *walker) drawFine(ctx context.Context, s stretch, n int) ([]stretch, error) {
	by := w.Near
	switch {
	case n > 1:
	case s.promise.Count > maxEntries && s.promise.Count > s.held.Count:
		by = w.Source
	case s.held.Count > maxEntries:
		by = w.Target
	}
	every := min(maxEvery, max(w.Fine, int(max(s.promise.Count, s.held.Count))/(maxFine*n)))
	var out []stretch
	for after, more := s.After, true; more; {
		var page SpanPage
		err := w.try(ctx, func() (err error) {
			page, err = by.Spans(ctx, after, s.Through, every, maxBounds)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, w.stretches(page.Spans, after, by)...)
		after, more = page.Next, page.More
	}
	if len(out) == 0 { // the side that drew has nothing here
		return []stretch{s}, nil
	}
	out[len(out)-1].Through = s.Through
	return out, nil
}

// answer asks side for its digests of those fine stretches that the other side drew.
func (w *walker) answer(ctx context.Context, side Side, out []stretch) error {
	asked := func(s stretch) bool { return s.kind == listed && s.drawn != nil && s.drawn != side }
	first := slices.IndexFunc(out, asked)
	if first < 0 {
		return nil
	}
	last := len(out)
	for !asked(out[last-1]) {
		last--
	}
	digests, err := w.digests(ctx, side, out[first].After, throughs(out[first:last]))
	if err != nil {
		return err
	}
	for i, d := range digests {
		if s := &out[first+i]; asked(*s) {
			if side == w.Source {
				s.promise = d
			} else {
				s.held = d
			}
		}
	}
	return nil
}

// wholeRuns joins long runs of differing stretches into unread ones, in place. None is longer than maxEntries, which is two of the largest batches that
// there are by themselves: a few products more would be a batch of their own, and a transaction.
func wholeRuns(fine []stretch) []stretch {
	out := fine[:0]
	for i := 0; i < len(fine); {
		end, ids := i, int64(0)
		for end < len(fine) && fine[end].kind == listed && (ids == 0 || ids+fine[end].promise.Count <= maxEntries) {
			ids += fine[end].promise.Count
			end++
		}
		if ids < wholeRun {
			end = max(end, i+1)
			out = append(out, fine[i:end]...)
			i = end
			continue
		}
		whole := fine[i]
		whole.kind, whole.Through = unread, fine[end-1].Through
		for _, f := range fine[i+1 : end] {
			whole.promise = whole.promise.Plus(f.promise)
		}
		out = append(out, whole)
		i = end
	}
	return out
}

// fill lists the entries of the stretches that are to be listed, many in one question.
func (w *walker) fill(ctx context.Context, fine []stretch) error {
	for i := 0; i < len(fine); {
		var ask []*stretch
		for size := int64(0); i < len(fine) && len(ask) < maxBounds; i++ {
			if fine[i].kind != listed {
				continue
			}
			if size += max(fine[i].promise.Count, fine[i].held.Count); size > maxEntries && len(ask) > 0 { // one answer has no more
				break
			}
			ask = append(ask, &fine[i])
		}
		if err := w.listAll(ctx, ask); err != nil {
			return err
		}
	}
	return nil
}

// listAll lists the entries of some stretches, in one question to each side.
func (w *walker) listAll(ctx context.Context, ask []*stretch) error {
	if len(ask) == 0 {
		return nil
	}
	of := make([]catalog.Interval, len(ask))
	for i, s := range ask {
		of[i] = s.Interval
	}
	theirs, ours, err := w.bothEntries(ctx, of)
	if err != nil {
		return err
	}
	for _, s := range ask {
		listed := cut(&theirs, s.Through)
		if !fits(s.promise, listed) {
			if s.promise, listed, err = w.settle(ctx, s.Interval, s.promise); err != nil {
				return err
			}
		}
		var extra []catalog.Entry
		s.entries, extra = merge(listed, cut(&ours, s.Through))
		if w.extra != nil && len(extra) > 0 {
			if err := w.extra(extra); err != nil {
				return err
			}
		}
	}
	return nil
}
