package api

import (
	"context"
	"fmt"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/peer"
)

// peerHandlers manage the peers of this node.
type peerHandlers struct {
	peers      Peers
	checkEvery time.Duration
	// version is this node's own.
	version string
}

// clockTolerance is how far the clock of a peer may be off before somebody is told.
const clockTolerance = 2 * time.Minute

// ListPeers lists all peers.
func (h *peerHandlers) ListPeers(ctx context.Context, _ spec.ListPeersRequestObject) (spec.ListPeersResponseObject, error) {
	peers, err := h.peers.List(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.ListPeers200JSONResponse{Success: true, Peers: []spec.Peer{}}
	for _, p := range peers {
		out.Peers = append(out.Peers, h.peerOf(p))
	}
	return out, nil
}

// AddPeer registers a peer.
func (h *peerHandlers) AddPeer(ctx context.Context, r spec.AddPeerRequestObject) (spec.AddPeerResponseObject, error) {
	p, err := h.peers.Add(ctx, newPeer(r.Body))
	if err != nil {
		return nil, err
	}
	return spec.AddPeer201JSONResponse{
		Headers: spec.AddPeer201ResponseHeaders{Location: underPrefix(ctx, "/api/admin/sync/peers/"+p.NodeID)},
		Body:    spec.PeerResponse{Success: true, Peer: h.peerOf(p)},
	}, nil
}

// newPeer returns what the body describes.
func newPeer(body *spec.NewPeer) peer.New {
	return peer.New{
		NodeID:   body.NodeId,
		NodeName: valueOr(body.NodeName, ""),
		Kind:     peer.Kind(valueOr(body.Kind, "")),
		URL:      body.Url,
		Token:    valueOr(body.Token, ""),
		IsActive: valueOr(body.IsActive, true),

		KeepFields: valueOr(body.KeepFields, nil),
		Feed: peer.FeedChange{
			Catalog: body.Catalog, Format: body.Format, Preset: body.Preset, Mapping: textsOf(body.Mapping), Defaults: textsOf(body.Defaults),
			Decimal: body.Decimal, Unit: body.Unit, Encoding: body.Encoding, Delimiter: body.Delimiter,
		},
		Auth: authOf(body.Auth),
	}
}

// GetPeer shows one peer.
func (h *peerHandlers) GetPeer(ctx context.Context, r spec.GetPeerRequestObject) (spec.GetPeerResponseObject, error) {
	p, err := h.peers.Get(ctx, r.NodeId)
	if err != nil {
		return nil, err
	}
	return spec.GetPeer200JSONResponse{Success: true, Peer: h.peerOf(p)}, nil
}

// ChangePeer changes the members that are given.
func (h *peerHandlers) ChangePeer(ctx context.Context, r spec.ChangePeerRequestObject) (spec.ChangePeerResponseObject, error) {
	p, err := h.peers.Change(ctx, r.NodeId, peer.Change{
		NodeName: r.Body.NodeName, URL: r.Body.Url, Token: r.Body.Token, IsActive: r.Body.IsActive,
		KeepFields: (*catalog.Fields)(r.Body.KeepFields),
		Feed: peer.FeedChange{
			Catalog: r.Body.Catalog, Format: r.Body.Format, Preset: r.Body.Preset, Mapping: textsOf(r.Body.Mapping), Defaults: textsOf(r.Body.Defaults),
			Decimal: r.Body.Decimal, Unit: r.Body.Unit, Encoding: r.Body.Encoding, Delimiter: r.Body.Delimiter,
		},
		Auth: authOf(r.Body.Auth),
	})
	if err != nil {
		return nil, err
	}
	return spec.ChangePeer200JSONResponse{Success: true, Peer: h.peerOf(p)}, nil
}

// RemovePeer forgets a peer.
func (h *peerHandlers) RemovePeer(ctx context.Context, r spec.RemovePeerRequestObject) (spec.RemovePeerResponseObject, error) {
	if err := h.peers.Remove(ctx, r.NodeId); err != nil {
		return nil, err
	}
	return spec.RemovePeer200JSONResponse{Success: true, Message: "Peer removed successfully"}, nil
}

// CheckPeer asks a peer whether it lets us sync, and how.
func (h *peerHandlers) CheckPeer(ctx context.Context, r spec.CheckPeerRequestObject) (spec.CheckPeerResponseObject, error) {
	found, err := h.peers.Check(ctx, r.NodeId)
	if err != nil {
		return nil, err
	}
	return spec.CheckPeer200JSONResponse{Success: true, Check: h.checkOf(found)}, nil
}

// CheckNewPeer does the same for a peer that is not registered.
func (h *peerHandlers) CheckNewPeer(ctx context.Context, r spec.CheckNewPeerRequestObject) (spec.CheckNewPeerResponseObject, error) {
	found, err := h.peers.CheckNew(ctx, newPeer(r.Body))
	if err != nil {
		return nil, err
	}
	return spec.CheckNewPeer200JSONResponse{Success: true, Check: h.checkOf(found)}, nil
}

func (h *peerHandlers) checkOf(found peer.CheckResult) spec.PeerCheck {
	return spec.PeerCheck{
		Reachable: found.Reachable,
		Allowed:   found.Allowed,
		MayPush:   found.MayPush,
		NodeId:    optional(found.NodeID),
		NodeName:  optional(found.NodeName),
		Version:   optional(found.Version),
		Role:      optional(found.Role),
		ExpiresAt: inUTC(found.ExpiresAt),
		LatencyMs: found.LatencyMS,
		Problem:   optional(found.Problem),
		Feed:      previewOf(found.Preview),
		Notes:     h.notesOf(found),
	}
}

// notesOf returns what is worth knowing about a peer although it works; nil for nothing.
func (h *peerHandlers) notesOf(found peer.CheckResult) *[]string {
	var notes []string
	if found.Version != "" && found.Version != h.version {
		notes = append(notes, fmt.Sprintf("It runs version %s of fullsync, this node %s; update the older one when you can.", found.Version, h.version))
	}
	if off := found.Ahead.Abs(); off >= clockTolerance {
		way := "ahead of"
		if found.Ahead < 0 {
			way = "behind"
		}
		notes = append(notes, fmt.Sprintf("Its clock is %d minutes %s this node's, so tokens end at the wrong time; set both clocks by a time server.", int64(off.Round(time.Minute)/time.Minute), way))
	}
	if notes == nil {
		return nil
	}
	return &notes
}

// peerOf renders a peer; its token is never among it.
func (h *peerHandlers) peerOf(p peer.Peer) spec.Peer {
	out := spec.Peer{
		NodeId:      p.NodeID,
		NodeName:    p.NodeName,
		Kind:        string(p.Kind),
		Url:         p.URL,
		IsActive:    p.IsActive,
		KeepFields:  append([]string{}, p.KeepFields...),
		IsOnline:    p.Online(h.checkEvery),
		LastSeen:    inUTC(p.LastSeen),
		LastSeenAgo: secondsSince(p.LastSeenAgo),
		LastError:   optional(p.LastError),
	}
	if p.Kind == peer.KindFeed {
		ofFeed(&out, p.Feed)
	}
	return out
}
