package browsertest

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// innerText is the function that returns what an element shows.
const innerText = `function() { return this.innerText ?? this.textContent }`

// visible is the function that says whether an element is visible.
const visible = `function() { return this.checkVisibility({visibilityProperty: true}) }`

// use waits until there is exactly one such element and f misses nothing; doing is the verb for messages.
func (e *Element) use(doing string, f func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (missing string, err error)) {
	e.page.t.Helper()
	e.page.until(doing+" "+e.String(), func(ctx context.Context, tab *chromedp.Target) (string, error) {
		it, missing, err := e.one(ctx, tab)
		if missing != "" || err != nil {
			return missing, err
		}
		return f(ctx, tab, it)
	})
}

// Wait returns once the element exists and is visible.
func (e *Element) Wait() {
	e.page.t.Helper()
	e.use("waiting for", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		is, err := on[bool](ctx, tab, it, visible)
		return pick(is, "", "it is not visible"), err
	})
}

// WaitGone returns once no such element is visible.
func (e *Element) WaitGone() {
	e.page.t.Helper()
	e.page.until(fmt.Sprintf("waiting for %s to go", e), func(ctx context.Context, tab *chromedp.Target) (string, error) {
		n, err := e.count(ctx, tab)
		return pick(n == 0, "", fmt.Sprintf("there are still %d", n)), err
	})
}

// WaitText returns once the element shows text, with spaces run together.
func (e *Element) WaitText(text string) {
	e.page.t.Helper()
	e.use(fmt.Sprintf("waiting for the text %q in", text), func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (string, error) {
		shown, err := on[string](ctx, tab, it, innerText)
		shown = strings.Join(strings.Fields(shown), " ")
		return pick(strings.Contains(shown, text), "", fmt.Sprintf("it shows %q", shown)), err
	})
}

// Text returns what the element shows, with spaces run together.
func (e *Element) Text() string {
	e.page.t.Helper()
	return strings.Join(strings.Fields(read[string](e, innerText)), " ")
}

// Value returns what a field holds.
func (e *Element) Value() string {
	e.page.t.Helper()
	return read[string](e, "function() { return this.value }")
}

// Attribute returns an attribute, or "" if there is none of that name.
func (e *Element) Attribute(name string) string {
	e.page.t.Helper()
	return read[string](e, "function(name) { return this.getAttribute(name) ?? '' }", name)
}

// Enabled reports whether a user could use the element.
func (e *Element) Enabled() bool {
	e.page.t.Helper()
	return read[bool](e, "function() { return !this.matches(':disabled') && !this.closest('[aria-disabled=true]') }")
}

// Count returns how many such elements are visible right now, without waiting.
func (e *Element) Count() (n int) {
	e.page.t.Helper()
	_, err := e.page.once(func(ctx context.Context, tab *chromedp.Target) (_ string, err error) {
		n, err = e.count(ctx, tab)
		return "", err
	})
	if err != nil {
		e.page.t.Fatalf("counting %s: %v", e, err)
	}
	return n
}

// Visible reports whether at least one such element is visible right now, without waiting.
func (e *Element) Visible() bool {
	e.page.t.Helper()
	return e.Count() > 0
}

// count returns how many such elements are visible. The element they would be in may be missing.
func (e *Element) count(ctx context.Context, tab *chromedp.Target) (n int, err error) {
	all, _, err := e.all(ctx, tab)
	for _, it := range all {
		is, err := on[bool](ctx, tab, it, visible)
		if err != nil {
			return 0, err
		}
		if is {
			n++
		}
	}
	return n, err
}

// read returns what a JavaScript function says about the element.
func read[T any](e *Element, function string, args ...any) (v T) {
	e.page.t.Helper()
	e.use("reading", func(ctx context.Context, tab *chromedp.Target, it runtime.RemoteObjectID) (_ string, err error) {
		v, err = on[T](ctx, tab, it, function, args...)
		return "", err
	})
	return v
}
