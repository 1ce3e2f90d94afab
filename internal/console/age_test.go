package console_test

import (
	"regexp"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestLastSignsAreShown: the page says how long ago the last batch and the last sign of life from the source were, by the node's
// clock, and keeps counting when it hears nothing more.
func TestLastSignsAreShown(t *testing.T) {
	t.Parallel()
	pair := newPair(t, nodetest.SQLite, 100, nodetest.Config{})
	preparing := pair.Wire.HoldPage(t, nodetest.WhoPath, 1)
	size := 10
	s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
	nodetest.Await(t, "the question who the peer is", preparing.Reached)
	page := signIn(t, pair.Main, auth.RoleViewer, browsertest.Options{})
	card(page).WaitText("Last batch not yet Peer last answered not yet")
	// The browser's clock is a day behind.
	browsertest.Eval[bool](page, `(() => { const now = Date.now; Date.now = () => now() - 86_400_000; return true; })()`)

	fourth := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
	preparing.Open()
	nodetest.Await(t, "the fourth page", fourth.Reached)
	bar(page, 30).Wait()
	signs := regexp.MustCompile(`Last batch \d+ s ago Peer last answered \d+ s ago`)
	if text := card(page).Text(); !signs.MatchString(text) {
		t.Errorf("signs of life in %q", text)
	}
	// The last batch is longer ago than the last heartbeat.
	at := committed(pair, s.SessionId, 30).LastCommitAt.Add(-10 * time.Minute).UTC().Format("2006-01-02 15:04:05.000-07:00")
	if _, err := pair.Main.Store.SQL().ExecContext(t.Context(), "UPDATE sync_sessions SET last_commit_at = '"+at+"'"); err != nil {
		t.Fatal(err)
	}
	const shown = `document.querySelector("#cards [data-field=commit]").textContent`
	page.WaitFor("the age of the last batch", `/^1\d\smin/.test(`+shown+`)`)

	page.AllowLostConnections()
	pair.Main.Down()
	page.WaitText("Connection lost")
	before := browsertest.Eval[string](page, shown)
	page.WaitFor("it to count on", shown+` !== "`+before+`"`)
}
