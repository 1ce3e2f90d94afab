package console_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestWebhooks adds a webhook, tests it, sees what it was sent, gives it a new secret, switches it off and removes it. Others than
// administrators are not offered the page.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	var broken atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(receiver.Close)
	pair := newPair(t, nodetest.SQLite, 3, nodetest.Config{})
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{Dark: true})
	visit(page, "Webhooks")
	page.WaitText("There is no webhook yet.")
	page.Role("DisclosureTriangle", "Add a webhook").Click()
	form := page.Role("form", "Add a webhook")
	form.Field("Name").Fill(hostile)
	form.Field("Address").Fill(receiver.URL)
	for _, not := range []string{"a sync has started", "a sync is COMPLETED", "a sync was CANCELLED", "a sync no longer moves", "deletes were withheld"} {
		form.Field(not).Tick(false)
	}
	fits(t, page, "the form")
	form.Button("Add webhook").Click()
	page.WaitText("The secret of " + hostile)
	page.WaitText("whsec_")
	fits(t, page, "the webhooks")
	table := page.Role("table", "Webhooks")
	table.WaitText("a sync has FAILED switched on never")

	// From here on with the keyboard only.
	table.Button("Send a test " + hostile).Focus()
	page.Press("Enter")
	page.WaitText(hostile + " took the test message, after ")
	table.Link(hostile).Focus()
	page.Press("Enter")
	page.WaitFocus("heading", hostile)
	page.WaitNoText("whsec_")
	sent := page.Role("table", "Deliveries")
	sent.WaitText("a test taken")
	broken.Store(true)
	page.Button("Send a test").Focus()
	page.Press("Enter")
	page.WaitText(hostile + " did not take the test message. ")
	sent.WaitText("418")
	page.Button("New secret…").Focus()
	page.Press("Enter")
	dialog := page.Dialog("Give " + hostile + " a new secret?")
	dialog.Button("Make a new secret").Focus()
	page.Press("Enter")
	page.WaitText("The secret of " + hostile)
	page.WaitText("Both secrets sign until")
	fits(t, page, "one webhook")
	page.Role("DisclosureTriangle", "Change it").Click()
	change := page.Role("form", "Change the webhook")
	change.Field("Name").Fill("On call")
	change.Field("a sync has started").Tick(true)
	change.Button("Save").Click()
	page.WaitText("Webhook On call is saved.")
	page.WaitText("a sync has started, a sync has FAILED")
	page.Button("Switch off").Click()
	page.WaitText("switched off")
	page.Button("Switch on").Wait()

	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator} {
		if signIn(t, pair.Main, role, browsertest.Options{}).Link("Webhooks").Visible() {
			t.Errorf("%s is offered the webhooks", role)
		}
	}

	page.Button("Remove…").Click()
	page.Dialog("Remove webhook On call?").Button("Remove webhook").Click()
	page.WaitText("There is no webhook yet.")
}
