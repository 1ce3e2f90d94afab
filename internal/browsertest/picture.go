package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// settle is an expression that ends all running animations that have an end. Waiting for them would depend on when the browser paints.
const settle = `document.getAnimations()
	.filter(a => a.playState === "running" && a.effect.getComputedTiming().endTime !== Infinity)
	.forEach(a => a.finish())`

// Screenshot writes a picture (PNG) of the window's content to file. Animations have ended in it.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	if err := p.capture(file, nil); err != nil {
		p.t.Fatalf("taking a picture of the page: %v", err)
	}
}

// Screenshot writes a picture (PNG) of the element to file. Animations have ended in it.
func (e *Element) Screenshot(file string) {
	e.page.t.Helper()
	clip := read[page.Viewport](e, `function() {
		this.scrollIntoView({block: "center", behavior: "instant"});
		const r = this.getBoundingClientRect();
		return {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height, scale: 1};
	}`)
	if err := e.page.capture(file, &clip); err != nil {
		e.page.t.Fatalf("taking a picture of %s: %v", e, err)
	}
}

// capture writes a picture of a part of the page, or of the window's content if clip is nil.
func (p *Page) capture(file string, clip *page.Viewport) error {
	return p.do(func(ctx context.Context, tab *chromedp.Target) error {
		if _, err := chromedp.Evaluate[chromedp.Void](settle)(ctx, tab); err != nil {
			return err
		}
		picture, err := cdp.Call(ctx, tab, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: clip, CaptureBeyondViewport: new(clip != nil)})
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, picture.Data, 0o644)
	})
}

// keepPicture stores a picture of a failed test's page in [testing.T.ArtifactDir].
func (p *Page) keepPicture() {
	file := filepath.Join(p.t.ArtifactDir(), fmt.Sprintf("page-%s.png", chromedp.FromContext(p.ctx).Target.TargetID))
	if err := p.capture(file, nil); err != nil {
		p.t.Logf("taking a picture of the page: %v", err)
	}
}

// isolated creates a world in the page's document that shares its elements, but no objects of its scripts.
func isolated(ctx context.Context, tab *chromedp.Target) (runtime.ExecutionContextID, error) {
	tree, err := cdp.Call(ctx, tab, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return 0, err
	}
	world, err := cdp.Call(ctx, tab, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: tree.FrameTree.Frame.ID, WorldName: objects})
	return world.ExecutionContextID, err
}
