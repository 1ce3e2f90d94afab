package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ModulesVariable names the environment variable that says where npm's packages are, if not in
// docs/frontend/node_modules.
const ModulesVariable = "FULLSYNC_NODE_MODULES"

// errNoAxe is returned when axe-core is not installed.
var errNoAxe = errors.New("axe-core, which checks the page, is not installed; run npm ci in docs/frontend")

// violation is what axe-core says about one broken rule.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// check is the function that runs axe-core, with its own choice of rules or only some.
const check = `(rules) => axe.run(document, {resultTypes: ["violations"], ...rules}).then(r => r.violations.map(v => ({
	id: v.id, impact: v.impact, help: v.help,
	nodes: v.nodes.map(n => ({html: n.html, failureSummary: n.failureSummary})),
})))`

// inColours are the rules whose outcome depends on the colours.
const inColours = `{runOnly: {type: "rule", values: ["color-contrast"]}}`

// Axe checks the current page with the accessibility checker axe-core and fails the test for each violation. It ends animations
// first. What depends on the colours is checked in the light and in the dark. Without axe-core only this check is skipped,
// unless a browser is required (see [RequireVariable]). The page's own scripts do not notice it.
func (p *Page) Axe() {
	p.t.Helper()
	source, err := axe()
	switch {
	case errors.Is(err, errNoAxe) && !required():
		p.skipPart("axe", err)
		return
	case err != nil:
		p.t.Fatalf("browsertest: %v", err)
	}
	var world runtime.ExecutionContextID
	if err := p.do(func(ctx context.Context, tab *chromedp.Target) (err error) {
		if world, err = isolated(ctx, tab); err != nil {
			return err
		}
		_, err = chromedp.Evaluate[chromedp.Void](source, in(world))(ctx, tab)
		return err
	}); err != nil {
		p.t.Fatalf("loading axe-core: %v", err)
	}
	p.look(world, "{}", p.dark, "")
	p.look(world, inColours, !p.dark, pick(p.dark, ", in the light", ", in the dark"))
}

// look checks the page in these colours by these rules of axe-core, which is loaded in that world. Each look has a time of its own, because
// it is much work for the browser.
func (p *Page) look(world runtime.ExecutionContextID, rules string, dark bool, where string) {
	p.t.Helper()
	var found []violation
	err := p.do(func(ctx context.Context, tab *chromedp.Target) error {
		if err := p.prefer(ctx, tab, dark); err != nil {
			return err
		}
		if _, err := chromedp.Evaluate[chromedp.Void](settle)(ctx, tab); err != nil {
			return fmt.Errorf("ending animations: %w", err)
		}
		var err error
		found, err = chromedp.Evaluate[[]violation]("("+check+")("+rules+")", in(world), chromedp.EvalAwaitPromise)(ctx, tab)
		return errors.Join(err, p.prefer(ctx, tab, p.dark))
	})
	if err != nil {
		p.t.Fatalf("checking the page with axe-core%s: %v", where, err)
	}
	for _, v := range found {
		v.Help += where
		p.t.Errorf("axe-core: %s", v)
	}
}

// in makes an expression run in that world.
func in(world runtime.ExecutionContextID) func(*runtime.EvaluateParams) {
	return func(e *runtime.EvaluateParams) { e.ContextID = world }
}

// String returns the rule and each element that breaks it, in lines.
func (v violation) String() string {
	var lines strings.Builder
	fmt.Fprintf(&lines, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&lines, "\n  %.300s\n    %s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n    "))
	}
	return lines.String()
}

// axe returns the source of axe-core, or errNoAxe if it is not installed.
func axe() (string, error) {
	modules, err := Modules()
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	if errors.Is(err, os.ErrNotExist) {
		return "", errNoAxe
	}
	return string(source), err
}

// Modules returns the absolute path of the directory for npm's packages, whether or not they are installed (see
// [ModulesVariable]).
func Modules() (string, error) {
	if modules := os.Getenv(ModulesVariable); modules != "" {
		return filepath.Abs(modules)
	}
	root, err := moduleRoot()
	return filepath.Join(root, "docs", "frontend", "node_modules"), err
}

// moduleRoot returns the directory of go.mod, which is above the one where the test runs.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("there is no go.mod above the test's directory")
		}
		dir = up
	}
	return "", err
}

// skipPart says in the test's output that it skips a part, and why.
func (p *Page) skipPart(name string, why error) {
	p.t.Helper()
	if t, ok := p.t.(*testing.T); ok {
		t.Run(name, func(t *testing.T) { t.Skipf("skipped: %v", why) })
		return
	}
	p.t.Logf("%s skipped: %v", name, why)
}
