package node

import (
	"context"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"fullsync/api/spec"
	"fullsync/internal/peer"
)

// maxNodeBody bounds what is read of the answer of /api/node, in bytes.
const maxNodeBody = 1 << 20

// identity is what a node says of itself.
type identity struct {
	peer.Answer
	catalogs map[string]int64
}

// whoIs asks the peer who it is, where it was known to be last, and for its catalogs where they are wanted: counting their
// products is work. Reachable is also set beside an error when something answered HTTP.
func (c *caller) whoIs(ctx context.Context, catalogs bool) (identity, error) {
	var wanted *bool // the peer's own choice is to list them
	if !catalogs {
		wanted = &catalogs
	}
	a, reached, err := c.once(ctx, typeJSON, notEncoded, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return c.api.GetNode(ctx, &spec.GetNodeParams{Catalogs: wanted}, edit)
	})
	who := identity{Answer: peer.Answer{Reachable: reached}, catalogs: map[string]int64{}}
	if err != nil {
		return who, err
	}
	defer a.close()
	if coding := a.header.Get("Content-Encoding"); coding != "" && coding != notEncoded {
		return who, c.protocol("compressed an answer in a way that was not asked for")
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
			return who, c.protocol("counts less than no products in a catalog")
		}
		who.catalogs[entry.Catalog] = entry.Products
	}
	who.NodeID, who.NodeName, who.Version = body.NodeId, shown(body.NodeName), shown(body.Version)
	return who, nil
}

// shown makes a peer's text fit to be shown: printable and of bounded length.
func shown(text string) string {
	runes := 0
	return strings.Map(func(r rune) rune {
		if runes++; runes > peer.MaxNodeName || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
