package transfer

import (
	"context"
	"slices"
	"sync/atomic"

	"fullsync/internal/catalog"
)

// Sizes of the questions that a comparison asks. A coarse span costs the source one line; a fine one is what is left to look
// at when a single product differs.
const (
	defaultCoarse = 1000
	defaultFine   = 16
	// defaultWindow is how many coarse spans are compared at once: a session that only skips moves its cursor after each. The
	// smaller it is, the more the two sides work at the same time.
	defaultWindow = 64
	// maxBounds is how many bounds one question carries, maxEntries how many entries one answer should.
	maxBounds  = 5000
	maxEntries = 5000
	// maxEvery is how many ids a span may have.
	maxEvery = 100_000
	// looks is how often a source that contradicts itself is looked at before it counts as lying.
	looks = 3
	// maxFine is how many fine spans a coarse one is cut into at least before they get larger.
	maxFine = 256
	// wholeRun is how many ids in a row must lie in differing fine spans for the products to be read without asking
	// for their hashes first: where everything differs, asking on is a waste.
	wholeRun = 512
	// denseTenths is how many tenths of the coarse spans must differ for them to be left out from then on; when only one of sparse fine ones
	// differs, they are drawn again.
	denseTenths, sparse = 9, 32
	// maxDense is how many fine ones are then compared at once: each of them is kept while several windows are under way.
	maxDense = 2000
)

// Comparison says which two sides are compared, and how.
type Comparison struct {
	Source, Target Side
	// Products reads the source's.
	Products SpanReader
	// Near is whichever of the two is here. It draws the fine spans, because asking it costs no request.
	Near Side
	Sizes
}

// Sizes are those of the questions that a comparison asks, 0 for the defaults.
type Sizes struct {
	// Coarse and Fine are the numbers of ids in a span, Window is the number of coarse spans compared at once.
	Coarse, Fine, Window int
}

// kind is what a comparison found out about a stretch of ids.
type kind int

const (
	// same: both sides hold the same products.
	same kind = iota
	// listed: the entries of both sides are known one by one.
	listed
	// unread: nearly everything differs; the products are to be read.
	unread
)

// stretch is a piece of the id space, (After, Through], with what the comparison found there. Stretches come in order and
// leave no gap.
type stretch struct {
	catalog.Interval
	kind kind
	// promise is what the source says is there, held what the target says.
	promise, held catalog.Digest
	// entries are the source's, where the stretch is listed.
	entries []entry
	// drawn is the side that drew the stretch, where the other has to be asked about it.
	drawn Side
}

// entry is a product of the source; want says that the target lacks it or holds another content, held that it is the latter for sure.
type entry struct {
	catalog.Entry
	want, held bool
}

// walker compares two sides window by window.
type walker struct {
	Comparison
	try try
	// nodeID is the source, for messages.
	nodeID string
	// extra, where not nil, has every difference listed by name, so that no stretch is unread, and is told what only the target
	// has, in order.
	extra func([]catalog.Entry) error
	// size is how many products are read at once.
	size *Size
	// dense says that nearly all coarse spans of late have differed, so that drawing them is a waste.
	dense atomic.Bool
	// onDigests, where not nil, is told the digests of both sides in the end: sums has those of what was compared so far.
	onDigests func(source, target catalog.Digest)
	sums      struct{ source, target catalog.Digest }
	// windows are compared as far as their fine spans.
	windows <-chan made[window]
	stop    func()
}

// try repeats a question while its trouble may pass.
type try func(ctx context.Context, question func() error) error

// newWalker returns a walker that has not started yet.
func newWalker(c Comparison, nodeID string, extra func([]catalog.Entry) error, try try) *walker {
	c.Coarse, c.Fine, c.Window = positive(c.Coarse, defaultCoarse), positive(c.Fine, defaultFine), positive(c.Window, defaultWindow)
	w := &walker{Comparison: c, try: try, nodeID: nodeID, extra: extra, size: NewSize(catalog.MaxBatchProducts)}
	w.sums.source.Known, w.sums.target.Known = true, true
	return w
}

// comparedAhead is how many windows are compared while batches of an earlier one are committed. Before they are cut they are small.
const comparedAhead = 12

// start starts to compare behind an id. Each step of it is a window ahead of the next one, so that both sides have something to do all the time. The
// caller calls stop in the end.
func (w *walker) start(ctx context.Context, after string) {
	spans, stopSpans := stage(ctx, w.draw(after))
	coarse, stopCoarse := stageAhead(ctx, comparedAhead, then(spans, w.compare))
	cut, stopCut := stage(ctx, then(coarse, w.cut))
	fine, stopFine := stage(ctx, then(cut, w.refine))
	w.windows = fine
	w.stop = func() { // each waits for the one before it
		stopSpans()
		stopCoarse()
		stopCut()
		stopFine()
	}
}

