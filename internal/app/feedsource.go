package app

import (
	"context"
	"sync/atomic"
	"time"

	"fullsync/internal/peer"
	"fullsync/internal/source/feed"
	"fullsync/internal/source/fetch"
	"fullsync/internal/staging"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// feedSource is the feed of a peer as the source of a session: it fetches the feed into a temporary file, and is that file from then on.
type feedSource struct {
	*staging.File
	target peer.Target
	area   staging.Area

	body  atomic.Pointer[fetch.Body]
	bytes atomic.Int64
	// asked is when the file was last asked: what is here is never silent.
	asked atomic.Pointer[time.Time]
}

// Compile-time proof of what a feedSource is.
var (
	_ syncer.Feed         = (*feedSource)(nil)
	_ transfer.Side       = (*feedSource)(nil)
	_ transfer.SpanReader = (*feedSource)(nil)
	_ transfer.Lister     = (*feedSource)(nil)
	_ transfer.Audible    = (*feedSource)(nil)
	_ transfer.Metered    = (*feedSource)(nil)
)

// Target implements [syncer.Feed].
func (s *feedSource) Target() peer.Target { return s.target }

// Fetch implements [syncer.Feed].
func (s *feedSource) Fetch(ctx context.Context, how syncer.Fetching) (out syncer.Fetched, err error) {
	opt := fetchOptions(s.target)
	opt.Try = how.Try
	body, err := fetch.Open(ctx, opt, how.Since)
	if body != nil {
		s.body.Store(body)
		defer func() { s.bytes.Add(body.Bytes()); s.body.Store(nil) }()
	}
	if err != nil {
		return out, err
	}
	defer body.Close() //nolint:errcheck // nothing was written
	if body.Unchanged {
		return syncer.Fetched{Unchanged: true}, nil
	}
	r, err := feed.Open(body, feedOptions(*s.target.Feed))
	if err != nil {
		return out, ofFeed(s.target.NodeID, err)
	}
	var records int64
	file, err := s.area.Stage(ctx, s.target.NodeID, r.Records(func(feed.Item) error {
		records++
		return how.Came(records)
	}))
	if err != nil {
		return out, ofFeed(s.target.NodeID, err)
	}
	s.File = file
	out.State, err = file.State(ctx)
	out.Seen = body.Seen()
	return out, err
}

// Close implements [transfer.Source].
func (s *feedSource) Close() error {
	if s.File == nil {
		return nil
	}
	return s.File.Close()
}

// LastSign implements [transfer.Audible].
func (s *feedSource) LastSign() time.Time {
	if body := s.body.Load(); body != nil {
		return body.LastSign()
	}
	if at := s.asked.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Overhead implements [transfer.Metered]: all that has come over the wire.
func (s *feedSource) Overhead() int64 {
	if body := s.body.Load(); body != nil {
		return s.bytes.Load() + body.Bytes()
	}
	return s.bytes.Load()
}

// weightless is a page that comes over no wire.
func (s *feedSource) weightless(page transfer.Page, err error) (transfer.Page, error) {
	now := time.Now()
	s.asked.Store(&now)
	page.Bytes = 0
	return page, err
}

// Read implements [transfer.Source].
func (s *feedSource) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	return s.weightless(s.File.Read(ctx, after, limit))
}

// ReadSpan implements [transfer.SpanReader].
func (s *feedSource) ReadSpan(ctx context.Context, after, through string, limit int) (transfer.Page, error) {
	return s.weightless(s.File.ReadSpan(ctx, after, through, limit))
}

// ReadProducts implements [transfer.SpanReader].
func (s *feedSource) ReadProducts(ctx context.Context, ids []string) (transfer.Page, error) {
	return s.weightless(s.File.ReadProducts(ctx, ids))
}

// Spans implements [transfer.Side].
func (s *feedSource) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	now := time.Now()
	s.asked.Store(&now)
	return s.File.Spans(ctx, after, through, every, limit)
}
