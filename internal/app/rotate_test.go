package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/fault"
	"fullsync/internal/nodetest"
	"fullsync/internal/peer"
	"fullsync/internal/webhook"
)

// rotate replaces the secret of a node as the command does.
func rotate(t *testing.T, c nodetest.Config, r app.Rotation) (app.Rotated, error) {
	t.Helper()
	cfg, _, err := config.Load(c.Environ(), nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := app.OpenExisting(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	return app.RotateSecret(t.Context(), cfg, db, r, slog.New(slog.DiscardHandler))
}

// TestSecretIsReplacedUnderLoad: while two replicas serve people, scripts and syncs, their secret is replaced, and no request fails. Then the old one
// retires.
func TestSecretIsReplacedUnderLoad(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		before, after := strings.Repeat("before-", 6), strings.Repeat("after-", 6)
		config := func(db nodetest.Database, secret string) nodetest.Config {
			return nodetest.Config{ID: "main", Database: db, Settings: map[string]string{"JWT_SECRET": secret}, Options: app.Options{LookForSecrets: 20 * time.Millisecond}}
		}
		db := nodetest.NewDatabase(t, kind)
		pair := nodetest.NewPair(t, kind, 20, config(db, before))
		replicas := []*nodetest.Node{pair.Main, nodetest.Start(t, config(db, before))}
		replicas[0].AddUser("alice", auth.RoleAdmin, right)
		old := replicas[0].SignIn("alice", right)
		offline := replicas[0].TokenFor("ops", auth.RoleOperator)
		script := newToken(t, replicas[1], `{"name":"robot","role":"admin","ttlSeconds":3600}`).Token

		hooked := newHookReceiver(t, nil)
		hook := addWebhook(t, replicas[0], hooked.URL, `,"types":["session.started"]`)

		// A person and a script at each replica, a sync after another, and logins at one replica that are used at the other.
		ctx, stop := context.WithCancel(t.Context())
		var load sync.WaitGroup
		var asked, synced, signedIn atomic.Int64
		// Each of them thinks for a moment between two requests, or there would be no time left for anybody else's test.
		think := func() {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
		expect := func(n *nodetest.Node, token, method, path, body string, status int) nodetest.Answer {
			think()
			a, err := n.Raw(ctx, token, method, path, body)
			if ctx.Err() == nil && (err != nil || a.Status != status) {
				t.Errorf("%s %s: %d %s, %v", method, path, a.Status, a.Body, err)
			}
			return a
		}
		for i, n := range replicas {
			for _, token := range []string{old, offline, script} {
				load.Go(func() {
					for ctx.Err() == nil {
						expect(n, token, http.MethodGet, nodetest.StatusPath, "", http.StatusOK)
						asked.Add(1)
					}
				})
			}
			load.Go(func() {
				for ctx.Err() == nil {
					a := expect(n, "", http.MethodPost, nodetest.LoginPath, fmt.Sprintf(`{"name":"alice","password":%q}`, right), http.StatusOK)
					if in, err := nodetest.Decode[spec.LoginResponse](a); err == nil {
						expect(replicas[1-i], in.Token, http.MethodGet, nodetest.MePath, "", http.StatusOK)
						signedIn.Add(1)
					}
				}
			})
			load.Go(func() {
				for ctx.Err() == nil {
					a := expect(n, script, http.MethodPost, "/api/admin/sync/peers/"+nodetest.Branch+"/check", "", http.StatusOK)
					if got, err := nodetest.Decode[spec.PeerCheckResponse](a); ctx.Err() == nil && (err != nil || !got.Check.Allowed) {
						t.Errorf("the peer's token: %s, %v", a.Body, err)
					}
					synced.Add(1)
				}
			})
		}
		more := func(what string) {
			t.Helper()
			a, b, c := asked.Load(), synced.Load(), signedIn.Load()
			nodetest.Eventually(t, what, func() bool { return asked.Load() > a+20 && synced.Load() > b+4 && signedIn.Load() > c+4 }, func() string { return "" })
		}
		more("load before the rotation")
		done, err := rotate(t, config(db, before), app.Rotation{Secret: []byte(after), Announce: 2 * time.Second, Keep: time.Hour})
		if err != nil || done.Resealed != 1 || !done.Configured {
			t.Errorf("%+v, %v", done, err)
		}
		more("load after the rotation")
		stop()
		load.Wait()

		// The secret of a webhook is sealed anew with the tokens of peers, and stays what it was.
		for _, n := range replicas {
			a := n.Call("alice", http.MethodPost, webhooksPath+"/"+hook.Webhook.Id.String()+"/test", "")
			if tested, err := nodetest.Decode[spec.WebhookDeliveryResponse](a); err != nil || tested.Delivery.State != spec.DeliveryDelivered {
				t.Errorf("%s %v", a.Body, err)
			}
		}
		sealer, err := peer.NewSealer([]byte(after))
		if err != nil {
			t.Fatal(err)
		}
		w, err := replicas[0].Store.GetWebhook(t.Context(), hook.Webhook.Id.String())
		if err != nil {
			t.Fatal(err)
		}
		secret, err := sealer.Open(webhook.SealedAs(w.ID), w.SealedSecret)
		if got := hooked.messages("webhook.test"); err != nil || secret != hook.Secret || len(got) != 2 || !signedWell(hook.Secret, got[0]) || !signedWell(hook.Secret, got[1]) {
			t.Errorf("%v %+v", err, got)
		}

		// What was made with either secret is good at both replicas, and new logins are signed with the new one.
		keys, err := auth.New([]byte(after), "main")
		if err != nil {
			t.Fatal(err)
		}
		var fresh string
		for _, n := range replicas {
			nodetest.Eventually(t, "logins with the new secret", func() bool { fresh = n.SignIn("alice", right); _, err := keys.Verify(fresh); return err == nil },
				func() string { return "" })
		}
		for _, n := range replicas {
			if !works(t, n, old) || !works(t, n, offline) || !works(t, n, script) || !works(t, n, fresh) {
				t.Error("a good token does not work")
			}
		}
		pair.Main.Sync(nodetest.Pull{})

		// A replica that starts with either secret finds the other. When the old one retires, only what it signed ends.
		for _, secret := range []string{before, after} {
			n := nodetest.Start(t, config(db, secret))
			if !works(t, n, old) || !works(t, n, fresh) {
				t.Error("a replica that was started during the rotation refuses a good token")
			}
			n.Down()
		}
		behind(t, pair.Main, "UPDATE secret_links SET retires_at = '2000-01-01 00:00:00.000+00:00'")
		for _, n := range replicas {
			nodetest.Eventually(t, "the end of the old secret", func() bool { return !works(t, n, old) && !works(t, n, offline) }, func() string { return "" })
			if !works(t, n, fresh) || !works(t, n, script) {
				t.Error("a token that has nothing to do with the old secret ended with it")
			}
			if check, err := nodetest.Decode[spec.PeerCheckResponse](n.As(script, http.MethodPost, "/api/admin/sync/peers/"+nodetest.Branch+"/check", "")); err != nil || !check.Check.Allowed {
				t.Errorf("the peer's token: %+v, %v", check, err)
			}
		}
		if _, err := nodetest.Build(t, config(db, before)); fault.CodeOf(err) != "WRONG_SECRET" {
			t.Errorf("starting with the old secret: %v", err)
		}
		if _, err := rotate(t, config(db, before), app.Rotation{Keep: time.Hour}); fault.CodeOf(err) != "WRONG_SECRET" {
			t.Errorf("rotating with the old secret: %v", err)
		}
	})
}

// TestSecretInAFileIsReplacedThere: by the command, and by every replica with a data directory of its own. An interrupted rotation can be repeated, and one
// may follow another at once.
func TestSecretInAFileIsReplacedThere(t *testing.T) {
	t.Parallel()
	db := nodetest.NewDatabase(t, nodetest.Postgres)
	away := nodetest.Database{URL: db.URL, Dir: t.TempDir()}
	options := app.Options{LookForSecrets: 20 * time.Millisecond}
	n := nodetest.Start(t, nodetest.Config{ID: "main", Database: db, Options: options})
	read := func(d nodetest.Database) string {
		t.Helper()
		secret, _, err := auth.LoadOrCreateSecret(filepath.Join(d.Dir, "secret"))
		if err != nil {
			t.Fatal(err)
		}
		return string(secret)
	}
	first := read(db)
	if err := auth.ReplaceSecret(filepath.Join(away.Dir, "secret"), []byte(first)); err != nil {
		t.Fatal(err)
	}
	other := nodetest.Start(t, nodetest.Config{ID: "main", Database: away, Options: options})
	token := n.TokenFor("ops", auth.RoleAdmin)

	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	cfg, _, err := config.Load(nodetest.Config{ID: "main", Database: db}.Environ(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.RotateSecret(interrupted, cfg, n.Store, app.Rotation{Announce: time.Hour, Keep: time.Hour}, slog.New(slog.DiscardHandler)); err == nil || read(db) != first {
		t.Errorf("interrupted: %v", err)
	}
	seen := first
	for range 2 {
		done, err := rotate(t, nodetest.Config{ID: "main", Database: db}, app.Rotation{Announce: time.Second, Keep: time.Hour})
		if err != nil || done.Configured || string(done.Secret) == seen || read(db) != string(done.Secret) {
			t.Fatalf("%+v, %v", done, err)
		}
		seen = string(done.Secret)
		nodetest.Eventually(t, "the new secret in the other replica's file", func() bool { return read(away) == seen }, func() string { return "" })
		if !works(t, n, token) || !works(t, other, token) || !works(t, other, n.TokenFor("ops", auth.RoleAdmin)) {
			t.Error("a good token does not work")
		}
	}
	if _, err := rotate(t, nodetest.Config{ID: "main", Database: db}, app.Rotation{Secret: []byte("short")}); fault.CodeOf(err) != "SECRET_TOO_SHORT" {
		t.Errorf("%v", err)
	}
	if _, err := rotate(t, nodetest.Config{ID: "main", Database: db}, app.Rotation{Secret: []byte(seen)}); fault.CodeOf(err) != "SECRET_IN_USE" {
		t.Errorf("%v", err)
	}
}
