package peer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

// Prober asks a peer who it is. The package source/node implements it.
type Prober interface {
	// Probe returns what the target answered. Answer.Reachable is also set next to an error, if something there spoke HTTP
	// but refused or made no sense.
	Probe(ctx context.Context, target Target) (Answer, error)
}

// Answer is what a peer says about itself.
type Answer struct {
	Reachable bool
	NodeID    string
	NodeName  string
	Version   string
	// Ahead is how far the peer's clock is ahead of this node's, negative if it is behind, to a few seconds; 0 if it does not say.
	Ahead time.Duration
	// Marks are the peer's.
	Marks Marks
	// Forgot says that the peer does not know the mark that we have seen of it.
	Forgot bool
}

// CheckResult is the outcome of [Registry.Check].
type CheckResult struct {
	// Reachable says that something answered HTTP at the peer's URL.
	Reachable bool
	// NodeID, NodeName and Version are what the peer says it is; empty if it does not say.
	NodeID   string
	NodeName string
	Version  string
	// Role and ExpiresAt come from the stored token, unverified; empty and nil if the token does not say.
	Role      string
	ExpiresAt *time.Time
	// Allowed says that the peer is the right node and accepted the token.
	Allowed bool
	// MayPush says that it is allowed, and that the token is of a role that may push.
	MayPush bool
	// Preview is the beginning of a feed; nil for a node, and where it could not be read.
	Preview *Preview
	// Problem says in a sentence what is wrong and what to do; empty if a sync could start.
	Problem string
	// Ahead is how far the peer's clock is ahead of this node's, negative if it is behind, to a few seconds; 0 if it does not say.
	Ahead time.Duration
	// LatencyMS is how long the answer took, in milliseconds.
	LatencyMS int64
}

// Check asks a peer who it is and says whether a sync could start. It records the outcome as LastSeen or LastError. Trouble
// with the peer is a Problem, not an error. Returns NotFound for an unknown peer.
func (r *Registry) Check(ctx context.Context, nodeID string) (CheckResult, error) {
	p, err := r.store.GetPeer(ctx, nodeID)
	if err != nil {
		return CheckResult{}, err
	}
	return r.check(ctx, p)
}

// CheckNew is Check for a peer that is not registered. It stores nothing. Returns what [Registry.Add] does for what it would refuse.
func (r *Registry) CheckNew(ctx context.Context, n New) (CheckResult, error) {
	p, err := r.made(n)
	if err != nil {
		return CheckResult{}, err
	}
	return r.ask(ctx, p)
}

func (r *Registry) check(ctx context.Context, p Peer) (CheckResult, error) {
	out, err := r.ask(ctx, p)
	if err != nil {
		return CheckResult{}, err
	}
	if err := r.store.TouchPeer(ctx, p.NodeID, out.Problem); err != nil {
		return CheckResult{}, err
	}
	if out.Problem == "" && !p.IsActive {
		out.Problem = fmt.Sprintf("Peer %s answers as it should but is switched off; switch it on to sync with it.", p.NodeID)
	}
	return out, nil
}

// ask asks a peer who it is and says what is wrong with that, whether or not the peer is switched on.
func (r *Registry) ask(ctx context.Context, p Peer) (CheckResult, error) {
	target, err := r.Credentials(p)
	if err != nil {
		return CheckResult{Problem: fault.Sentence(err, "")}, nil
	}
	if target.IsFeed() {
		return r.askFeed(ctx, target)
	}

	var out CheckResult
	claims, peekErr := auth.Peek(target.Token)
	if peekErr == nil {
		out.Role, out.ExpiresAt = claims.Role, claims.ExpiresAt
	}
	target.Marks = r.marks(ctx, p)
	began := time.Now()
	answer, err := r.prober.Probe(ctx, target)
	out.LatencyMS = time.Since(began).Milliseconds()
	if ctx.Err() != nil {
		return CheckResult{}, context.Cause(ctx)
	}
	out.Reachable, out.NodeID, out.NodeName, out.Version, out.Ahead = answer.Reachable, answer.NodeID, answer.NodeName, answer.Version, answer.Ahead

	switch {
	case err != nil:
		out.Problem = fault.Sentence(err, fmt.Sprintf("Talking to peer %s failed; try again.", p.NodeID))
		if answer.Reachable && peekErr == nil && len(claims.Audience) > 0 && !slices.Contains(claims.Audience, p.NodeID) {
			out.Problem += " The stored token was made for another node."
		}
	case answer.NodeID == r.selfID:
		out.Problem = "This node itself answers at the peer's URL; register the address of the other node."
	case answer.NodeID != p.NodeID:
		out.Problem = fmt.Sprintf("Node %s answers at the URL of peer %s; correct the URL, or register that node under its own id.",
			clip(answer.NodeID), p.NodeID)
	default:
		out.Allowed, out.MayPush = true, auth.Role(out.Role).MayPush()
		out.Problem = r.recognised(ctx, p, answer)
	}
	return out, nil
}

// askFeed reads the beginning of a feed.
func (r *Registry) askFeed(ctx context.Context, target Target) (out CheckResult, err error) {
	began := time.Now()
	preview, err := r.feeds.Preview(ctx, target)
	out.LatencyMS = time.Since(began).Milliseconds()
	if ctx.Err() != nil {
		return CheckResult{}, context.Cause(ctx)
	}
	out.Reachable = preview.Reached
	if err != nil {
		out.Problem = fault.Sentence(err, fmt.Sprintf("Reading feed %s failed; try again.", target.NodeID))
		return out, nil
	}
	out.Allowed, out.Preview = true, &preview
	return out, nil
}
