package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// The dialog that asks before a cancel.
const (
	cancelTitle = "Cancel this sync?"
	keepRunning = "Keep running"
	cancelSync  = "Cancel sync"
)

// waitFocusOnNews waits until the news has the focus, and waitFocusOnFailure until a failure has it.
func waitFocusOnNews(page *browsertest.Page) {
	page.WaitFor("the focus on the news", `document.activeElement.id === "news-text"`)
}

func waitFocusOnFailure(page *browsertest.Page) {
	page.WaitFor("the focus on a failure", `document.activeElement.matches("#failures p")`)
}

// TestCancelWithTheDialog asks to cancel a running sync whose peer holds back the fourth page of products. Twice it keeps the
// sync, then it really cancels it.
func TestCancelWithTheDialog(t *testing.T) {
	onBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPair(t, kind, 100, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
		page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
		id := startByTen(t, page)
		committed(pair, id, 30)
		bar(page, 30).Wait()

		for _, decline := range []func(){
			func() { page.Press("Escape") },
			func() { page.Press("Enter") }, // the focus is on the safe choice
			func() { page.Dialog(cancelTitle).Button(keepRunning).Click() },
		} {
			card(page).Button("Cancel Sync").Click()
			page.WaitFocus("button", keepRunning)
			page.Dialog(cancelTitle).WaitText("The pull from branch into catalog main stops at once.")
			decline()
			page.Dialog(cancelTitle).WaitGone()
			page.WaitFocus("button", "Cancel Sync")
		}
		if s := pair.Main.Session(id); s.Status != spec.TRANSFERRING {
			t.Fatalf("it was not to be cancelled: %s", nodetest.Show(s))
		}

		card(page).Button("Cancel Sync").Click()
		page.Field("Reason (optional)").Fill("wrong peer")
		page.Dialog(cancelTitle).Button(cancelSync).Click()
		page.WaitText("Sync session cancelled successfully. 30 products were committed before; none can follow.")
		waitFocusOnNews(page)
		card(page).WaitText("CANCELLED")
		card(page).WaitText("Cancelled by operator: wrong peer")
		row(page, id).WaitText("CANCELLED")
		row(page, id).WaitText("30 of 100 products: 30 new")
		row(page, id).WaitText("operator; cancelled by operator")
		row(page, id).Button("Cancel").WaitGone()
		nodetest.Await(t, "the end of the request to the peer", gate.Left)
		gate.Open()
		if s, n := pair.Main.Session(id), pair.Main.Count("main"); s.Status != spec.CANCELLED || *s.CancelReason != "wrong peer" || n != 30 {
			t.Fatalf("%d products are here: %s", n, nodetest.Show(s))
		}

		// And again, at once.
		next := sendAgain(t, page, id)
		if n := pair.Main.WaitEnd(next, spec.COMPLETED); n.Unchanged != 30 || n.Created != 70 {
			t.Errorf("more was written after the cancel: %s", nodetest.Show(n))
		}
		bar(page, 100).Wait()
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// sendAgain starts another sync and returns it once the page shows it in place of the previous one.
func sendAgain(t *testing.T, page *browsertest.Page, before spec.SessionID) spec.SessionID {
	t.Helper()
	startForm(page).Button("Start pull").Click()
	page.WaitFor("the card of the next session", `document.querySelector("#cards code").textContent !== "`+before.String()+`"`)
	return shownSession(t, page)
}

// TestCancelOfWhatHasEnded: the sync ends while the dialog is open. The page shows both that and the refusal, in whichever order
// it hears of them.
func TestCancelOfWhatHasEnded(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
	page := signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusConflict, nodetest.CancelPath)
	id := startByTen(t, page)
	committed(pair, id, 30)
	card(page).Button("Cancel Sync").Click()
	page.WaitFocus("button", keepRunning)
	gate.Open()
	pair.Main.WaitEnd(id, spec.COMPLETED)
	page.Dialog(cancelTitle).Button(cancelSync).Click()
	page.Find("#failures").WaitText("Cannot cancel sync: Sync session is already COMPLETED")
	waitFocusOnFailure(page)
	page.Find("#news").WaitText("COMPLETED: " + pull)
	if text := page.Find("#failures").Text(); !strings.Contains(text, "Cannot cancel sync") {
		t.Errorf("the news of its end has replaced the failure; there is %q", text)
	}
	waitFocusOnFailure(page)
	card(page).WaitText("COMPLETED")
}

// TestCancelWithoutAnAnswer: the request to cancel does not reach the node, or the answer is lost. It is safe to try again.
func TestCancelWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleOperator, browsertest.Options{})
	defer page.AllowLostConnections()()
	id := startByTen(t, page)
	nodetest.Await(t, "the fourth page", gate.Reached)
	committed(pair, id, 30)

	onCancel(toMain, func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
	card(page).Button("Cancel Sync").Click()
	page.Field("Reason (optional)").Fill(hostile)
	asking := page.Dialog(cancelTitle)
	asking.Button(cancelSync).Click()
	asking.WaitText("The node does not answer. It may or may not have got the request; it is safe to look or to try again.")
	if s := pair.Main.Session(id); s.Status != spec.TRANSFERRING {
		t.Fatalf("it was not to be cancelled: %s", nodetest.Show(s))
	}

	onCancel(toMain, func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	asking.Button(cancelSync).Click()
	pair.Main.WaitEnd(id, spec.CANCELLED)
	asking.WaitText("The node does not answer.")

	toMain.Reach(nil)
	asking.Button(cancelSync).Click()
	page.WaitText("Sync session cancelled successfully.")
	card(page).WaitText("Cancelled by operator: " + hostile)
	asking.WaitGone()
}

// onCancel lets reach handle requests to cancel.
func onCancel(wire *nodetest.Wire, reach func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, nodetest.CancelPath) {
			reach(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// TestCancelDialogThatIsClosedTooEarly closes the dialog while the cancel is on its way. The page still says how it went, and
// the next dialog is not affected.
func TestCancelDialogThatIsClosedTooEarly(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	pair.Branch.Fill("toys", 100)
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleOperator, browsertest.Options{})
	defer page.AllowLostConnections()()
	first := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the first page", gate.Reached)
	gate = pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	second := pair.Main.Pull(nodetest.Pull{Catalog: "toys"})
	nodetest.Await(t, "the first page of toys", gate.Reached)

	asked, lose := make(chan struct{}), make(chan struct{})
	onCancel(toMain, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		close(asked)
		<-lose
		// Once an answer has begun, the browser does not repeat the request by itself.
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	row(page, first.SessionId).Button("Cancel").Click()
	page.Dialog(cancelTitle).Button(cancelSync).Click()
	nodetest.Await(t, "the request to cancel", asked)
	page.Press("Escape")
	page.Dialog(cancelTitle).WaitGone()

	toMain.Reach(nil)
	row(page, second.SessionId).Button("Cancel").Click()
	page.Dialog(cancelTitle).WaitText("The pull from branch into catalog toys stops at once.")
	close(lose)
	page.WaitText("The node's answer was cut. Check whether it happened before you try again.")
	if problem := page.Dialog(cancelTitle).Find(".problem").Text(); problem != "" {
		t.Errorf("the dialog about the second sync says of the first: %s", problem)
	}
	page.Dialog(cancelTitle).Button(cancelSync).Click()
	page.WaitText("Sync session cancelled successfully.")
	pair.Main.WaitEnd(second.SessionId, spec.CANCELLED)
	if s := pair.Main.Session(first.SessionId); nodetest.Ended(s) {
		t.Errorf("it was not to be cancelled: %s", nodetest.Show(s))
	}
}
