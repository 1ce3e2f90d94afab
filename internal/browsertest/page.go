package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Options say what kind of window shows a page. The zero value is a window of 1280 × 800 on a light desktop.
type Options struct {
	// Width and Height are the window's inner size in CSS pixels.
	Width, Height int
	// Scale is the number of device pixels per CSS pixel; 0 means 1.
	Scale float64
	// Dark prefers dark colours.
	Dark bool
	// ReducedMotion prefers no animations.
	ReducedMotion bool
	// Tabs opens the page in the whole Chromium, whose windows can hold several tabs.
	Tabs bool
	// Before is a script that runs in every document before its own scripts, for example to remove a feature.
	Before string
}

// Page is one tab, in its own browser profile: only tabs opened from it share its storage, cookies and cache. It belongs to one
// test and to that test's goroutine.
type Page struct {
	finder
	t        testing.TB
	ctx      context.Context
	cancel   context.CancelFunc
	origin   string
	scale    float64
	dark     bool
	reduced  bool
	watch    *watch
	patience time.Duration
	closing  sync.Once
}

// Open opens a new page and loads address, whose origin is the only one that the page may talk to. The end of the test
// closes the page and reports what was noted about it. Without a browser on this machine the test is skipped (see
// [RequireVariable]).
func Open(t testing.TB, address string, o Options) *Page {
	t.Helper()
	in := &process
	if o.Tabs {
		in = &windowed
	}
	b, err := in.get()
	if err != nil {
		missing(t, err)
	}
	at, err := url.Parse(address)
	if err != nil || at.Host == "" {
		t.Fatalf("browsertest: %q is not the address of a page", address)
	}
	return open(t, b.ctx, at, o, chromedp.WithNewBrowserContext())
}

// OpenTab opens another tab in the window that the person opened last, and loads a path of the same origin. It hides the page
// in that window until [Page.ToFront]. The page must have been opened with [Options.Tabs]. It is the same person's tab: it shares the page's cookies, cache and connections, but, as
// every tab, has its own sessionStorage.
func (p *Page) OpenTab(path string, o Options) *Page {
	p.t.Helper()
	return p.beside(path, o, false)
}

// OpenWindow is like [Page.OpenTab], but opens a new window, so both pages are visible.
func (p *Page) OpenWindow(path string, o Options) *Page {
	p.t.Helper()
	return p.beside(path, o, true)
}

// beside opens another page of the same person.
func (p *Page) beside(path string, o Options, newWindow bool) *Page {
	p.t.Helper()
	at, err := url.Parse(p.origin + path)
	if err != nil {
		p.t.Fatalf("browsertest: %q is not the path of a page", path)
	}
	return open(p.t, p.ctx, at, o, chromedp.WithNewWindow(newWindow))
}

// open opens a page in the part of the browser that parent stands for.
func open(t testing.TB, parent context.Context, at *url.URL, o Options, how chromedp.ContextOption) *Page {
	t.Helper()
	p := &Page{t: t, origin: at.Scheme + "://" + at.Host, scale: max(o.Scale, 0), dark: o.Dark, reduced: o.ReducedMotion, patience: Patience}
	p.finder = finder{page: p}
	p.watch = newWatch(at.Host)
	p.ctx, p.cancel = chromedp.NewContext(parent, how, chromedp.WithListener(p.watch.see))
	t.Cleanup(p.Close)
	// The first call's context lasts as long as the tab, so it cannot have a deadline.
	late := time.AfterFunc(Patience, p.cancel)
	err := chromedp.Do(p.ctx)
	late.Stop()
	if err == nil {
		err = p.prepare(o)
	}
	if err != nil {
		t.Fatalf("browsertest: opening a page: %v", err)
	}
	p.Go(strings.TrimPrefix(at.String(), p.origin))
	return p
}

// ToFront makes the page the visible tab of its window.
func (p *Page) ToFront() {
	p.t.Helper()
	p.act("bringing the page to the front", func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, page.BringToFront, cdp.Empty{})
		return chromedp.Void{}, err
	})
}

// prepare applies o to the page, before anything is loaded.
func (p *Page) prepare(o Options) error {
	if o.Width == 0 {
		o.Width = 1280
	}
	if o.Height == 0 {
		o.Height = 800
	}
	return p.do(func(ctx context.Context, tab *chromedp.Target) error {
		if _, err := cdp.Call(ctx, tab, audits.Enable, cdp.Empty{}); err != nil {
			return err
		}
		if err := p.prefer(ctx, tab, o.Dark); err != nil {
			return err
		}
		if err := p.allowClipboard(ctx); err != nil {
			return err
		}
		if o.Before != "" {
			if _, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: o.Before}); err != nil {
				return err
			}
		}
		return p.resize(ctx, tab, o.Width, o.Height)
	})
}

