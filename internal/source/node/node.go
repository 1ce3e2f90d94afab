// Package node reads a catalog from another fullsync node over the node-to-node routes. It does not trust the peer to work
// properly: every answer is bounded in time, size and shape, and a page that was cut anywhere is never used.
package node

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/packing"
	"fullsync/internal/peer"
	"fullsync/internal/transfer"
)

// Compile-time checks of what a Source implements.
var (
	_ transfer.Source     = (*Source)(nil)
	_ transfer.Comparer   = (*Source)(nil)
	_ transfer.Side       = (*Source)(nil)
	_ transfer.Rehasher   = (*Source)(nil)
	_ transfer.SpanReader = (*Source)(nil)
	_ transfer.Audible    = (*Source)(nil)
	_ transfer.Metered    = (*Source)(nil)
)

// Options say how to read from a peer.
type Options struct {
	// URL is the peer's base address; Token is the one that it issued for this node.
	URL   string
	Token string
	// PeerNodeID is the node that must answer there, SelfNodeID the one that must not.
	PeerNodeID string
	SelfNodeID string
	// Target, if set, is asked for the peer's current address and token when a request fails, so that a change is noticed
	// while the source is in use. It returns Impossible or NotFound for a peer that may not be used any more.
	Target  func(context.Context) (peer.Target, error)
	Catalog string
	// Compress asks the peer for zstd or gzip.
	Compress bool
	// Client sends the requests; nil makes one. It never follows redirects, whatever its own settings say.
	Client *http.Client
	// RequestTimeout bounds one request with its whole body, 0 for 60 s.
	RequestTimeout time.Duration
	// IdleTimeout bounds the wait for the next byte of a body, 0 for 20 s.
	IdleTimeout time.Duration
}

// Source is a catalog of another node. It is safe for concurrent use.
type Source struct {
	*caller
	catalog  string
	coding   coding
	overhead atomic.Int64
	decoders packing.Decoders
	close    func()
}

// New returns the source and sends nothing yet. It returns Invalid for a malformed URL, node id or catalog.
func New(o Options) (*Source, error) {
	if err := peer.CheckNodeID(o.PeerNodeID); err != nil {
		return nil, err
	}
	if err := catalog.CheckName(o.Catalog); err != nil {
		return nil, err
	}
	c, closeIdle, err := newCaller(o)
	if err != nil {
		return nil, err
	}
	s := &Source{caller: c, catalog: o.Catalog}
	s.close = sync.OnceFunc(func() {
		closeIdle()
		s.decoders.Close()
	})
	return s, nil
}

// Close closes idle connections. It is safe to call twice.
func (s *Source) Close() error {
	s.close()
	return nil
}

// Overhead implements [transfer.Metered].
func (s *Source) Overhead() int64 { return s.overhead.Load() }

// Describe asks the peer who it is and how large the catalog is. It returns Impossible if this node itself or a third one
// answers, NotFound if the catalog does not exist, and otherwise the errors of any request (see [Source.Read]). The default
// catalog always exists; if it is not listed, it is empty.
func (s *Source) Describe(ctx context.Context) (transfer.Description, error) {
	who, err := s.identify(ctx, true)
	if err != nil {
		return transfer.Description{}, err
	}
	total, listed := who.catalogs[s.catalog]
	if !listed && s.catalog != catalog.Default {
		return transfer.Description{}, s.noCatalog()
	}
	return transfer.Description{NodeID: who.NodeID, Total: total}, nil
}

// Introduce implements [transfer.Introducer]. It returns the errors of [Source.Describe], but does not look for the catalog.
func (s *Source) Introduce(ctx context.Context) (transfer.Description, error) {
	who, err := s.identify(ctx, false)
	return transfer.Description{NodeID: who.NodeID, Total: -1}, err
}

// identify asks the peer who it is, and checks that it is the right one.
func (s *Source) identify(ctx context.Context, catalogs bool) (who identity, err error) {
	err = s.following(ctx, func() (err error) {
		if who, err = s.whoIs(ctx, catalogs); err != nil {
			return err
		}
		return s.check(who)
	})
	return who, err
}

func (s *Source) noCatalog() error {
	return fault.New(fault.NotFound, "CATALOG_NOT_FOUND", "Catalog not found",
		"Peer %s has no catalog %s; check the name, or import products there first.", s.peerID, s.catalog)
}

// Prober asks peers who they are, for checks. It is safe for concurrent use.
type Prober struct {
	// SelfNodeID is the node that asks.
	SelfNodeID string
	// Client sends the requests; nil makes one for each probe.
	Client *http.Client
	// Timeout bounds one probe, 0 for 10 s.
	Timeout time.Duration
}

var _ peer.Prober = (*Prober)(nil)

// probeTimeout is how long a person waits at most for the result of a check.
const probeTimeout = 10 * time.Second

// Probe asks the node at target who it is. It returns the errors of any request (see [Source.Read]); the answer is Reachable
// if something there answered HTTP.
func (p *Prober) Probe(ctx context.Context, target peer.Target) (peer.Answer, error) {
	timeout := p.Timeout
	if timeout == 0 {
		timeout = probeTimeout
	}
	c, closeIdle, err := newCaller(Options{
		URL: target.URL, Token: target.Token, PeerNodeID: target.NodeID, SelfNodeID: p.SelfNodeID, Client: p.Client, RequestTimeout: timeout,
	})
	if err != nil {
		return peer.Answer{}, err
	}
	defer closeIdle()
	who, err := c.meet(ctx, false, target.Marks)
	return who.Answer, err
}
