package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/nodetest"
	"fullsync/internal/store"
	"fullsync/internal/user"
)

const right = "correct horse battery"

// works reports whether the token of a login works.
func works(t *testing.T, n *nodetest.Node, token string) bool {
	t.Helper()
	a := n.As(token, http.MethodGet, nodetest.StartPath, "")
	switch a.Status {
	case http.StatusOK:
		return true
	case http.StatusUnauthorized:
		if body, err := nodetest.Decode[spec.Error](a); err != nil || body.Error != "Unauthorized" || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("refused with %v %s, %v", a.Header, a.Body, err)
		}
		return false
	default:
		t.Fatalf("%d %s", a.Status, a.Body)
		return false
	}
}

// noWaiting ends the waits after failed logins.
func noWaiting(t *testing.T, n *nodetest.Node) {
	t.Helper()
	if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE login_attempts SET wait_until = last_at"); err != nil {
		t.Fatal(err)
	}
}

func TestSigningIn(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind), Settings: map[string]string{"LOGIN_TTL": "7m"}})
		n.AddUser("Alice", auth.RoleOperator, right)

		before := time.Now()
		a := n.TrySignIn("aLiCe", right)
		in, err := nodetest.Decode[spec.LoginResponse](a)
		if a.Status != http.StatusOK || err != nil || !in.Success || in.User != (spec.User{Name: "Alice", Role: spec.UserRoleOperator}) {
			t.Fatalf("login: %d %s, %v", a.Status, a.Body, err)
		}
		if left := in.ExpiresAt.Sub(before); left < 6*time.Minute || left > 8*time.Minute {
			t.Errorf("the token ends in %s", left)
		}
		me, err := nodetest.Decode[spec.MeResponse](n.As(in.Token, http.MethodGet, nodetest.MePath, ""))
		if err != nil || me.User != in.User || me.Kind != spec.MeResponseKindUser || !me.ExpiresAt.Equal(in.ExpiresAt) {
			t.Errorf("me: %+v, %v", me, err)
		}
		// The role counts: an operator may cancel, but may not change peers.
		if a := n.As(in.Token, http.MethodPost, nodetest.CancelPath, `{"sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"}`); a.Status != http.StatusNotFound {
			t.Errorf("cancel: %d %s", a.Status, a.Body)
		}
		if a := n.As(in.Token, http.MethodDelete, "/api/admin/sync/peers/x", ""); a.Status != http.StatusForbidden {
			t.Errorf("removing a peer: %d %s", a.Status, a.Body)
		}
		// A token for scripts has nothing to do with logins.
		script := n.TokenFor("robot", auth.RoleAdmin)
		me, err = nodetest.Decode[spec.MeResponse](n.As(script, http.MethodGet, nodetest.MePath, ""))
		if err != nil || me.User != (spec.User{Name: "robot", Role: spec.UserRoleAdmin}) || me.Kind != spec.MeResponseKindToken {
			t.Errorf("me of a script: %+v, %v", me, err)
		}
		if a := n.As(script, http.MethodPost, nodetest.LogoutPath, ""); a.Status != http.StatusUnprocessableEntity || !works(t, n, script) {
			t.Errorf("logout of a script: %d %s", a.Status, a.Body)
		}
		// Nor has a node's token: nodes do not sign in.
		if a := n.As(n.TokenFor("branch", auth.RoleNode), http.MethodGet, nodetest.MePath, ""); a.Status != http.StatusForbidden {
			t.Errorf("me of a node: %d %s", a.Status, a.Body)
		}
	})
}

// TestRefusalsTellNothing: an unknown name, a wrong password and a disabled user get the same answer.
func TestRefusalsTellNothing(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		n.AddUser("alice", auth.RoleViewer, right)
		n.AddUser("carol", auth.RoleViewer, right)
		if _, err := n.Users.Disable(t.Context(), "carol"); err != nil {
			t.Fatal(err)
		}
		var first nodetest.Answer
		for i, c := range []struct{ name, password string }{
			{"alice", "wrong"}, {"alice", right + " "}, {"nobody", right}, {"carol", right}, {"carol", "wrong"},
		} {
			a := n.TrySignIn(c.name, c.password)
			if a.Header.Del("X-Request-Id"); i == 0 {
				first = a
			}
			a.Header.Set("Date", first.Header.Get("Date"))
			if a.Status != http.StatusUnauthorized || !bytes.Equal(a.Body, first.Body) || fmt.Sprint(a.Header) != fmt.Sprint(first.Header) {
				t.Errorf("%s with %q: %d %v %s, but the first was %v %s", c.name, c.password, a.Status, a.Header, a.Body, first.Header, first.Body)
			}
		}
		if body, err := nodetest.Decode[spec.Error](first); err != nil || body.Code != "LOGIN_FAILED" || body.Error != "Wrong name or password" {
			t.Errorf("%s, %v", first.Body, err)
		}
	})
}

