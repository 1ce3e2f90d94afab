package console_test

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
	"fullsync/internal/syncer"
)

// cancelledSessions makes sessions that alice started and cancelled, one after the other.
func cancelledSessions(t *testing.T, node *nodetest.Node, count int) (last spec.SessionID) {
	t.Helper()
	for range count {
		s := node.Orphan()
		if ok, err := node.Store.CancelSession(t.Context(), s.ID, syncer.Cancellation{By: "alice"}); err != nil || !ok {
			t.Fatalf("cancelling session %s: %v, %v", s.ID, ok, err)
		}
		last = uuid.MustParse(s.ID)
	}
	return last
}

// allSessions returns the ids of the rows for a node's whole history, newest first.
func allSessions(t *testing.T, node *nodetest.Node) (ids []string) {
	t.Helper()
	list, err := nodetest.Decode[spec.SessionListResponse](node.Call("alice", http.MethodGet, nodetest.StartPath+"?pageSize=100", ""))
	if err != nil || list.NextPageToken != nil {
		t.Fatalf("reading the history: %v, more: %v", err, list.NextPageToken)
	}
	for _, s := range list.Sessions {
		ids = append(ids, "history-"+s.SessionId.String())
	}
	return ids
}

// shownRows returns the ids of the rows that the page shows.
func shownRows(page *browsertest.Page) []string {
	return browsertest.Eval[[]string](page, `[...document.querySelectorAll("#history-rows tr")].map((row) => row.id)`)
}

// waitRows waits for a number of rows in the history.
func waitRows(page *browsertest.Page, count string) {
	page.WaitFor(count+" rows", `document.querySelectorAll("#history-rows tr").length `+count)
}

// TestHistoryPageByPage scrolls through 45 sessions while seven more come. None is missing, and none is shown twice.
func TestHistoryPageByPage(t *testing.T) {
	nodetest.OnBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPair(t, kind, 1, nodetest.Config{})
		cancelledSessions(t, pair.Main, 45)
		page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
		waitRows(page, "=== 20")
		page.Press("End")
		waitRows(page, "=== 40")
		row(page, cancelledSessions(t, pair.Main, 7)).Wait()
		page.Press("Home", "End")
		waitRows(page, ">= 52")
		page.Button("Show more").WaitGone()
		if got, want := shownRows(page), allSessions(t, pair.Main); !slices.Equal(got, want) {
			t.Errorf("the page shows\n%q, want\n%q", got, want)
		}
	})
}

// TestHistoryKeepsWhatCameMeanwhile: a session that comes while a page without it is loading stays.
func TestHistoryKeepsWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	cancelledSessions(t, pair.Main, 3)
	toMain := nodetest.NewWire(t, pair.Main.URL())
	page := signInAt(t, toMain.URL, auth.RoleViewer, browsertest.Options{})
	waitRows(page, "=== 3")
	answered, send := make(chan struct{}), make(chan struct{})
	toMain.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path != nodetest.StartPath {
			next.ServeHTTP(w, r)
			return
		}
		list := nodetest.Answered(r, next)
		close(answered)
		<-send
		w.Header().Set("Content-Type", list.Header.Get("Content-Type"))
		_, _ = w.Write(list.Body)
	})
	page.Field("Show").Choose("CANCELLED")
	nodetest.Await(t, "the answer without the next session", answered)
	row(page, cancelledSessions(t, pair.Main, 1)).Wait()
	browsertest.Eval[bool](page, `document.querySelector("#history-rows tr").dataset.old = true`)
	close(send)
	page.WaitFor("the new rows", `!document.querySelector("#history-rows tr[data-old]")`)
	waitRows(page, "=== 4")
	if got, want := shownRows(page), allSessions(t, pair.Main); !slices.Equal(got, want) {
		t.Errorf("the page shows\n%q, want\n%q", got, want)
	}
}

// TestHistoryFilter: rows that no longer match disappear, and matching ones appear, without a reload.
func TestHistoryFilter(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	cancelled, completed := cancelledSessions(t, pair.Main, 1), pair.Main.Sync(nodetest.Pull{}).SessionId
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	row(page, cancelled).Wait()
	show := page.Field("Show")
	show.Choose("active ones")
	page.WaitText("No session has this status.")

	running := pair.Main.Pull(nodetest.Pull{By: "bob"}).SessionId
	row(page, running).WaitText("bob")
	row(page, running).WaitText("still running")
	nodetest.Await(t, "the first page", gate.Reached)
	gate.Open()
	row(page, running).WaitGone()
	page.WaitText("No session has this status.")

	show.Choose("COMPLETED")
	row(page, running).Wait()
	row(page, completed).Wait()
	row(page, cancelled).WaitGone()
	show.Choose("CANCELLED")
	row(page, cancelled).Wait()
	row(page, completed).WaitGone()
	show.Choose("FAILED")
	page.WaitText("No session has this status.")
	show.Choose("all sessions")
	waitRows(page, "=== 3")
	if got, want := shownRows(page), allSessions(t, pair.Main); !slices.Equal(got, want) {
		t.Errorf("the page shows\n%q, want\n%q", got, want)
	}
}

// TestHistoryLeadsToTheReceipt: a click anywhere on a row opens the receipt, or shows the sync while it is running.
func TestHistoryLeadsToTheReceipt(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 30, nodetest.Config{})
	s := pair.Main.Sync(nodetest.Pull{By: "bob"})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	running := pair.Main.Pull(nodetest.Pull{}).SessionId
	nodetest.Await(t, "the first page", gate.Reached)
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	line := regexp.MustCompile(`^COMPLETED: show the receipt|^COMPLETED pull from branch into catalog main 30 of 30 products: 30 new .* [\d.]+ s bob$`)
	if text := row(page, s.SessionId).Text(); !line.MatchString(text) {
		t.Errorf("the row shows %q", text)
	}

	receipt := page.Dialog("Receipt: COMPLETED")
	row(page, s.SessionId).Find(`[data-field="products"]`).Click()
	receipt.WaitText("30 of 30 products: 30 new")
	receipt.WaitText("by bob")
	receipt.WaitText(s.SessionId.String())
	page.WaitFocus("heading", "Receipt: COMPLETED")
	receipt.Button("Close").Click()
	receipt.WaitGone()

	page.Button("COMPLETED: show the receipt").Click()
	receipt.Wait()
	page.Press("Escape")
	receipt.WaitGone()
	page.WaitFocus("button", "COMPLETED: show the receipt")

	row(page, running).Find(`[data-field="products"]`).Click()
	page.WaitFocus("article", thePull)
}
