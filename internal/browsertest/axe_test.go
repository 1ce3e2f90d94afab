package browsertest

import (
	"testing"

	"fullsync/internal/effort"
)

func TestViolationsOfAccessibilityAreCaught(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	p := visit(t, form, "")
	withAxe(t)
	p.Axe()
	if left := Eval[bool](p, "'axe' in window"); left {
		t.Error("the checker is left in the page")
	}
	wantOne(t, recorded(t, func(t testing.TB) {
		visit(t, `<input id="nameless"><p id="pale">Hard to read</p>`, `document.getElementById("pale").style.color = "#ddd"`).Axe()
	})[:1], "axe-core: color-contrast (serious): Elements must meet minimum color contrast ratio thresholds", `<p id="pale"`, "Fix any of the following")
	dim := `const dark = new CSSStyleSheet();
		dark.replaceSync("@media (prefers-color-scheme: dark) { #dim { background: #222; color: #333 } }");
		document.adoptedStyleSheets.push(dark);`
	wantOne(t, recorded(t, func(t testing.TB) { visit(t, `<p id="dim">Hard to read in the dark</p>`, dim).Axe() }), "axe-core: color-contrast", "in the dark", `<p id="dim"`)
	moving := `document.getElementById("pale").animate({color: ["#ddd", "#000"]}, {duration: 3600_000, fill: "forwards"});
		document.getElementById("endless").animate({width: ["1px", "2px"]}, {duration: 1000, iterations: Infinity});`
	if said := recorded(t, func(t testing.TB) {
		visit(t, `<p id="pale">Soon easy to read</p><div id="endless"></div>`, moving).Axe()
	}); len(said) > 0 {
		t.Errorf("the animation is not at its end: %q", said)
	}
	said := recorded(t, func(t testing.TB) { visit(t, `<input id="nameless">`, "").Axe() })
	wantOne(t, said, "axe-core: label (critical): Form elements must have labels", `<input id="nameless">`)
}

// withAxe skips the test if axe-core is not installed.
func withAxe(t *testing.T) {
	t.Helper()
	if _, err := axe(); err != nil && !required() {
		t.Skipf("skipped: %v", err)
	}
}

func TestAMissingCheckerSkipsOnlyTheCheckUnlessRequired(t *testing.T) {
	effort.SkipUnlessHeavy(t)
	p := visit(t, form, "")
	t.Setenv(ModulesVariable, t.TempDir())
	t.Setenv(RequireVariable, "")
	if said := recorded(t, func(r testing.TB) { p.t = r; p.Axe() }); len(said) > 0 {
		t.Errorf("said: %q", said)
	}
	t.Setenv(RequireVariable, "1")
	wantOne(t, recorded(t, func(r testing.TB) { p.t = r; p.Axe() }), "run npm ci in docs/frontend")
	p.t = t
}