// TestWhatEndsTokens goes through everything that ends the tokens of a user at once, on every replica.
func TestWhatEndsTokens(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		n.AddUser("alice", auth.RoleOperator, right)
		n.AddUser("bob", auth.RoleOperator, right)
		n.AddUser("root", auth.RoleAdmin, right) // alice must not be the only administrator
		ctx := t.Context()
		password := right
		for _, c := range []struct {
			what string
			do   func(token string) error
			// others says whether the user's other logins end too.
			others bool
		}{
			{"logout", func(token string) error {
				if a := n.As(token, http.MethodPost, nodetest.LogoutPath, ""); a.Status != http.StatusOK {
					return fmt.Errorf("%d %s", a.Status, a.Body)
				}
				return nil
			}, false},
			{"another password", func(string) error {
				password = "another horse battery"
				_, err := n.Users.SetPassword(ctx, "alice", password)
				return err
			}, true},
			{"another role", func(string) error { _, err := n.Users.SetRole(ctx, "alice", auth.RoleAdmin); return err }, true},
			{"disabling", func(string) error { _, err := n.Users.Disable(ctx, "alice"); return err }, true},
		} {
			if _, err := n.Users.Enable(ctx, "alice"); err != nil {
				t.Fatal(err)
			}
			one, two, bobs := n.SignIn("alice", password), n.SignIn("alice", password), n.SignIn("bob", right)
			if !works(t, n, one) || !works(t, n, two) || one == two {
				t.Errorf("before the %s the tokens do not work", c.what)
			}
			if err := c.do(one); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if works(t, n, one) {
				t.Errorf("the token works after the %s", c.what)
			}
			if works(t, n, two) == c.others {
				t.Errorf("after the %s the user's other login works: %v", c.what, !c.others)
			}
			if !works(t, n, bobs) {
				t.Errorf("the %s of another user ended a token", c.what)
			}
			if a := n.As(one, http.MethodPost, nodetest.LogoutPath, ""); a.Status != http.StatusUnauthorized {
				t.Errorf("logout after the %s: %d %s", c.what, a.Status, a.Body)
			}
		}
		// Enabling the user again does not bring tokens back.
		if _, err := n.Users.Enable(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		last := n.SignIn("alice", password)
		for range 2 {
			if _, err := n.Users.Disable(ctx, "alice"); err != nil {
				t.Fatal(err)
			}
			if _, err := n.Users.Enable(ctx, "alice"); err != nil {
				t.Fatal(err)
			}
			if works(t, n, last) {
				t.Error("a token works again")
			}
		}
	})
}

// TestLoginsAreSlowed: after too many wrong logins even the right one must wait, and a new password from the operator ends that.
func TestLoginsAreSlowed(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		db := nodetest.NewDatabase(t, kind)
		n := nodetest.Start(t, nodetest.Config{Database: db})
		n.AddUser("alice", auth.RoleViewer, right)
		slowed := func(name string) nodetest.Answer {
			for range 5 {
				// Waits may only begin with the fifth, and these may be slow.
				if a := n.TrySignIn(name, "wrong"); a.Status != http.StatusUnauthorized {
					t.Fatalf("%s: %d %s", name, a.Status, a.Body)
				}
			}
			longWait(t, n)
			return n.TrySignIn(name, right)
		}
		known := slowed("alice")
		seconds, err := strconv.Atoi(known.Header.Get("Retry-After"))
		if body, bodyErr := nodetest.Decode[spec.Error](known); known.Status != http.StatusTooManyRequests || err != nil || seconds < 1 ||
			bodyErr != nil || body.Code != "LOGIN_THROTTLED" || body.Error != "Too many failed logins" {
			t.Errorf("%d %v %s", known.Status, known.Header, known.Body)
		}
		noWaiting(t, n)
		if unknown := slowed("nobody"); unknown.Status != known.Status {
			t.Errorf("a name that nobody has: %d %s", unknown.Status, unknown.Body)
		}
		// Other names from this address are not affected, and another replica does the same.
		n.AddUser("bob", auth.RoleViewer, right)
		noWaitingFrom(t, n)
		n.SignIn("bob", right)
		if kind == nodetest.Postgres {
			replica := nodetest.Start(t, nodetest.Config{Database: db})
			if a := replica.TrySignIn("nobody", right); a.Status != http.StatusTooManyRequests {
				t.Errorf("on a replica: %d %s", a.Status, a.Body)
			}
		}
		if _, err := n.Users.SetPassword(t.Context(), "alice", right+right); err != nil {
			t.Fatal(err)
		}
		n.SignIn("alice", right+right)
	})
}

