package console_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// The dialog about the sync that is in the way.
const (
	runningTitle = "Full sync already in progress"
	replaceIt    = "Cancel it and start this one"
)

// inTheWay is a sync of alice's, held at 30 of 100 products, and the page of an operator who has just tried to start another
// one.
type inTheWay struct {
	*nodetest.Pair
	id   spec.SessionID
	gate *nodetest.Gate
	page *browsertest.Page
}

func newInTheWay(t *testing.T, kind nodetest.Kind) *inTheWay {
	t.Helper()
	pair := newPair(t, kind, 100, nodetest.Config{})
	w := &inTheWay{Pair: pair, gate: pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)}
	size := 10
	w.id = pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}}).SessionId
	nodetest.Await(t, "the fourth page", w.gate.Reached)
	committed(pair, w.id, 30)
	w.page = signIn(t, pair.Main, auth.RoleOperator, browsertest.Options{})
	w.page.Expect(http.StatusConflict, nodetest.StartPath)
	w.collide()
	return w
}

// collide tries to start another sync.
func (w *inTheWay) collide() {
	startForm(w.page).Button("Start pull").Click()
	w.page.WaitFocus("button", "Watch it")
}

func (w *inTheWay) dialog() *browsertest.Element { return w.page.Dialog(runningTitle) }

// TestAnotherIsRunning: the dialog shows the sync that is in the way, live, and the operator watches it.
func TestAnotherIsRunning(t *testing.T) {
	t.Parallel()
	w := newInTheWay(t, nodetest.SQLite)
	w.dialog().WaitText("Step Transferring 100 products")
	w.dialog().WaitText("Progress 30 %")
	w.dialog().WaitText("Health healthy: working normally")
	w.dialog().WaitText("by alice")

	next := w.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	w.gate.Open()
	nodetest.Await(t, "the seventh page", next.Reached)
	w.dialog().WaitText("Progress 60 %")
	w.page.Press("Escape")
	w.dialog().WaitGone()
	w.page.WaitFocus("button", "Start pull")

	w.collide()
	w.dialog().Button("Watch it").Click()
	w.dialog().WaitGone()
	w.page.WaitFocus("article", thePull)
	bar(w.page, 60).Wait()
	next.Open()
	card(w.page).WaitText("COMPLETED")
	w.Main.WaitEnd(w.id, spec.COMPLETED)
}

// TestCancelWhatIsInTheWay: the usual question comes first.
func TestCancelWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	w := newInTheWay(t, nodetest.SQLite)
	w.dialog().Button("Cancel it…").Click()
	w.page.WaitFocus("button", keepRunning)
	w.page.Button(keepRunning).Click()
	w.page.Dialog(cancelTitle).WaitGone()
	w.page.WaitFocus("button", "Start pull")
	if s := w.Main.Session(w.id); s.Status != spec.TRANSFERRING {
		t.Fatalf("it was not to be cancelled: %s", nodetest.Show(s))
	}

	w.collide()
	w.dialog().Button("Cancel it…").Click()
	w.page.Dialog(cancelTitle).WaitText("The pull from branch into catalog main stops at once.")
	w.page.Field("Reason (optional)").Fill("mine is more urgent")
	w.page.Dialog(cancelTitle).Button(cancelSync).Click()
	w.page.WaitText("Sync session cancelled successfully.")
	waitFocusOnNews(w.page)
	row(w.page, w.id).WaitText("alice; cancelled by operator")
	if s := w.Main.Session(w.id); s.Status != spec.CANCELLED || *s.CancelReason != "mine is more urgent" {
		t.Errorf("cancelled as %s", nodetest.Show(s))
	}
}

// TestReplaceWhatIsInTheWay cancels what is in the way and starts another in one step.
func TestReplaceWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	w := newInTheWay(t, nodetest.SQLite)
	next := w.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	w.dialog().Button(replaceIt).Click()
	w.page.WaitText("Full sync pull initiated successfully")
	w.dialog().WaitGone()
	w.page.WaitFocus("button", "Start pull")
	row(w.page, w.id).WaitText("alice; cancelled by operator")
	nodetest.Await(t, "the next session's first page", next.Reached)
	if id := shownSession(t, w.page); id == w.id {
		t.Error("the old session is still shown")
	} else if old := w.Main.Session(w.id); old.Status != spec.CANCELLED || *old.CancelledBy != "operator" || !strings.Contains(*old.CancelReason, id.String()) {
		t.Errorf("the old one: %s", nodetest.Show(old))
	}
	next.Open()
	card(w.page).WaitText("COMPLETED")
	w.page.WaitText("COMPLETED: pull from branch into catalog main, 100 of 100 products:")
	nodetest.SameCatalog(t, w.Branch, w.Main, "main")
}

// TestReplacingIsRefused: what the node says is shown in the dialog, which stays open.
func TestReplacingIsRefused(t *testing.T) {
	t.Parallel()
	w := newInTheWay(t, nodetest.SQLite)
	// A replica of the previous version switches a peer off even while a sync with it is running.
	if _, err := w.Main.Store.SQL().ExecContext(t.Context(), "UPDATE peers SET is_active = false"); err != nil {
		t.Fatal(err)
	}
	w.page.Expect(http.StatusUnprocessableEntity, nodetest.StartPath)
	w.dialog().Button(replaceIt).Click()
	w.dialog().WaitText("Peer is switched off: Peer branch is switched off; switch it on first.")
	if s := w.Main.Session(w.id); s.Status != spec.TRANSFERRING {
		t.Errorf("it was cancelled nevertheless: %s", nodetest.Show(s))
	}
}

// TestWhatIsInTheWayEnds: if that happens while the dialog is open, it closes, and the next sync can start.
func TestWhatIsInTheWayEnds(t *testing.T) {
	t.Parallel()
	w := newInTheWay(t, nodetest.SQLite)
	w.gate.Open()
	w.page.WaitText("The sync that was in the way has ended: COMPLETED. You can start now.")
	w.dialog().WaitGone()
	w.page.WaitFocus("button", "Start pull")
	w.Main.WaitEnd(sendAgain(t, w.page, w.id), spec.COMPLETED)
}

// TestOlderAnswersAreDropped: an answer that is older than what the page knows about a session changes nothing.
func TestOlderAnswersAreDropped(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	preparing := pair.Wire.HoldPage(t, nodetest.WhoPath, 1)
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the question who the peer is", preparing.Reached)
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleOperator, browsertest.Options{})
	page.Expect(http.StatusConflict, nodetest.StartPath)
	answered, send := make(chan struct{}), make(chan struct{})
	toMain.OnPage(s.SessionId.String(), 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		older := nodetest.Answered(r, next)
		close(answered)
		<-send
		w.Header().Set("Content-Type", older.Header.Get("Content-Type"))
		_, _ = w.Write(older.Body)
	})
	startForm(page).Button("Start pull").Click()
	nodetest.Await(t, "the answer of a session that is preparing", answered)
	dialog := page.Dialog(runningTitle)
	dialog.WaitText("Step Preparing")
	transferring := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	preparing.Open()
	nodetest.Await(t, "the first page", transferring.Reached)
	dialog.WaitText("Step Transferring 100 products")
	close(send)
	page.WaitFor("the older answer", `performance.getEntriesByType("resource").some((e) => e.name.endsWith("`+s.SessionId.String()+`") && e.responseEnd)`)
	if text := dialog.Text(); !strings.Contains(text, "Step Transferring 100 products") {
		t.Errorf("turned back to %q", text)
	}
}
