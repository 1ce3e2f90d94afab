package browsertest

import (
	"testing"

	"fullsync/internal/effort"
)

// TestTabsAreOnePerson: a tab hides the one it was opened from, a window does not, and they share everything except
// sessionStorage.
func TestTabsAreOnePerson(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	first := Open(t, site(t, "", "")+"/", Options{Tabs: true})
	Eval[bool](first, `sessionStorage.token = localStorage.name = document.cookie = "a=b", true`)
	tab := first.OpenTab("/", Options{})
	window := first.OpenWindow("/", Options{})
	for _, p := range []*Page{tab, window} {
		if knows := Eval[string](p, `[sessionStorage.token, localStorage.name, document.cookie].join()`); knows != ",a=b,a=b" {
			t.Errorf("it knows %q", knows)
		}
	}
	seen := func(p *Page, want string) {
		t.Helper()
		p.WaitFor("being "+want, `document.visibilityState === "`+want+`"`)
	}
	seen(first, "hidden")
	seen(tab, "visible")
	seen(window, "visible")
	first.ToFront()
	seen(first, "visible")
	seen(tab, "hidden")
	seen(window, "visible")
	tab.Crash()
	if knows := Eval[string](first, "document.cookie"); knows != "a=b" {
		t.Errorf("the one beside it knows %q", knows)
	}
}
