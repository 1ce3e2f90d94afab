package app_test

import (
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/nodetest"
)

// examined is what the doctor says about a node with these settings, by subject.
func examined(t *testing.T, c nodetest.Config, starting bool) map[string]app.Finding {
	t.Helper()
	cfg, _, err := config.Load(c.Environ(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]app.Finding{}
	for _, f := range app.Examine(t.Context(), cfg, starting) {
		found[f.Subject] = f
	}
	return found
}

func wantFinding(t *testing.T, found map[string]app.Finding, subject string, level app.Level, text string) {
	t.Helper()
	if f := found[subject]; f.Level != level || !strings.Contains(f.Text, text) {
		t.Errorf("%s: %+v, want %s with %q", subject, f, level, text)
	}
}

func TestDoctorOnARunningNode(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 1, nodetest.Config{})
		c := nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database()}
		found := examined(t, c, false)
		wantFinding(t, found, "peer branch", app.Warning, "Make a new one there") // the token of a test lives an hour
		delete(found, "peer branch")
		for subject, f := range found {
			if f.Level != app.Good {
				t.Errorf("%s: %+v", subject, f)
			}
		}
	})
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 1, nodetest.Config{})
	c := nodetest.Config{ID: nodetest.MainNode, Database: pair.Main.Database()}
	foreign := pair.Main.TokenFor("main", auth.RoleNode)
	pair.Main.ChangePeer(nodetest.Branch, spec.PeerChange{Token: &foreign})
	wantFinding(t, examined(t, c, false), "peer branch", app.Problem, "refused our token (401)")

	other := c
	other.ID = "other"
	wantFinding(t, examined(t, other, false), "node", app.Problem, "the database belongs to node main")
	other = c
	other.Settings = map[string]string{"JWT_SECRET": strings.Repeat("x", 32)}
	wantFinding(t, examined(t, other, false), "secret", app.Problem, "does not fit this database")
	other = c
	other.Settings = map[string]string{"LISTEN": strings.TrimPrefix(pair.Main.URL(), "http://")}
	wantFinding(t, examined(t, other, true), "address", app.Problem, "Cannot listen on")
	other.Settings = tlsSettings(t.TempDir())
	wantFinding(t, examined(t, other, false), "tls", app.Problem, "are not a certificate and its key")
}
