package api

import (
	"context"
	"net/url"
	"strconv"

	"fullsync/api/spec"
	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// statsHandlers show figures.
type statsHandlers struct {
	peers    Peers
	sessions SessionCounts
	catalogs Catalogs
}

// GetSyncStats shows peers, sessions and products at a glance.
func (h *statsHandlers) GetSyncStats(ctx context.Context, _ spec.GetSyncStatsRequestObject) (spec.GetSyncStatsResponseObject, error) {
	peers, err := h.peers.List(ctx)
	if err != nil {
		return nil, err
	}
	sessions, err := h.sessions.CountSessions(ctx)
	if err != nil {
		return nil, err
	}
	catalogs, err := h.catalogs.CountCatalogs(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.GetSyncStats200JSONResponse{Success: true, SyncNodes: []spec.SyncNode{}}
	for _, p := range peers {
		out.SyncNodes = append(out.SyncNodes, syncNodeOf(p))
	}
	out.Sessions.ByStatus = map[string]int64{}
	for _, status := range session.Statuses() {
		out.Sessions.ByStatus[string(status)] = sessions[status]
		out.Sessions.Total += sessions[status]
	}
	for _, c := range catalogs {
		out.Products.Total += c.Products
	}
	return out, nil
}

// syncNodeOf renders a peer as the admin console reads it.
func syncNodeOf(p peer.Peer) spec.SyncNode {
	host, port := hostAndPort(p.URL)
	return spec.SyncNode{
		NodeId: p.NodeID, NodeName: p.NodeName, IpAddress: host, Port: port, IsActive: p.IsActive, LastSeen: inUTC(p.LastSeen),
	}
}

// hostAndPort returns what the URL of a peer, checked when it was registered, connects to.
func hostAndPort(address string) (host string, port int) {
	u, err := url.Parse(address)
	if err != nil {
		return "", 0
	}
	port, err = strconv.Atoi(u.Port())
	switch {
	case err == nil:
	case u.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return u.Hostname(), port
}