// prefer tells the page which colours the person prefers, besides what its options say.
func (p *Page) prefer(ctx context.Context, tab *chromedp.Target, dark bool) error {
	_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: pick(dark, "dark", "light")},
		{Name: "prefers-reduced-motion", Value: pick(p.reduced, "reduce", "no-preference")},
	}})
	return err
}

// Slow makes every answer to the page come that much later, and no faster than that, from now on.
func (p *Page) Slow(latency time.Duration, bytesPerSecond float64) {
	p.t.Helper()
	p.act("slowing the network down", func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{
				Latency: float64(latency.Milliseconds()), DownloadThroughput: bytesPerSecond, UploadThroughput: bytesPerSecond,
			}},
		})
		return chromedp.Void{}, err
	})
}

// allowClipboard lets the page write to the clipboard, as a click by a person in front of it could, and lets the test read it.
func (p *Page) allowClipboard(ctx context.Context) error {
	c := chromedp.FromContext(ctx)
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		_, err := cdp.Call(ctx, c.Browser, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission:       &cdpbrowser.PermissionDescriptor{Name: permission},
			Setting:          cdpbrowser.PermissionSettingGranted,
			Origin:           p.origin,
			BrowserContextID: c.BrowserContextID,
		})
		if err != nil {
			return fmt.Errorf("allowing the clipboard: %w", err)
		}
	}
	return nil
}

// Go loads a path of the same origin, such as "/console/", and returns when it is loaded.
func (p *Page) Go(path string) {
	p.t.Helper()
	p.act("loading "+path, chromedp.Navigate(p.origin+path))
}

// Reload loads the page again and returns when it is loaded.
func (p *Page) Reload() {
	p.t.Helper()
	p.act("reloading the page", chromedp.Reload())
}

// Resize gives the window another inner size, in CSS pixels.
func (p *Page) Resize(width, height int) {
	p.t.Helper()
	p.act(fmt.Sprintf("resizing the window to %d × %d", width, height), func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Void{}, p.resize(ctx, tab, width, height)
	})
}

// Crash ends the process that shows the page, so the page ends without a chance to do anything first.
func (p *Page) Crash() {
	p.t.Helper()
	p.closing.Do(func() {
		go func() { // there is no answer
			_ = p.do(func(ctx context.Context, tab *chromedp.Target) error {
				_, err := cdp.Call(ctx, tab, page.Crash, cdp.Empty{})
				return err
			})
		}()
		select {
		case <-p.watch.crashed:
		case <-time.After(Patience):
			p.t.Errorf("the page %s does not crash", p.origin)
		}
		p.cancel()
	})
}

// resize gives the window an inner size.
func (p *Page) resize(ctx context.Context, tab *chromedp.Target, width, height int) error {
	scale := p.scale
	if scale == 0 {
		scale = 1
	}
	_, err := cdp.Call(ctx, tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: scale,
	})
	return err
}

// URL returns the address that the page shows now.
func (p *Page) URL() string {
	p.t.Helper()
	return Eval[string](p, "location.href")
}

// Clipboard returns the text in the clipboard, which all pages of a browser share.
func (p *Page) Clipboard() string {
	p.t.Helper()
	return Eval[string](p, "navigator.clipboard.readText()")
}

// Eval returns the value of a JavaScript expression in the page, and awaits it if it is a promise. It fails the test if
// the expression throws or is not a T.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, p.patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%.300s: %v", expression, err)
	}
	return v
}

// Close closes the page and fails the test for what was noted about it. It is safe to call twice, and the end of the test
// calls it.
func (p *Page) Close() {
	p.t.Helper()
	p.closing.Do(func() {
		if p.ctx.Err() == nil {
			if p.t.Failed() {
				p.t.Logf("at its end the page showed:\n%s", p.show())
				p.keepPicture()
			}
			_ = p.catchUp()
		}
		p.cancel()
		for _, problem := range p.watch.verdict() {
			p.t.Errorf("the page %s: %s", p.origin, problem)
		}
	})
}

// catchUp returns once everything that the page has caused so far is noted. It asks the page something: all events come before
// the answer.
func (p *Page) catchUp() error {
	return p.do(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[chromedp.Void]("0")(ctx, tab)
		return err
	})
}

// act runs one action and fails the test if it fails; doing says what it is.
func (p *Page) act(doing string, action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, p.patience)
	defer cancel()
	if err := chromedp.Do(ctx, action); err != nil {
		p.t.Fatalf("%s: %v", doing, err)
	}
}

// do calls f with the page's tab. It gives even an impatient page the time for one look, so that a slow browser on a busy machine
// does not look like a page without the element.
func (p *Page) do(f func(ctx context.Context, tab *chromedp.Target) error) error {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Func(f))
}

// pick returns yes if the condition holds, and no otherwise.
func pick(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
