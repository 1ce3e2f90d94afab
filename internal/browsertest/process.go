package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a running Chromium.
type browser struct {
	// ctx is what contexts of pages are made from.
	ctx context.Context
	// release frees what chromedp holds once the browser has ended.
	release context.CancelFunc
	// dir holds everything the browser writes.
	dir   string
	leash *leash
}

// start runs a browser. Returns errNotInstalled where there is none.
func start() (_ *browser, err error) {
	program, ok := find()
	if !ok || !supported {
		return nil, errNotInstalled
	}
	dir, err := os.MkdirTemp("", "fsbr-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the browser: %w", err)
	}
	leash, err := newLeash(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	b := &browser{dir: dir, leash: leash}
	allocator, release := chromedp.NewExecAllocator(context.Background(), flags(program, dir)...)
	ctx, cancel := chromedp.NewContext(allocator)
	b.ctx, b.release = ctx, release
	// The first call's context is the browser's life, so that one cannot have a deadline itself.
	late := time.AfterFunc(Patience, cancel)
	defer late.Stop()
	if err := chromedp.Do(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", program, err), b.close())
	}
	if err := leash.hold(chromedp.FromContext(ctx).Browser.Process().Pid); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// find returns the browser in PATH.
func find() (program string, ok bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, true
		}
	}
	return "", false
}

// flags returns how the browser is started: without a window, without anything it does on its own account, writing
// nowhere but in dir, and unable to find any host but this one.
func flags(program, dir string) []chromedp.ExecAllocatorOption {
	return append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.Env("HOME="+dir, "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir, "XDG_RUNTIME_DIR="+dir),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]"),
		chromedp.ModifyCmdFunc(setGroup),
	)
}

// close stops the browser and removes its files. It is safe to call twice.
func (b *browser) close() error {
	var err error
	if b.ctx.Err() == nil { // else it has ended already
		ctx, cancel := context.WithTimeout(b.ctx, Patience)
		defer cancel()
		err = chromedp.Cancel(ctx)
	}
	b.release()
	if err := errors.Join(err, b.leash.release()); err != nil {
		return err
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the browser's directory %s could not be removed", b.dir)
	}
	return nil
}
