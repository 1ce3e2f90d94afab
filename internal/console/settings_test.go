package console_test

import (
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// TestSettings: an administrator sees what the node runs with, but no secret. Nobody else is offered the page.
func TestSettings(t *testing.T) {
	t.Parallel()
	const secret = "a-secret-that-nobody-may-see-0123456789"
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{Settings: map[string]string{"BATCH_SIZE": "17", "JWT_SECRET": secret}}).Main
	page := signIn(t, node, auth.RoleAdmin, browsertest.Options{})
	visit(page, "Settings")
	table := page.Role("table", "Settings")
	table.WaitText("FULLSYNC_BATCH_SIZE 17 1000 Products per batch")
	table.WaitText("FULLSYNC_JWT_SECRET set, and secret")
	table.WaitText("FULLSYNC_KEEP_SESSIONS 1000 the default")
	page.WaitNoText(secret)
	page.Field("Only those that are not the default").Focus()
	page.Press("Space")
	table.WaitText("FULLSYNC_BATCH_SIZE 17")
	page.WaitNoText("FULLSYNC_KEEP_SESSIONS")
	if signIn(t, node, auth.RoleOperator, browsertest.Options{}).Link("Settings").Visible() {
		t.Error("an operator is offered the settings")
	}
}
