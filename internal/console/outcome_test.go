package console_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// ink returns the color of the element that a selector finds, and the color in a variable of the style sheet.
func ink(page *browsertest.Page, selector, variable string) [2]string {
	return browsertest.Eval[[2]string](page, `(() => {
		const probe = document.body.appendChild(document.createElement("i"));
		probe.style.color = "var(`+variable+`)";
		const colours = [document.querySelector("`+selector+`"), probe].map((e) => getComputedStyle(e).color);
		probe.remove();
		return colours;
	})()`)
}

// TestCompletedWithRefusalsIsAmber: in the card, the news, the history and the receipt, which also say so in words.
func TestCompletedWithRefusalsIsAmber(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	pair.Wire.OnPage(nodetest.ProductsPath, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		page := nodetest.Answered(r, next)
		w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
		_, _ = w.Write([]byte(strings.Replace(string(page.Body), `"name":`, `"title":`, 5)))
	})
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	form := startForm(page)
	form.Role("DisclosureTriangle", "Options").Click()
	form.Field("Compress on the wire").Tick(false)
	form.Button("Start pull").Click()
	const words = "5 of 30 products were refused: name is required."
	page.Find("#news").WaitText("COMPLETED: pull from branch into catalog main, 25 of 30 products: 25 new, 5 refused. " + words)
	card(page).WaitText("COMPLETED Transferred 25 products; 5 of 30 products were refused")
	card(page).WaitText("completed, but not everything was done: " + words)
	id := shownSession(t, page)
	row(page, id).WaitText(words)
	for _, what := range []string{"#news", "#cards .badge[data-field=status]", "#history-rows .badge", "#history-rows .why"} {
		if c := ink(page, what, "--warn"); c[0] != c[1] {
			t.Errorf("%s is %s, and amber is %s", what, c[0], c[1])
		}
	}
	accessible(page)
	page.Link("COMPLETED: show the receipt").Click()
	page.Role("region", "Receipt: COMPLETED").WaitText("Left undone " + words)
	back(page)

	// The next one is clean, and green.
	pair.Main.WaitEnd(sendAgain(t, page, id), spec.COMPLETED)
	card(page).WaitText("COMPLETED Transferred 30 products")
	if c := ink(page, "#cards .badge[data-field=status]", "--good"); c[0] != c[1] {
		t.Errorf("a clean one is %s, and green is %s", c[0], c[1])
	}
}

// TestFailedRowsSayWhy: in the history.
func TestFailedRowsSayWhy(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 10, nodetest.Config{})
	pair.Wire.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusForbidden) })
	s := pair.Main.WaitEnd(pair.Main.Pull(nodetest.Pull{}).SessionId, spec.FAILED)
	cancelled := cancelledSessions(t, pair.Main, 1)
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	row(page, s.SessionId).WaitText(*s.ErrorMessage)
	if c := ink(page, "#history-rows [data-tone=FAILED] .why", "--bad"); c[0] != c[1] {
		t.Errorf("the reason is %s, and red is %s", c[0], c[1])
	}
	row(page, cancelled).Wait()
	if text := browsertest.Eval[string](page, `document.querySelector("#history-rows [data-tone=CANCELLED] .why").textContent`); text != "" {
		t.Errorf("who has cancelled is told twice: %q", text)
	}
	accessible(page)
}
