package nodetest

import (
	"net/http"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
)

// The node ids in a [Pair].
const (
	MainNode = "main"
	Branch   = "branch"
)

// Pair is the set-up of most tests: Branch has products, Main is empty and has Branch as a peer, reached over Wire.
type Pair struct {
	Main, Branch *Node
	Wire         *Wire
}

// NewPair starts the two nodes on databases of that kind, with count products in Branch's catalog main. c configures Main;
// leave out its id and database.
func NewPair(t testing.TB, kind Kind, count int, c Config) *Pair {
	t.Helper()
	branch := Start(t, Config{ID: Branch, Database: NewDatabase(t, kind)})
	branch.Fill("main", count)
	if c.Database.Dir == "" {
		c.Database = NewDatabase(t, kind)
	}
	return Between(branch, c)
}

// Between starts the other node of a pair, which may have another kind of database. c is a [NewPair]'s.
func Between(branch *Node, c Config) *Pair {
	t := branch.t
	t.Helper()
	wire := NewWire(t, branch.URL())
	if c.ID == "" {
		c.ID = MainNode
	}
	main := Start(t, c)
	main.AddPeer(Branch, wire.URL, branch.TokenFor(main.NodeID(), auth.RoleNode))
	return &Pair{Main: main, Branch: branch, Wire: wire}
}

// RestartMain shuts Main down cleanly and starts it again on the same database.
func (p *Pair) RestartMain() { p.Main = p.Main.Restart() }

// AddPeer registers a peer at the node.
func (n *Node) AddPeer(id, url, token string) {
	n.t.Helper()
	resp, err := n.API("admin", auth.RoleAdmin).AddPeerWithResponse(n.t.Context(),
		spec.AddPeerJSONRequestBody{NodeId: id, Url: url, Token: &token})
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.StatusCode() != http.StatusCreated {
		n.t.Fatalf("registering peer %s: %d %s", id, resp.StatusCode(), resp.Body)
	}
}

// ChangePeer changes one of the node's peers.
func (n *Node) ChangePeer(id string, change spec.PeerChange) {
	n.t.Helper()
	resp, err := n.API("admin", auth.RoleAdmin).ChangePeerWithResponse(n.t.Context(), id, change)
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.StatusCode() != http.StatusOK {
		n.t.Fatalf("changing peer %s: %d %s", id, resp.StatusCode(), resp.Body)
	}
}

// Peer returns one of the node's peers as its API shows it.
func (n *Node) Peer(id string) spec.Peer {
	n.t.Helper()
	resp, err := n.API("admin", auth.RoleAdmin).GetPeerWithResponse(n.t.Context(), id)
	if err != nil || resp.JSON200 == nil {
		n.t.Fatalf("peer %s: %v", id, err)
	}
	return resp.JSON200.Peer
}