// draw returns what draws the spans, window by window: the source does, coarse ones, or the near side, fine ones, where nearly everything differs.
func (w *walker) draw(after string) func(context.Context) (window, bool, error) {
	more, limit := true, NewSize(w.Window)
	fine := w.extra == nil // certificates are made of what the source draws
	var total *int64
	return func(ctx context.Context) (drawn window, _ bool, _ error) {
		if !more {
			return drawn, false, nil
		}
		if fine && w.dense.Load() {
			var page SpanPage
			err := w.try(ctx, func() (err error) {
				page, err = w.Near.Spans(ctx, after, "", w.Fine, max(1, min(maxDense, w.Window*w.Coarse/w.Fine)))
				return err
			})
			if fine = page.More; fine || err != nil { // the source says what is behind the last page
				drawn = window{fine: true, stretches: w.stretches(page.Spans, after, w.Near), total: total}
				after = page.Next
				return drawn, true, err
			}
		}
		var page SpanPage
		err := w.try(ctx, func() (err error) {
			page, err = w.Source.Spans(ctx, after, "", w.Coarse, limit.now)
			return limit.Heard(err)
		})
		drawn.stretches = w.stretches(page.Spans, after, w.Source)
		if after = page.Next; !page.More && w.extra != nil { // what the target has behind the source's last id
			drawn.stretches = append(drawn.stretches, stretch{Interval: catalog.Interval{After: after}, promise: catalog.Digest{Known: true}, kind: listed, drawn: w.Source})
		}
		more, total, drawn.total = page.More, page.Total, page.Total
		drawn.last, drawn.end = !more, after
		return drawn, true, err
	}
}

