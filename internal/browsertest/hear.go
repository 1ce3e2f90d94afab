package browsertest

import (
	"context"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Heard is everything that a screen reader says about something.
type Heard struct {
	Described
	// Description is what it reads after the name, Value the current value, such as a percentage.
	Description, Value string
	// Live is how changes in it are read aloud: "polite", "assertive", or "" if they are not.
	Live string
	// Modal says that nothing outside it can be reached.
	Modal bool
}

// Heard returns what a screen reader says about it.
func (e *Element) Heard() (h Heard) {
	e.page.t.Helper()
	e.use("listening to", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		tree, err := cdp.Call(ctx, tab, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: it, FetchRelatives: new(false)})
		if err != nil {
			return "", err
		}
		if len(tree.Nodes) == 0 || tree.Nodes[0].Ignored {
			return "screen readers do not know it", nil
		}
		n := tree.Nodes[0]
		h = Heard{Described: described(n), Description: text(n.Description), Value: spelled(n.Value)}
		for _, property := range n.Properties {
			switch property.Name {
			case accessibility.PropertyNameLive:
				h.Live = text(property.Value)
			case accessibility.PropertyNameModal:
				h.Modal = spelled(property.Value) == "true"
			}
		}
		return "", nil
	})
	return h
}

// spelled returns a computed value of any kind as text, or "" if there is none.
func spelled(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	if s := text(v); s != "" {
		return s
	}
	return strings.Trim(string(v.Value), `"`)
}
