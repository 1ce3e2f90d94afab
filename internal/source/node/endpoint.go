package node

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
)

// endpoint is a peer's address and the token for it. It sends the requests of the generated client, which does not know the
// address, so both can change while a session runs. It is safe for concurrent use.
type endpoint struct {
	client *http.Client
	// selfID is the node that sends; the peer shows it beside the token.
	selfID string

	mu    sync.Mutex
	base  *url.URL
	token string
}

// anywhere is the address to which the generated client addresses its requests.
const anywhere = "http://peer.invalid"

// set changes address and token, and reports whether either differs from before. It returns Invalid for a malformed URL.
func (e *endpoint) set(address, token string) (changed bool, err error) {
	normal, err := peer.ParseURL(address)
	if err != nil {
		return false, err
	}
	base, err := url.Parse(normal)
	if err != nil {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	changed = e.base == nil || *e.base != *base || e.token != token
	e.base, e.token = base, token
	return changed, nil
}

// Do sends a request that was made for [anywhere] to the peer's address.
func (e *endpoint) Do(req *http.Request) (*http.Response, error) {
	e.mu.Lock()
	base, token := *e.base, e.token
	e.mu.Unlock()
	to := base
	to.Path = base.Path + "/" + strings.TrimPrefix(req.URL.Path, "/")
	to.RawPath = base.EscapedPath() + "/" + strings.TrimPrefix(req.URL.EscapedPath(), "/")
	to.RawQuery = req.URL.RawQuery
	req.URL, req.Host = &to, ""
	req.Header.Set("Authorization", "Bearer "+token)
	if e.selfID != "" {
		req.Header.Set(peer.HeaderNode, e.selfID)
	}
	return e.client.Do(req) //nolint:gosec // an administrator named the peer, and the dialler checks every address (internal/peer)
}

// following runs a step that sends a request, and runs it once more if it failed and the peer meanwhile has another address
// or token.
func (c *caller) following(ctx context.Context, step func() error) error {
	err := step()
	if err == nil || c.target == nil || ctx.Err() != nil {
		return err
	}
	changed, problem := c.follow(ctx)
	if problem != nil {
		return problem
	}
	if changed {
		err = step()
	}
	return err
}

// follow asks where the peer is now, and reports whether the next request uses another address or token. Whatever answers
// there must be the peer. It returns Impossible or NotFound if the peer was switched off or removed.
func (c *caller) follow(ctx context.Context) (changed bool, err error) {
	target, err := c.target(ctx)
	if err != nil {
		if kind := fault.KindOf(err); kind == fault.Impossible || kind == fault.NotFound {
			return false, err
		}
		return false, nil // the database is away: the first failure is the one that counts
	}
	changed, err = c.to.set(target.URL, target.Token)
	if err != nil || !changed {
		return false, err
	}
	who, err := c.whoIs(ctx, false)
	if err != nil {
		return false, err
	}
	return true, c.check(who)
}

// check returns Impossible if this node itself or a third one has answered.
func (c *caller) check(who identity) error {
	switch {
	case who.NodeID == c.selfID:
		return fault.New(fault.Impossible, "PEER_IS_SELF", "Peer is this node",
			"This node itself answers at the URL of peer %s; correct the peer's URL.", c.peerID)
	case who.NodeID == c.peerID:
		return nil
	}
	return fault.New(fault.Impossible, "PEER_IS_ANOTHER", "Another node answers",
		"Node %s answers at the URL of peer %s; correct the peer's URL, or register that node under its own id.",
		who.NodeID, c.peerID)
}