// stretches returns the spans that a side drew behind an id, all of which are still to be compared.
func (w *walker) stretches(spans []catalog.Span, after string, by Side) []stretch {
	out := make([]stretch, len(spans))
	for i, span := range spans {
		out[i] = stretch{Interval: catalog.Interval{After: after, Through: span.Through}, kind: listed, drawn: by}
		if after = span.Through; by == w.Target {
			out[i].held = span.Digest
		} else {
			out[i].promise = span.Digest
		}
	}
	return out
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// window is what was compared at once.
type window struct {
	stretches []stretch
	// fine says that they are fine ones from the beginning.
	fine bool
	// total is how many products the source says to have, nil where it does not say.
	total *int64
	// last says that the source has nothing behind the window, which ends at the id end.
	last bool
	end  string
}

// next returns the next window; more is false after the last one.
func (w *walker) next(ctx context.Context) (next window, more bool, err error) {
	next, more, err = take(ctx, w.windows)
	if err != nil || !more {
		return next, false, err
	}
	if w.extra == nil {
		next.stretches = wholeRuns(next.stretches)
	}
	return next, true, w.fill(ctx, next.stretches)
}

// compare asks the other side about the spans that one side drew.
func (w *walker) compare(ctx context.Context, drawn window) (window, error) {
	if err := w.ask(ctx, drawn.stretches); err != nil {
		return drawn, err
	}
	if err := w.sum(ctx, drawn); err != nil {
		return drawn, err
	}
	all, differ := len(drawn.stretches), 0
	for i := range drawn.stretches {
		s := &drawn.stretches[i]
		if s.kind == same {
			continue
		}
		differ++
		if !drawn.fine && s.held.Count == 0 && w.extra == nil {
			s.kind = unread
		}
	}
	switch {
	case !drawn.fine && differ*10 >= all*denseTenths:
		w.dense.Store(true)
	case drawn.fine && differ*sparse <= all:
		w.dense.Store(false)
	}
	return drawn, nil
}

// sum adds up the digests of both sides, and tells them at the end: then with what only the target has behind it.
func (w *walker) sum(ctx context.Context, drawn window) error {
	if w.onDigests == nil {
		return nil
	}
	for _, s := range drawn.stretches {
		w.sums.source, w.sums.target = w.sums.source.Plus(s.promise), w.sums.target.Plus(s.held)
	}
	if !drawn.last {
		return nil
	}
	behind, err := w.digests(ctx, w.Target, drawn.end, []string{""})
	if err == nil {
		w.onDigests(w.sums.source, w.sums.target.Plus(behind[0]))
	}
	return err
}

// ask asks both sides about what the other one drew, and finds what is the same.
func (w *walker) ask(ctx context.Context, drawn []stretch) error {
	for _, side := range []Side{w.Source, w.Target} {
		if err := w.answer(ctx, side, drawn); err != nil {
			return err
		}
	}
	for i := range drawn {
		s := &drawn[i]
		s.drawn = nil
		if s.kind == listed && (s.promise.Same(s.held) || w.extra == nil && s.promise.Count == 0 && s.promise.Known) {
			s.kind = same
		}
	}
	return nil
}

// settle looks again at an interval whose entries do not fit the source's own digest: most likely somebody works in that
// shop. A source whose digest stands still and whose entries never fit it is not telling the truth; see [errIncomplete].
func (w *walker) settle(ctx context.Context, in catalog.Interval, promise catalog.Digest) (catalog.Digest, []catalog.Entry, error) {
	moved := false
	for look := 1; ; look++ {
		now, err := w.digests(ctx, w.Source, in.After, []string{in.Through})
		if err != nil {
			return promise, nil, err
		}
		listed, err := w.entries(ctx, w.Source, []catalog.Interval{in})
		if err != nil {
			return promise, nil, err
		}
		moved, promise = moved || now[0] != promise, now[0]
		switch {
		case fits(promise, listed) || look == looks && moved:
			return promise, listed, nil // what still moves comes with the next sync
		case look == looks:
			return promise, nil, errIncomplete(w.nodeID, in, promise, int64(len(listed)))
		}
	}
}

func (w *walker) digests(ctx context.Context, side Side, after string, through []string) (all []catalog.Digest, err error) {
	for from := 0; from < len(through); from += maxBounds {
		part := through[from:min(from+maxBounds, len(through))]
		var got []catalog.Digest
		err := w.try(ctx, func() (err error) {
			got, err = side.Digests(ctx, after, part)
			return err
		})
		if err != nil {
			return nil, err
		}
		all, after = append(all, got...), part[len(part)-1]
	}
	return all, nil
}

// bothEntries asks both sides at the same time.
func (w *walker) bothEntries(ctx context.Context, of []catalog.Interval) (theirs, ours []catalog.Entry, err error) {
	asked := make(chan error, 1)
	go func() {
		var err error
		ours, err = w.entries(ctx, w.Target, of)
		asked <- err
	}()
	theirs, err = w.entries(ctx, w.Source, of)
	if failed := <-asked; err == nil {
		err = failed
	}
	return theirs, ours, err
}

// entries asks a side for its entries, and shortens their hashes.
func (w *walker) entries(ctx context.Context, side Side, of []catalog.Interval) (listed []catalog.Entry, err error) {
	err = w.try(ctx, func() (err error) {
		listed, err = side.Entries(ctx, of)
		return err
	})
	for i := range listed {
		listed[i].Hash = catalog.Short(listed[i].Hash)
	}
	return listed, err
}

func throughs(stretches []stretch) []string {
	out := make([]string, len(stretches))
	for i, s := range stretches {
		out[i] = s.Through
	}
	return out
}

// fits says that the entries are what the digest promises: as many, and of the same content as far as that is known.
func fits(promise catalog.Digest, listed []catalog.Entry) bool {
	sum := catalog.Digest{Known: true}
	for _, e := range listed {
		sum.Add(e.Hash)
	}
	return sum.Count == promise.Count && (!promise.Known || !sum.Known || sum.Sum == promise.Sum)
}

// cut takes the entries up to through off the front of list.
func cut(list *[]catalog.Entry, through string) []catalog.Entry {
	n := len(*list)
	if through != "" {
		n, _ = slices.BinarySearchFunc(*list, through, func(e catalog.Entry, through string) int {
			if e.ID <= through {
				return -1
			}
			return 1
		})
	}
	front := (*list)[:n]
	*list = (*list)[n:]
	return front
}

// merge sets the target's entries against the source's.
func merge(theirs, ours []catalog.Entry) (entries []entry, extra []catalog.Entry) {
	entries = make([]entry, 0, len(theirs))
	for _, e := range theirs {
		for len(ours) > 0 && ours[0].ID < e.ID {
			extra, ours = append(extra, ours[0]), ours[1:]
		}
		want, held := true, false
		if len(ours) > 0 && ours[0].ID == e.ID {
			want, held, ours = !catalog.SameContent(ours[0].Hash, e.Hash), ours[0].Hash != "", ours[1:]
		}
		entries = append(entries, entry{Entry: e, want: want, held: want && held})
	}
	return entries, append(extra, ours...)
}
