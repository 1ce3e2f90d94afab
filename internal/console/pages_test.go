package console_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestEveryPage goes to every page on a slow network: each says where one is in its title, its heading and the navigation, shows what it
// has, and fits.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	pair := newPair(t, nodetest.SQLite, 3, nodetest.Config{})
	s := pair.Main.Sync(nodetest.Pull{})
	made := func(path, body string) []byte {
		t.Helper()
		a := pair.Main.Call("admin", http.MethodPost, path, body)
		if a.Status != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
		return a.Body
	}
	schedule, err := nodetest.Decode[spec.ScheduleResponse](nodetest.Answer{Body: made(schedulesPath, `{"name": "nightly", "cron": "@daily", "timezone": "UTC", "action": "pull", "targetPeers": ["branch"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	webhook, err := nodetest.Decode[spec.WebhookSecretResponse](nodetest.Answer{Body: made("/api/admin/webhooks", `{"name": "On call", "url": "`+pair.Branch.URL()+`", "types": ["session.failed"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	page := signIn(t, pair.Main, auth.RoleAdmin, browsertest.Options{})
	page.Slow(100*time.Millisecond, 200_000)
	for _, c := range []struct{ path, title, heading, shows string }{
		{"catalogs", "Catalogs", "Catalogs", "main 3 COMPLETED"},
		{"catalogs/main", "Catalog main", "Catalog main", "P-0000003"},
		{"catalogs/main/P-0000003", "Product P-0000003", "Product P-0000003", "pull from branch alice created"},
		{"import", "Import a file", "Import a file", "Nothing is imported before you have seen what would come in."},
		{"feeds", "Add a feed", "Add a feed", "Its products are pulled like those of another node."},
		{"peers/branch", "Peer branch", "Peer branch", "All its sessions"},
		{"schedules", "Schedules", "Schedules", "nightly @daily, UTC"},
		{"schedules/" + schedule.Schedule.Id.String(), "Schedule", "Schedule nightly", "pull from branch, catalog main"},
		{"webhooks", "Webhooks", "Webhooks", "On call " + pair.Branch.URL()},
		{"webhooks/" + webhook.Webhook.Id.String(), "On call", "On call", "Nothing was sent to it in the last 30 days."},
		{"access", "Access", "Access", "operator"},
		{"audit", "Audit", "Audit", "webhook.added"},
		{"settings", "Settings", "Settings", "FULLSYNC_BATCH_SIZE"},
		{"sessions", "Sessions", "Sessions", "3 of 3 products: 3 new"},
		{"sessions/" + s.SessionId.String(), "COMPLETED: " + pull, "Sync session", "Receipt: COMPLETED"},
		{"peers", "Peers", "Peers", pair.Wire.URL},
		{"overview", "Overview", "Full sync", "Recent sessions"},
	} {
		// Somebody who does not wait for another page gets this one all the same.
		browsertest.Eval[bool](page, fmt.Sprintf(`(location.assign("#/settings"), location.assign("#/%s"), true)`, c.path))
		page.WaitFor("the title "+c.title, fmt.Sprintf(`document.title === %q`, c.title+" · main · fullsync"))
		page.Role("heading", c.heading).Wait()
		page.Find("main").WaitText(c.shows)
		page.WaitFor("its place in the navigation", `document.querySelector("#nav a[aria-current]")?.hash === "#/" + location.hash.split("/")[1] || location.hash === "#/feeds"`)
		if c.path != "sessions" && c.path != "peers" && c.path != "overview" { // those are seen by [TestEveryStateFits]
			fits(t, page, c.path)
		}
	}
	if shown := browsertest.Eval[string](page, `[...document.querySelectorAll(".problem")].map((p) => p.textContent).join("")`); shown != "" {
		t.Errorf("something went wrong: %s", shown)
	}
}
