package console_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestFeeds adds a feed after a look at what would come in, which says what is wrong, and changes everything about it.
func TestFeeds(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, key, _ := r.BasicAuth(); key != "cs_right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/csv")
		_, _ = w.Write([]byte("nr;title;costs\n1;One;1,50\n2;Two;2,50\n3;Three;cheap\n"))
	}))
	t.Cleanup(shop.Close)
	pair := newPair(t, nodetest.SQLite, 1, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{})
	visit(page, "Peers")
	page.Link("Add a feed: a file or list of another system").Click()
	page.WaitFocus("heading", "Add a feed")
	form := page.Role("form", "Add a feed")
	form.Field("Id of the feed").Fill("shop")
	form.Field("Address").Fill(shop.URL + "/export.csv")
	form.Button("Check first").Click()
	page.WaitText("401")
	fits(t, page, "the form of a feed")
	form.Field("What its server wants to see").Choose("a name and a password")
	form.Field("User name or consumer key").Fill("ck")
	form.Field("Password or consumer secret").Fill("cs_right")
	form.Field("Id is in").Fill("nr")
	form.Field("Name is in").Fill("title")
	form.Field("Price is in").Fill("costs")
	form.Field("Decimal sign of prices").Choose(",")
	form.Field("Currency where there is none").Fill("eur")
	form.Button("Check first").Focus()
	page.Press("Enter")
	first := page.Role("table", "The first products, as they would come in")
	first.WaitText("2 1 One 1.50 EUR yes")
	first.WaitText("cheap")
	fits(t, page, "the first products")
	form.Button("Add feed").Focus()
	page.Press("Enter")
	page.WaitFocus("heading", "Peer shop")
	page.WaitText("Feed shop is added.")

	change := page.Role("form", "Change the feed")
	change.WaitText("as it is now: a name and a password")
	if at, unit := change.Field("Id is in").Value(), change.Field("Decimal sign of prices").Value(); at != "nr" || unit != "," {
		t.Errorf("the form has id in %q, decimal %q", at, unit)
	}
	change.Field("Name").Fill("The shop")
	change.Field("Name is in").Fill("nr")
	change.Field("Into catalog").Fill("shop")
	change.Field("Fields that its pulls leave as they are here").Fill("price")
	change.Button("Save and check").Click()
	page.WaitText("Feed shop answered in")
	first.WaitText("2 1 1 1.50 EUR yes")
	fits(t, page, "the page of a feed")
	change.Field("What its server wants to see").Choose("nothing")
	change.Button("Save and check").Click()
	page.WaitText("401")
	change.WaitText("as it is now: nothing")

	viewer := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	visit(viewer, "Peers")
	peerRow(viewer, "shop").WaitText("The shop (shop)")
	if viewer.Link("Add a feed: a file or list of another system").Visible() {
		t.Error("a viewer is offered to add a feed")
	}
}
