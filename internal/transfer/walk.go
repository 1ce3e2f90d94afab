package transfer

import (
	"context"
	"slices"

	"fullsync/internal/catalog"
)

// Sizes of the questions that a comparison asks. A coarse span costs the source one line; a fine one is what is left to look
// at when a single product differs.
const (
	defaultCoarse = 1000
	defaultFine   = 16
	// defaultWindow is how many coarse spans are compared at once: a session that only skips moves its cursor after each.
	defaultWindow = 256
	// maxBounds is how many bounds one question carries, maxEntries how many entries one answer should.
	maxBounds  = 5000
	maxEntries = 5000
	// looks is how often a source that contradicts itself is looked at before it counts as lying.
	looks = 3
	// wholeRun is how many ids in a row must lie in differing fine spans for the products to be read without asking
	// for their hashes first: where everything differs, asking on is a waste.
	wholeRun = 512
)

// Comparison says which two sides are compared, and how.
type Comparison struct {
	Source, Target Side
	// Products reads the source's.
	Products SpanReader
	// Near is whichever of the two is here. It draws the fine spans, because asking it costs no request.
	Near Side
	// Coarse and Fine are the numbers of ids in a span, Window the number of coarse spans compared at once; 0 for the
	// defaults.
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
	// promise is what the source says is there.
	promise catalog.Digest
	// entries are the source's, where the stretch is listed.
	entries []entry
	// extra are the target's that the source lacks, where the stretch is listed.
	extra []catalog.Entry
}

// entry is a product of the source; want says that the target lacks it or holds another content.
type entry struct {
	catalog.Entry
	want bool
}

// walker compares two sides window by window.
type walker struct {
	Comparison
	try try
	// nodeID is the source, for messages.
	nodeID string
	// list asks for every difference by name: no stretch is unread, and what only the target has is listed too.
	list  bool
	after string
	spans <-chan made[SpanPage]
	stop  func()
}

// try repeats a question while its trouble may pass.
type try func(ctx context.Context, question func() error) error

