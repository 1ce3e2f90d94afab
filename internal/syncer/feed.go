package syncer

import (
	"context"
	"errors"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Feed is a source that is fetched whole before it can be read and compared.
type Feed interface {
	transfer.Source
	// Target is the peer as it was when the source was opened.
	Target() peer.Target
	// Fetch brings the feed here. Nothing else may be asked before it has succeeded. Trouble that may pass is a [transfer.TransientError].
	Fetch(ctx context.Context, how Fetching) (Fetched, error)
}

// Fetching says how a feed is fetched.
type Fetching struct {
	// Since asks whether the feed has changed since then; the zero value reads it in any case.
	Since peer.FeedSeen
	// Try repeats a request while its trouble may pass.
	Try func(ctx context.Context, step func() error) error
	// Came is told how many records have come so far. Its errors end the fetching.
	Came func(records int64) error
}

// Fetched is what was fetched.
type Fetched struct {
	// Unchanged says that the feed is what it was; nothing was fetched then.
	Unchanged bool
	// State stands for all its products, and Seen is what to ask with the next time.
	State string
	Seen  peer.FeedSeen
}

// fetchedFeed is the feed of a session.
type fetchedFeed struct {
	Fetched
	from   Feed
	target peer.Target
}

// fetchedEvery is how often a session says how much of its feed has come.
const fetchedEvery = time.Second

// fetch brings the feed of a session here. Where a worker before this one read it, and it has changed since, the session begins anew.
func (w *Worker) fetch(ctx context.Context, from Feed, way *way, out *sink) error {
	row := out.row
	f := &fetchedFeed{from: from, target: from.Target()}
	way.feed = f
	since, err := w.unchangedSince(ctx, f, way, out)
	if err != nil {
		return err
	}
	step := "Reading feed " + row.PeerID
	if err := out.advance(ctx, session.Progressed{Phase: row.Phase, Step: step}); err != nil {
		return err
	}
	told := time.Now()
	how := Fetching{
		Since: since,
		Try:   func(ctx context.Context, step func() error) error { return final(out.persist(ctx, step)) },
		Came: func(records int64) error {
			if time.Since(told) < fetchedEvery {
				return nil
			}
			told = time.Now()
			return out.advance(ctx, session.Progressed{Phase: row.Phase, Step: step + ": " + plural.Of(records, "product") + " so far"})
		},
	}
	err = out.persist(ctx, func() (err error) {
		f.Fetched, err = from.Fetch(ctx, how)
		return err
	})
	if err != nil || f.Unchanged {
		return err
	}
	if row.FeedState == f.State {
		return nil
	}
	to := session.Progressed{Phase: row.Phase, Step: step, FeedState: f.State}
	if row.FeedState != "" && row.Cursor != "" {
		to.Step, to.Anew = "Feed "+row.PeerID+" has changed; reading it from the beginning again", true
	}
	return out.advance(ctx, to)
}

// final is the error of trouble that was waited out in vain: nobody waits for it once more.
func final(err error) error {
	var said *fault.Error
	_, passing := errors.AsType[*transfer.TransientError](err)
	if (passing || fault.KindOf(err) == fault.Unavailable) && errors.As(err, &said) {
		return fault.New(fault.Conflict, said.Code, said.Title, "%s", said.Message)
	}
	return err
}

// unchangedSince returns what to ask the feed's server with, so that a feed that has not changed is not read. It is only asked where that would
// mean that there is nothing to do: the catalog here is as the feed has left it, and the session wants no more than the one before.
func (w *Worker) unchangedSince(ctx context.Context, f *fetchedFeed, way *way, out *sink) (none peer.FeedSeen, err error) {
	opt, seen := out.row.Options, f.target.Seen
	if !seen.Known() || out.row.Cursor != "" || out.row.PlanID != "" || opt.DryRun || opt.ReadEverything || opt.VerifyAfterSync || opt.ApprovedDeletes != "" ||
		opt.DeleteMissing && !seen.WithDeletes {
		return none, nil
	}
	state, err := w.stateOf(ctx, out, way.to)
	if state = targetState(out.row, state); err != nil || state == "" || state != seen.Target {
		return none, err
	}
	return seen, nil
}

// nothingChanged completes a session whose feed is what it was.
func (w *Worker) nothingChanged(ctx context.Context, way *way, out *sink) error {
	out.troubles.answered(ctx)
	if err := w.begin(ctx, out, 0, nil); err != nil {
		return err
	}
	step := "Nothing to do: feed " + out.row.PeerID + " has not changed since it was last read, and neither has the catalog here"
	return w.complete(ctx, way, out, step, session.Deletion{})
}

// noteFeed writes down what the feed was, if the catalog is now as the feed is.
func (w *Worker) noteFeed(ctx context.Context, way *way, out *sink, d session.Deletion) (err error) {
	row := out.row
	f := way.feed
	if f == nil || f.Unchanged || row.Options.DryRun || row.Rejected > 0 || row.ResumedRecords > 0 || d.Withheld > 0 || !f.Seen.Known() {
		return nil
	}
	seen := f.Seen
	seen.WithDeletes = row.Options.DeleteMissing && row.Options.ApprovedDeletes == ""
	seen.Target, err = w.stateOf(ctx, out, way.to)
	if seen.Target = targetState(row, seen.Target); err != nil || seen.Target == "" {
		return err
	}
	return out.persist(ctx, func() error { return w.peers.NoteFeed(ctx, f.target, seen) })
}

// state is what stands for the feed's products, which counts what was refused as well; otherwise where the session reads no feed.
func (f *fetchedFeed) state(otherwise string) string {
	if f == nil {
		return otherwise
	}
	return f.State
}
