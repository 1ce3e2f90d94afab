package node

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/packing"
	"fullsync/internal/peer"
)

// maxNodeBody is how many bytes of the answer of /api/node are read at most.
const maxNodeBody = 1 << 20

// identity is what a node says about itself.
type identity struct {
	peer.Answer
	catalogs map[string]int64
}

// whoIs asks the peer, at its last known address, who it is, and for its catalogs if they are wanted: counting their products
// is work. Reachable is set even with an error if something answered HTTP.
func (c *caller) whoIs(ctx context.Context, catalogs bool) (identity, error) {
	return c.meet(ctx, catalogs, peer.Marks{})
}

// meet is whoIs that also tells our marks.
func (c *caller) meet(ctx context.Context, catalogs bool, ours peer.Marks) (identity, error) {
	var wanted *bool // by default the peer lists them
	if !catalogs {
		wanted = &catalogs
	}
	a, reached, err := c.once(ctx, typeJSON, packing.Identity, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return c.api.GetNode(ctx, &spec.GetNodeParams{Catalogs: wanted, Mark: filled(ours.Newest), Seen: filled(ours.Seen)}, edit)
	})
	who := identity{Answer: peer.Answer{Reachable: reached}, catalogs: map[string]int64{}}
	if err != nil {
		return who, err
	}
	defer a.close()
	if coding := a.header.Get("Content-Encoding"); coding != "" && coding != packing.Identity {
		return who, c.protocol("compressed an answer in a way that we did not ask for")
	}
	raw, err := io.ReadAll(io.LimitReader(a.body, maxNodeBody+1))
	if err != nil {
		return who, c.failed(ctx, a.ctx, err)
	}
	if isWebPage(raw) {
		return who, c.webPage()
	}
	var body spec.NodeResponse
	if len(raw) > maxNodeBody || json.Unmarshal(raw, &body) != nil || peer.CheckNodeID(body.NodeId) != nil {
		return who, c.permanent(codeNotANode, "Peer %s did not answer as a fullsync node does; check its URL.", c.peerID)
	}
	for _, entry := range body.Catalogs {
		if entry.Products < 0 {
			return who, c.protocol("sent a negative number of products")
		}
		who.catalogs[entry.Catalog] = entry.Products
	}
	who.NodeID, who.NodeName, who.Version = body.NodeId, shown(body.NodeName), shown(body.Version)
	if body.Mark != nil {
		who.Marks.Newest = *body.Mark
	}
	if body.Seen != nil {
		who.Marks.Seen = *body.Seen
	}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		who.Ahead = time.Until(date)
	}
	who.Forgot = body.KnowsSeen != nil && !*body.KnowsSeen
	return who, nil
}

// shown makes a peer's text safe to show: printable and of bounded length.
func shown(text string) string { return catalog.Shown(text, peer.MaxNodeName) }

// filled returns a text to send, nil for none.
func filled(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