// longWait prolongs the current waits, so that they last even on a busy machine.
func longWait(t *testing.T, n *nodetest.Node) {
	t.Helper()
	if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE login_attempts SET wait_until = '2100-01-01 00:00:00.000+00:00' WHERE wait_until > last_at"); err != nil {
		t.Fatal(err)
	}
}

// noWaitingFrom ends the waits of addresses.
func noWaitingFrom(t *testing.T, n *nodetest.Node) {
	t.Helper()
	if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE login_attempts SET wait_until = last_at WHERE subject LIKE 'address:%'"); err != nil {
		t.Fatal(err)
	}
}

// TestOneAddressIsSlowed: trying one password with many names leads to a wait too.
func TestOneAddressIsSlowed(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		n.AddUser("alice", auth.RoleViewer, right)
		for i := range 20 {
			if a := n.TrySignIn(fmt.Sprintf("name-%d", i), right); a.Status != http.StatusUnauthorized {
				t.Fatalf("login %d: %d %s", i, a.Status, a.Body)
			}
		}
		longWait(t, n)
		if a := n.TrySignIn("alice", right); a.Status != http.StatusTooManyRequests {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

func TestTokensOfOtherNodesAndForgedOnes(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("the-same-", 5)
	n := nodetest.Start(t, nodetest.Config{ID: "main", Settings: map[string]string{"JWT_SECRET": secret}})
	other := nodetest.Start(t, nodetest.Config{ID: "other", Settings: map[string]string{"JWT_SECRET": secret}})
	for _, node := range []*nodetest.Node{n, other} {
		node.AddUser("alice", auth.RoleAdmin, right)
	}
	if foreign := other.SignIn("alice", right); works(t, n, foreign) || !works(t, other, foreign) {
		t.Error("a token works at another node")
	}
	// Signed with the secret, for users and generations that do not exist.
	keys, err := auth.New([]byte(secret), "main")
	if err != nil {
		t.Fatal(err)
	}
	alice, err := n.Users.Find(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for generation, want := range map[int64]bool{1: true, 0: false, 2: false, -1: false} {
		token, _, err := keys.IssueTo(auth.Principal{Subject: "alice", Role: auth.RoleAdmin, UserID: alice.ID, Generation: generation}, time.Hour)
		if err != nil || works(t, n, token) != want {
			t.Errorf("generation %d works: %v, %v", generation, !want, err)
		}
	}
	token, _, err := keys.IssueTo(auth.Principal{Subject: "alice", Role: auth.RoleAdmin, UserID: "nobody", Generation: 1}, time.Hour)
	if err != nil || works(t, n, token) {
		t.Errorf("the token of a user that is not there works, %v", err)
	}
	// A viewer changes the token's role to admin.
	n.AddUser("vera", auth.RoleViewer, right)
	parts := strings.Split(n.SignIn("vera", right), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(payload, []byte("viewer"), []byte("admin"), 1))
	if works(t, n, strings.Join(parts, ".")) {
		t.Error("a token that was altered works")
	}
}

// hiccup is a database that does not answer when asked for a user.
type hiccup struct{ *store.Store }

// FindUser fails.
func (hiccup) FindUser(context.Context, string) (user.User, error) {
	return user.User{}, fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "Database unavailable", "No.")
}

// TestALoginThatIsNotDecidedCountsNothing: trouble in the node must not make its users wait.
func TestALoginThatIsNotDecidedCountsNothing(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		n.AddUser("alice", auth.RoleViewer, right)
		keys, err := auth.New([]byte(strings.Repeat("s", 32)), n.NodeID())
		if err != nil {
			t.Fatal(err)
		}
		logins := user.NewLogins(hiccup{n.Store}, auth.NewHasher(1, auth.DefaultCost), keys, time.Hour, slog.New(slog.DiscardHandler))
		for range 4 {
			_, _, err := logins.SignIn(t.Context(), user.Credentials{Name: "alice", Password: right, Address: "127.0.0.1"})
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("without an answer of the database: %v", err)
			}
		}
		for range 4 {
			if a := n.TrySignIn("alice", "wrong"); a.Status != http.StatusUnauthorized {
				t.Errorf("a wrong login: %d %s", a.Status, a.Body)
			}
		}
		n.SignIn("alice", right)
	})
}
