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

	"fullsync/internal/leash"
)

// afterwards is what the leash does. It gets the number of the browser's process group, and then waits for the end of the tests.
// A process that is being ended may still create a file, so the leash removes the directory again until the group is gone. That
// wait is bounded because the group never goes on a machine whose first process reaps nobody.
const afterwards = `
read -r group
read -r _
tries=0
while
	kill -KILL "-${group:-none}" 2>/dev/null && left=processes || left=
	rm -rf "$1" 2>/dev/null
	{ [ -n "$left" ] || [ -e "$1" ]; } && [ "$tries" -lt 40 ]
do
	sleep 0.05
	tries=$((tries + 1))
done
`

// browser is a running Chromium.
type browser struct {
	// ctx is the parent of the pages' contexts.
	ctx context.Context
	// release frees what chromedp holds once the browser has ended.
	release context.CancelFunc
	// dir holds everything the browser writes.
	dir   string
	leash *leash.Leash
}

// start runs the first of these programs that is in PATH. It returns errNotInstalled if none is.
func start(programs []string) (_ *browser, err error) {
	program, ok := find(programs)
	if !ok || !supported {
		return nil, errNotInstalled
	}
	dir, err := os.MkdirTemp("", "fsbr-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the browser: %w", err)
	}
	held, err := leash.New(ownGroup(), afterwards, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	b := &browser{dir: dir, leash: held}
	allocator, release := chromedp.NewExecAllocator(context.Background(), flags(program, dir)...)
	ctx, cancel := chromedp.NewContext(allocator)
	b.ctx, b.release = ctx, release
	// The first call's context lasts as long as the browser, so it cannot have a deadline.
	late := time.AfterFunc(Patience, cancel)
	defer late.Stop()
	if err := chromedp.Do(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", program, err), b.close())
	}
	if err := held.Tell(chromedp.FromContext(ctx).Browser.Process().Pid); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// The names of the programs, best first. The headless shell is the same engine without the browser around it. It starts a page with
// a third of the work, but knows no windows that hold several tabs.
var (
	full  = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}
	quick = append([]string{"chromium-headless-shell", "chrome-headless-shell"}, full...)
)

// find returns the first of these programs that is in PATH.
func find(programs []string) (program string, ok bool) {
	for _, name := range programs {
		if program, err := exec.LookPath(name); err == nil {
			return program, true
		}
	}
	return "", false
}

// flags returns the browser's flags: it has no window, does nothing of its own accord, writes only to dir, and can find no
// host but this one.
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
		chromedp.ModifyCmdFunc(func(command *exec.Cmd) { command.SysProcAttr = ownGroup() }),
	)
}

// close stops the browser and removes its files. It is safe to call twice.
func (b *browser) close() error {
	var err error
	if b.ctx.Err() == nil { // otherwise it has already ended
		ctx, cancel := context.WithTimeout(b.ctx, Patience)
		defer cancel()
		err = chromedp.Cancel(ctx)
	}
	b.release()
	if err := errors.Join(err, b.leash.Release()); err != nil {
		return err
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the browser's directory %s could not be removed", b.dir)
	}
	return nil
}
