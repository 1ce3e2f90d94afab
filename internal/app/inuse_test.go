package app_test

import (
	"net/http"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// TestPeerOfARunningSyncStays: if you try to switch it off or remove it, the answer says which sync to cancel first.
func TestPeerOfARunningSyncStays(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})
		const path, off = "/api/admin/sync/peers/branch", `{"isActive":false}`
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
		defer gate.Open()
		running := pair.Main.Pull(nodetest.Pull{})
		nodetest.Await(t, "the second page", gate.Reached)

		for _, try := range [][2]string{{http.MethodPatch, off}, {http.MethodDelete, ""}} {
			a := pair.Main.Call("alice", try[0], path, try[1])
			refused, err := nodetest.Decode[spec.PeerInUse](a)
			if a.Status != http.StatusConflict || err != nil || refused.Code != "PEER_IN_USE" || refused.SessionId != running.SessionId {
				t.Errorf("%s: %d %s", try[0], a.Status, a.Body)
			}
		}
		if a := pair.Main.Call("alice", http.MethodPatch, path, `{"nodeName":"Harbour","isActive":true}`); a.Status != http.StatusOK {
			t.Errorf("another name: %d %s", a.Status, a.Body)
		}
		pair.Main.Cancel(running, "to switch the peer off")
		if a := pair.Main.Call("alice", http.MethodPatch, path, off); a.Status != http.StatusOK {
			t.Errorf("after the cancel: %d %s", a.Status, a.Body)
		}
		a := pair.Main.Call("alice", http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body())
		if refused, err := nodetest.Decode[spec.Error](a); a.Status != http.StatusUnprocessableEntity || err != nil || refused.Code != "PEER_INACTIVE" {
			t.Errorf("start: %d %s", a.Status, a.Body)
		}
	})
}