// newWalker starts to ask the source for its spans, one page ahead of the comparison. The caller calls stop in the end.
func newWalker(ctx context.Context, c Comparison, nodeID, after string, list bool, try try) *walker {
	c.Coarse, c.Fine, c.Window = positive(c.Coarse, defaultCoarse), positive(c.Fine, defaultFine), positive(c.Window, defaultWindow)
	w := &walker{Comparison: c, try: try, nodeID: nodeID, list: list, after: after}
	from, more := after, true
	w.spans, w.stop = stage(ctx, func(ctx context.Context) (page SpanPage, _ bool, _ error) {
		if !more {
			return page, false, nil
		}
		err := try(ctx, func() (err error) {
			page, err = c.Source.Spans(ctx, from, "", c.Coarse, c.Window)
			return err
		})
		from, more = page.Next, page.More
		return page, true, err
	})
	return w
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// next returns the stretches of the next window; more is false after the last one.
func (w *walker) next(ctx context.Context) (window []stretch, more bool, err error) {
	page, more, err := take(ctx, w.spans)
	if err != nil || !more {
		return nil, false, err
	}
	spans := page.Spans
	if !page.More { // what the target has behind the source's last id
		spans = append(spans, catalog.Span{Digest: catalog.Digest{Known: true}})
	}
	window, err = w.compare(ctx, spans)
	if n := len(spans); n > 0 {
		w.after = spans[n-1].Through
	}
	return window, true, err
}

// compare asks the target about the source's spans, and narrows down those that differ.
func (w *walker) compare(ctx context.Context, spans []catalog.Span) ([]stretch, error) {
	theirs, err := w.digests(ctx, w.Target, w.after, throughs(spans))
	if err != nil {
		return nil, err
	}
	var out []stretch
	after := w.after
	for i := 0; i < len(spans); i++ {
		s := stretch{Interval: catalog.Interval{After: after, Through: spans[i].Through}, promise: spans[i].Digest}
		switch {
		case spans[i].Same(theirs[i]):
		case theirs[i].Count == 0 && !w.list:
			s.kind = unread
		default:
			s.kind = listed
		}
		after = spans[i].Through
		out = append(out, s)
	}
	return w.narrow(ctx, out)
}

// narrow replaces the coarse stretches that are to be listed by fine ones, and lists what differs in those.
func (w *walker) narrow(ctx context.Context, coarse []stretch) ([]stretch, error) {
	fine, err := w.refine(ctx, coarse)
	if err != nil {
		return nil, err
	}
	if !w.list {
		fine = wholeRuns(fine)
	}
	return fine, w.fill(ctx, fine)
}

// refine cuts every stretch that is to be listed into fine ones. The near side draws them, the far side is asked about all of
// them at once; the equal stretches between them are part of the question, and their answers are not looked at.
func (w *walker) refine(ctx context.Context, coarse []stretch) ([]stretch, error) {
	far := w.Source
	if w.Near == w.Source {
		far = w.Target
	}
	var out []stretch
	var near []catalog.Digest // of the near side, for each of out
	var bounds []string
	first := -1
	for _, c := range coarse {
		if c.kind != listed {
			out, near, bounds = append(out, c), append(near, catalog.Digest{}), append(bounds, c.Through)
			continue
		}
		if first < 0 {
			first = len(out)
		}
		drawn, err := w.draw(ctx, c.Interval)
		if err != nil {
			return nil, err
		}
		after := c.After
		for _, d := range drawn {
			out = append(out, stretch{Interval: catalog.Interval{After: after, Through: d.Through}, kind: listed})
			near, bounds = append(near, d.Digest), append(bounds, d.Through)
			after = d.Through
		}
	}
	if first < 0 {
		return out, nil
	}
	last := len(out)
	for out[last-1].kind != listed {
		last--
	}
	answers, err := w.digests(ctx, far, out[first].After, bounds[first:last])
	if err != nil {
		return nil, err
	}
	for i := first; i < last; i++ {
		if out[i].kind != listed {
			continue
		}
		out[i].promise = answers[i-first]
		if w.Near == w.Source {
			out[i].promise = near[i]
		}
		if near[i].Same(answers[i-first]) || out[i].promise.Count == 0 && out[i].promise.Known && !w.list {
			out[i].kind = same
		}
	}
	return out, nil
}

// draw returns the near side's fine spans of an interval; the last one reaches to the interval's end.
func (w *walker) draw(ctx context.Context, in catalog.Interval) ([]catalog.Span, error) {
	var drawn []catalog.Span
	for after, more := in.After, true; more; {
		var page SpanPage
		err := w.try(ctx, func() (err error) {
			page, err = w.Near.Spans(ctx, after, in.Through, w.Fine, maxBounds)
			return err
		})
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, page.Spans...)
		after, more = page.Next, page.More
	}
	if len(drawn) == 0 {
		return []catalog.Span{{Through: in.Through, Digest: catalog.Digest{Known: true}}}, nil
	}
	drawn[len(drawn)-1].Through = in.Through
	return drawn, nil
}

// wholeRuns joins long runs of differing stretches into unread ones.
func wholeRuns(fine []stretch) []stretch {
	var out []stretch
	for i := 0; i < len(fine); {
		end, ids := i, int64(0)
		for end < len(fine) && fine[end].kind == listed && ids < maxEntries {
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
		for size := int64(0); i < len(fine) && size < maxEntries && len(ask) < maxBounds; i++ {
			if fine[i].kind == listed {
				ask = append(ask, &fine[i])
				size += fine[i].promise.Count
			}
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
	theirs, err := w.entries(ctx, w.Source, of)
	if err != nil {
		return err
	}
	ours, err := w.entries(ctx, w.Target, of)
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
		s.entries, s.extra = merge(listed, cut(&ours, s.Through))
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

func (w *walker) entries(ctx context.Context, side Side, of []catalog.Interval) (listed []catalog.Entry, err error) {
	err = w.try(ctx, func() (err error) {
		listed, err = side.Entries(ctx, of)
		return err
	})
	return listed, err
}

func throughs(spans []catalog.Span) []string {
	out := make([]string, len(spans))
	for i, s := range spans {
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
		want := true
		if len(ours) > 0 && ours[0].ID == e.ID {
			want, ours = ours[0].Hash != e.Hash, ours[1:]
		}
		entries = append(entries, entry{Entry: e, want: want})
	}
	return entries, append(extra, ours...)
}
