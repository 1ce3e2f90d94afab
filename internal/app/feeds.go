package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/source/feed"
	"fullsync/internal/source/fetch"
)

const (
	// previewed is how many products of a feed a check shows.
	previewed = 10
	// previewWithin bounds the check of a feed.
	previewWithin = 25 * time.Second
)

// feeds reads the feeds of peers for the registry.
type feeds struct{}

// feedOptions says in the words of the package feed how a peer's feed is read.
func feedOptions(f peer.Feed) feed.Options {
	return feed.Options{
		Format: f.Format, Preset: f.Preset, Map: f.Mapping, Default: f.Defaults, Decimal: f.Decimal, Unit: f.Unit, Encoding: f.Encoding, Delimiter: f.Delimiter,
	}
}

// fetchOptions says how the feed of a peer is fetched.
func fetchOptions(target peer.Target) fetch.Options {
	opt := feedOptions(*target.Feed)
	return fetch.Options{Target: target, LookAt: func(page []byte) fetch.Page { return fetch.Page(feed.LookAt(page, opt)) }}
}

// CheckFeed implements [peer.Feeds].
func (feeds) CheckFeed(f peer.Feed) error {
	err := feedOptions(f).Check()
	var said *fault.Error
	if errors.As(err, &said) {
		wrong := *said
		wrong.Message = strings.TrimPrefix(wrong.Message, "--") // the members of a peer have the names of the options
		return &wrong
	}
	return err
}

// Preview implements [peer.Feeds].
func (feeds) Preview(ctx context.Context, target peer.Target) (peer.Preview, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, previewWithin, fault.New(fault.Unavailable, "PEER_TIMEOUT", "Peer too slow",
		"Feed %s did not send its first products within %.0f seconds.", target.NodeID, previewWithin.Seconds()))
	defer cancel()
	opt := fetchOptions(target)
	opt.OnlyFirst = true
	body, err := fetch.Open(ctx, opt, peer.FeedSeen{})
	if err != nil {
		return peer.Preview{Reached: body != nil && body.Reached()}, err
	}
	defer body.Close() //nolint:errcheck // nothing was written
	out := peer.Preview{Reached: true}
	r, err := feed.Open(body, feedOptions(*target.Feed))
	if err != nil {
		return out, ofFeed(target.NodeID, err)
	}
	out.Found, out.Hints = r.Found().String(), r.Found().Hints
	for _, item := range r.Sample(previewed) {
		out.Sample = append(out.Sample, item.Record)
	}
	return out, nil
}

// ofFeed says of which feed a sentence of the package feed speaks, and where a peer has the options that it names.
func ofFeed(nodeID string, err error) error {
	var said *fault.Error
	if !errors.As(err, &said) {
		return err
	}
	about := *said
	switch {
	case said.Code == "FEED_EMPTY":
		about.Message = "Feed " + nodeID + " holds no products. That is taken for a mistake: nothing is changed and nothing is deleted. Look at what its server sends."
	case said.Code == "FEED_UNREADABLE" && !strings.HasPrefix(said.Message, "Feed "):
		about.Message = "Feed " + nodeID + ": " + said.Message
		if strings.Contains(said.Message, "--") {
			about.Message += " In a peer, --map is its mapping, --preset its preset, and so on."
		}
	default:
		return err
	}
	return &about
}
