package api

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/oapi-codegen/runtime/types"

	"fullsync/api/spec"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// recentSessions is how many sessions the figures show.
const recentSessions = 10

// statsHandlers show figures.
type statsHandlers struct {
	peers      Peers
	syncs      Syncs
	figures    SessionFigures
	totals     *totals
	checkEvery time.Duration
}

// GetSyncStats shows peers, sessions and products at a glance.
func (h *statsHandlers) GetSyncStats(ctx context.Context, _ spec.GetSyncStatsRequestObject) (spec.GetSyncStatsResponseObject, error) {
	peers, err := h.peers.List(ctx)
	if err != nil {
		return nil, err
	}
	figures, err := h.figures.Figures(ctx)
	if err != nil {
		return nil, err
	}
	recent, err := h.syncs.List(ctx, syncer.Query{Limit: recentSessions})
	if err != nil {
		return nil, err
	}
	sizes, err := h.totals.shown(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.GetSyncStats200JSONResponse{
		Success: true, SyncNodes: []spec.SyncNode{}, Timestamp: figures.At,
		Overview: overviewOf(figures), Last24Hours: spec.StatsLastDay{
			Events: figures.LastDay.Received + figures.LastDay.Sent, Sessions: figures.LastDay.Sessions,
		},
		RecentSessions: []spec.StatsSession{}, RecentConflicts: []map[string]any{}, Metrics: []spec.StatsDay{},
	}
	for _, c := range sizes {
		out.Products.Total += c.Products
	}
	for _, p := range peers {
		out.SyncNodes = append(out.SyncNodes, syncNodeOf(p, h.checkEvery))
		if p.IsActive {
			out.Overview.ActiveSyncNodes++
		}
	}
	out.Sessions.ByStatus = map[string]int64{}
	for _, status := range session.Statuses() {
		out.Sessions.ByStatus[string(status)] = figures.ByStatus[status]
		out.Sessions.Total += figures.ByStatus[status]
	}
	for _, v := range recent {
		out.RecentSessions = append(out.RecentSessions, statsSessionOf(v))
	}
	for _, day := range figures.Days {
		out.Metrics = append(out.Metrics, statsDayOf(day))
	}
	return out, nil
}

func overviewOf(f session.Figures) spec.StatsOverview {
	return spec.StatsOverview{
		TotalSyncEvents: f.Processed + f.Pending + f.Rejected, ProcessedEvents: f.Processed, PendingEvents: f.Pending, FailedEvents: f.Rejected,
		HealthScore: f.LastDay.Health(), SuccessRate: f.LastDay.Success(),
	}
}

// statsSessionOf renders a session as the admin application reads it.
func statsSessionOf(v session.View) spec.StatsSession {
	initiator := v.TargetNodeID
	if v.Direction != session.Pull {
		initiator = v.SourceNodeID
	}
	return spec.StatsSession{
		SessionId: sessionID(v.ID), InitiatorNodeId: initiator, ParticipantNodes: []string{v.SourceNodeID, v.TargetNodeID},
		Status: sessionOf(v).Status, StartTime: v.StartedAt.UTC(), EndTime: inUTC(v.CompletedAt), EventsTransferred: v.TransferredRecords,
	}
}

func statsDayOf(day session.Period) spec.StatsDay {
	return spec.StatsDay{
		Date: types.Date{Time: day.Begin}, EventsGenerated: day.Sent, EventsReceived: day.Received, EventsProcessed: day.Processed,
		PeersConnected: day.Peers, DataTransferred: day.Bytes,
	}
}

// GetSyncService says that the service runs, which it does as long as there is somebody to say so.
func (h *statsHandlers) GetSyncService(context.Context, spec.GetSyncServiceRequestObject) (spec.GetSyncServiceResponseObject, error) {
	return spec.GetSyncService200JSONResponse{IsRunning: true, Timestamp: time.Now().UTC()}, nil
}

// ControlSyncService refuses to start or stop the service.
func (h *statsHandlers) ControlSyncService(context.Context, spec.ControlSyncServiceRequestObject) (spec.ControlSyncServiceResponseObject, error) {
	return nil, fault.New(fault.Impossible, "SERVICE_NOT_CONTROLLED", "Sync service cannot be controlled",
		"The sync service runs as long as the node does and cannot be started or stopped here. To stop a sync, cancel it.")
}

// syncNodeOf renders a peer as the admin console reads it.
func syncNodeOf(p peer.Peer, checkEvery time.Duration) spec.SyncNode {
	host, port := hostAndPort(p.URL)
	return spec.SyncNode{
		NodeId: p.NodeID, NodeName: p.NodeName, IpAddress: host, Port: port, IsActive: p.IsActive, IsOnline: p.Online(checkEvery),
		LastSeen: inUTC(p.LastSeen), LastSeenAgo: secondsSince(p.LastSeenAgo),
	}
}

// secondsSince returns an age in whole seconds, nil for nil.
func secondsSince(ago *time.Duration) *int64 {
	if ago == nil {
		return nil
	}
	seconds := int64(ago.Seconds())
	return &seconds
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
