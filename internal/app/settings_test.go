package app_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// TestSettingsAreShown: administrators see what a node runs with, and no secret.
func TestSettingsAreShown(t *testing.T) {
	t.Parallel()
	const secret = "a-secret-that-nobody-may-see-0123456789"
	n := nodetest.Start(t, nodetest.Config{Settings: map[string]string{"MAX_DELETES": "7", "JWT_SECRET": secret}})
	a := n.Call("alice", http.MethodGet, "/api/admin/settings", "")
	all, err := nodetest.Decode[spec.SettingListResponse](a)
	if err != nil || a.Status != http.StatusOK || strings.Contains(string(a.Body), secret) {
		t.Fatalf("%d %s %v", a.Status, a.Body, err)
	}
	seen := 0
	for _, s := range all.Settings {
		switch s.Name {
		case "FULLSYNC_MAX_DELETES":
			seen++
			if s.Value == nil || *s.Value != "7" || *s.Default != "10000" || s.IsDefault || !s.IsSet || s.PerReplica {
				t.Errorf("%+v", s)
			}
		case "FULLSYNC_JWT_SECRET":
			seen++
			if s.Value != nil || !s.Secret || !s.IsSet {
				t.Errorf("%+v", s)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d of 2 settings: %s", seen, a.Body)
	}
}
