package console_test

import (
	"net/http"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestSwitchOffWhileASyncRuns: the page says which sync is in the way, and what to do.
func TestSwitchOffWhileASyncRuns(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	defer gate.Open()
	running := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the first page", gate.Reached)

	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{})
	visit(page, "Peers")
	page.Expect(http.StatusConflict, peersPath+"/"+nodetest.Branch)
	branch := peerRow(page, nodetest.Branch)
	branch.Button("Switch off").Click()
	page.Find("#failures").WaitText("Peer is in use: Sync " + running.SessionId.String() +
		" with peer branch is still running. Cancel it or wait until it ends, then switch the peer off.")
	branch.Button("Switch off").Wait()

	pair.Main.Cancel(running, "to switch the peer off")
	branch.Button("Switch off").Click()
	branch.WaitText("switched off")
}
