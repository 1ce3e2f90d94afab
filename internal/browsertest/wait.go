package browsertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pollInterval is how often a condition is checked.
const pollInterval = 20 * time.Millisecond

// look returns a sentence that says what is still missing, "" for nothing.
type look func(ctx context.Context, tab *chromedp.Target) (missing string, err error)

// until looks until nothing is missing, and fails the test if that takes longer than the page's patience. doing says what
// the test was doing. An error counts as something missing, because a page that is just being replaced by another answers
// with errors.
func (p *Page) until(doing string, look look) {
	p.t.Helper()
	deadline := time.NewTimer(p.patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		missing, err := p.once(look)
		if missing == "" && err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			p.t.Fatalf("%s: waited %s, but %s\n%s", doing, p.patience, reason(missing, err), p.show())
		case <-p.ctx.Done():
			p.t.Fatalf("%s: the page is closed: %v", doing, errors.Join(err, context.Cause(p.ctx)))
		}
	}
}

// once looks once.
func (p *Page) once(look look) (missing string, err error) {
	err = p.do(func(ctx context.Context, tab *chromedp.Target) error {
		missing, err = look(ctx, tab)
		// If this fails, so will the next look; a look that succeeded must not count as failed.
		_, _ = cdp.Call(ctx, tab, runtime.ReleaseObjectGroup, runtime.ReleaseObjectGroupParams{ObjectGroup: objects})
		return err
	})
	return missing, err
}

// reason returns what a failed wait says.
func reason(missing string, err error) string {
	if err != nil {
		return err.Error()
	}
	return missing
}

// WaitText returns once the page shows text, with spaces run together.
func (p *Page) WaitText(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("waiting for the text %q", text), func(ctx context.Context, tab *chromedp.Target) (string, error) {
		shown, err := visibleText(ctx, tab)
		return pick(strings.Contains(shown, text), "", "the page does not show it"), err
	})
}

// WaitNoText returns once the page does not show text.
func (p *Page) WaitNoText(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("waiting for the text %q to go", text), func(ctx context.Context, tab *chromedp.Target) (string, error) {
		shown, err := visibleText(ctx, tab)
		return pick(strings.Contains(shown, text), "the page still shows it", ""), err
	})
}

// WaitFor returns once a JavaScript expression is true, and awaits it if it is a promise. what says in words what it waits
// for.
func (p *Page) WaitFor(what, expression string) {
	p.t.Helper()
	p.until("waiting for "+what, func(ctx context.Context, tab *chromedp.Target) (string, error) {
		holds, err := chromedp.Evaluate[bool]("(async () => Boolean(await ("+expression+")))()", chromedp.EvalAwaitPromise)(ctx, tab)
		return pick(holds, "", "it is not so: "+expression), err
	})
}

// Text returns what the page shows right now, with spaces run together.
func (p *Page) Text() string {
	p.t.Helper()
	var shown string
	err := p.do(func(ctx context.Context, tab *chromedp.Target) (err error) {
		shown, err = visibleText(ctx, tab)
		return err
	})
	if err != nil {
		p.t.Fatalf("reading the page: %v", err)
	}
	return shown
}

// Focused returns what has the focus right now, or the zero value if nothing has.
func (p *Page) Focused() Described {
	p.t.Helper()
	var it Described
	err := p.do(func(ctx context.Context, tab *chromedp.Target) (err error) {
		it, err = focused(ctx, tab)
		return err
	})
	if err != nil {
		p.t.Fatalf("looking where the focus is: %v", err)
	}
	return it
}

// WaitFocus returns once the focus is on something with this role and accessible name.
func (p *Page) WaitFocus(role, name string) {
	p.t.Helper()
	want := Described{Role: role, Name: name}
	p.until(fmt.Sprintf("waiting for the focus to be on the %s", want), func(ctx context.Context, tab *chromedp.Target) (string, error) {
		it, err := focused(ctx, tab)
		return pick(it.Role == role && it.Name == name, "", fmt.Sprintf("it is on the %s", it)), err
	})
}

// visibleText returns what the page shows.
func visibleText(ctx context.Context, tab *chromedp.Target) (string, error) {
	shown, err := chromedp.Evaluate[string]("document.body?.innerText ?? ''")(ctx, tab)
	return strings.Join(strings.Fields(shown), " "), err
}

// focused returns what has the focus. If that loses the focus, or leaves the page, while it is being described, it looks again.
func focused(ctx context.Context, tab *chromedp.Target) (it Described, err error) {
	for still := false; !still && err == nil; {
		it, still, err = glimpse(ctx, tab)
	}
	return it, err
}

// glimpse returns what has the focus, and whether that still had it after it was described.
func glimpse(ctx context.Context, tab *chromedp.Target) (it Described, still bool, err error) {
	nothing, err := chromedp.Evaluate[bool]("!document.activeElement || document.activeElement === document.body")(ctx, tab)
	if nothing || err != nil {
		return Described{}, true, err
	}
	element, err := evaluate(ctx, tab, "document.activeElement")
	if err != nil {
		return Described{}, false, err
	}
	tree, err := cdp.Call(ctx, tab, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: element.ObjectID, FetchRelatives: new(false)})
	if err != nil {
		return Described{}, false, err
	}
	if len(tree.Nodes) > 0 {
		it = described(tree.Nodes[0])
	}
	still, err = on[bool](ctx, tab, element.ObjectID, "function() { return document.activeElement === this }")
	return it, still, err
}

// show describes for a message what the page shows: its address, what a user can use, and the beginning of its text.
func (p *Page) show() string {
	var out strings.Builder
	err := p.do(func(ctx context.Context, tab *chromedp.Target) error {
		address, err := chromedp.Evaluate[string]("location.href")(ctx, tab)
		if err != nil {
			return err
		}
		root, err := evaluate(ctx, tab, "document")
		if err != nil {
			return err
		}
		nodes, err := seen(ctx, tab, accessibility.QueryAXTreeParams{ObjectID: root.ObjectID})
		if err != nil {
			return err
		}
		shown, err := visibleText(ctx, tab)
		if err != nil {
			return err
		}
		it, err := focused(ctx, tab)
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "The page %s has\n  in focus: %s\n  to act on: %s\n  text: %.1500s", address, it, strings.Join(actable(nodes), ", "), shown)
		return nil
	})
	if err != nil {
		return fmt.Sprintf("What the page shows cannot be read: %v", err)
	}
	return out.String()
}

// actable returns the nodes that a user can use, or that contain such nodes, at most fifty.
func actable(nodes []Described) []string {
	roles := []string{
		"button", "link", "textbox", "searchbox", "spinbutton", "combobox", "listbox", "checkbox", "radio", "switch", "slider",
		"tab", "menuitem", "dialog", "alertdialog",
	}
	var named []string
	for _, n := range nodes {
		if slices.Contains(roles, n.Role) && len(named) < 50 {
			named = append(named, n.String())
		}
	}
	return named
}
