package app_test

import (
	"net/http"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// shownPeer returns how the list of peers and the figures show the branch.
func shownPeer(t *testing.T, n *nodetest.Node) (spec.Peer, spec.SyncNode) {
	t.Helper()
	list, err := nodetest.Decode[spec.PeerListResponse](n.Call("alice", http.MethodGet, "/api/admin/sync/peers", ""))
	if err != nil || len(list.Peers) != 1 {
		t.Fatalf("peers: %+v, %v", list, err)
	}
	stats, err := nodetest.Decode[spec.StatsResponse](n.Call("alice", http.MethodGet, "/api/sync/stats", ""))
	if err != nil || len(stats.SyncNodes) != 1 {
		t.Fatalf("stats: %+v, %v", stats, err)
	}
	return list.Peers[0], stats.SyncNodes[0]
}

// TestOnlineIsTrue: although nobody asks for a check, a peer shows as online while it answers, and otherwise as offline with the
// reason, whichever replica checks it.
func TestOnlineIsTrue(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		// Long enough that a busy machine does not make it look offline in between. The test waits for changes that come anyway.
		every := map[string]string{"PEER_CHECK_INTERVAL": "500ms"}
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{Settings: every})
		replicas := []*nodetest.Node{pair.Main}
		if kind == nodetest.Postgres {
			replicas = append(replicas, nodetest.Start(t, nodetest.Config{ID: pair.Main.NodeID(), Database: pair.Main.Database(), Settings: every}))
		}
		wait := func(what string, online bool, fits func(spec.Peer) bool) {
			t.Helper()
			for _, replica := range replicas {
				var last spec.Peer
				nodetest.Eventually(t, what, func() bool {
					p, shown := shownPeer(t, replica)
					last = p
					return p.IsOnline == online && shown.IsOnline == online && fits(p)
				}, func() string {
					return string(replica.Call("alice", http.MethodGet, "/api/admin/sync/peers/"+last.NodeId, "").Body)
				})
			}
		}
		answers := func(p spec.Peer) bool { return p.LastSeen != nil && p.LastSeenAgo != nil && p.LastError == nil }
		wait("the branch to be online", true, answers)
		pair.Branch.Down()
		wait("the branch to be offline", false, func(p spec.Peer) bool { return p.LastError != nil && p.LastSeenAgo != nil })
		if len(replicas) > 1 {
			// The other replica carries on alone.
			replicas[0].Down()
			replicas = replicas[1:]
		}
		pair.Branch = pair.Branch.Restart()
		wait("the branch to be back", true, answers)
		off := false
		replicas[0].ChangePeer(nodetest.Branch, spec.PeerChange{IsActive: &off})
		wait("the branch, switched off, to be offline", false, answers)
	})
}
