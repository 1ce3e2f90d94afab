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
	onBoth(t, func(t *testing.T, kind nodetest.Kind) {
		pair := newPair(t, kind, 1, nodetest.Config{})
		cancelledSessions(t, pair.Main, 45)
		page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
		visit(page, "Sessions")
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
	visit(page, "Sessions")
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
	page.Field("Status").Choose("CANCELLED")
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
	visit(page, "Sessions")
	row(page, cancelled).Wait()
	show := page.Field("Status")
	show.Choose("active ones")
	page.WaitText("No session fits these filters.")

	running := pair.Main.Pull(nodetest.Pull{By: "bob"}).SessionId
	row(page, running).WaitText("bob")
	row(page, running).WaitText("still running")
	nodetest.Await(t, "the first page", gate.Reached)
	gate.Open()
	row(page, running).WaitGone()
	page.WaitText("No session fits these filters.")

	show.Choose("COMPLETED")
	row(page, running).Wait()
	row(page, completed).Wait()
	row(page, cancelled).WaitGone()
	show.Choose("CANCELLED")
	row(page, cancelled).Wait()
	row(page, completed).WaitGone()
	show.Choose("FAILED")
	page.WaitText("No session fits these filters.")
	show.Choose("all sessions")
	waitRows(page, "=== 3")
	if got, want := shownRows(page), allSessions(t, pair.Main); !slices.Equal(got, want) {
		t.Errorf("the page shows\n%q, want\n%q", got, want)
	}
}

// TestHistoryLeadsToTheSession: a click anywhere on a row opens the session's page, and going back leads to the row again.
func TestHistoryLeadsToTheSession(t *testing.T) {
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

	receipt := page.Role("region", "Receipt: COMPLETED")
	row(page, s.SessionId).Find(`[data-field="products"]`).Click()
	receipt.WaitText("30 of 30 products: 30 new")
	receipt.WaitText("by bob")
	receipt.WaitText(s.SessionId.String())
	page.WaitFocus("heading", "Sync session")
	back(page)
	receipt.WaitGone()
	page.WaitFocus("link", "COMPLETED: show the receipt")

	page.Link("COMPLETED: show the receipt").Click()
	receipt.Wait()
	address := page.URL()
	back(page)
	row(page, running).Find(`[data-field="products"]`).Click()
	card(page).WaitText("TRANSFERRING")
	receipt.WaitGone()

	// The address can be sent to somebody else, or typed.
	if want := pair.Main.URL() + "/console/#/sessions/" + s.SessionId.String(); address != want {
		t.Errorf("the session's page is at %s, want %s", address, want)
	}
	browsertest.Eval[bool](page, `location.assign("#/sessions/`+s.SessionId.String()+`") ?? true`)
	receipt.WaitText(s.SessionId.String())
	page.Reload()
	receipt.WaitText(s.SessionId.String())
	page.WaitFor("the title", `document.title.startsWith("COMPLETED: pull from branch into catalog main · ")`)
}

// TestFiltersAreInTheAddress: every filter can be sent to somebody else, and the browser goes back and forward between them.
func TestFiltersAreInTheAddress(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 5, nodetest.Config{})
	bobs := pair.Main.Sync(nodetest.Pull{By: "bob"}).SessionId
	alices := pair.Main.Sync(nodetest.Pull{}).SessionId
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	visit(page, "Sessions")
	waitRows(page, "=== 2")
	for _, c := range []struct {
		field, fits, not string
		list             bool
	}{
		{"Person", "bob", "carol", false},
		{"Catalog", "main", "garden", false},
		{"Peer", "branch", "annex", false},
		{"Direction", "pulls", "pushes", true},
		{"Outcome", "everything done", "products refused", true},
		{"Status", "COMPLETED", "FAILED", true},
	} {
		set := func(value string) {
			if c.list {
				page.Field(c.field).Choose(value)
				return
			}
			page.Field(c.field).Fill(value)
			page.Press("Enter")
		}
		set(c.not)
		page.WaitText("No session fits these filters.")
		set(c.fits)
		row(page, bobs).Wait()
	}
	row(page, alices).WaitGone()
	const address = "/console/#/sessions?status=COMPLETED&outcome=clean&direction=pull&catalog=main&peer=branch&person=bob"
	if want := pair.Main.URL() + address; page.URL() != want {
		t.Errorf("the address is %s, want %s", page.URL(), want)
	}
	back(page)
	page.WaitText("No session fits these filters.")
	if shown := page.Field("Status").Value(); shown != "FAILED" {
		t.Errorf("after going back the field holds %q", shown)
	}
	browsertest.Eval[bool](page, "history.forward() ?? true")
	row(page, bobs).Wait()
	page.Reload()
	row(page, bobs).Wait()
	waitRows(page, "=== 1")
	if shown := page.Field("Person").Value(); shown != "bob" {
		t.Errorf("from the address the field holds %q", shown)
	}
	pair.Main.Sync(nodetest.Pull{})
	waitRows(page, "=== 1")
	page.Button("Clear filters").Click()
	waitRows(page, "=== 3")
}
