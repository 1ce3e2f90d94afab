package console_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{}).Main
	page := open(t, node, browsertest.Options{})
	page.Expect(401, "/api/auth/login")
	page.WaitFocus("textbox", "Name")
	page.Type("operator")
	page.Press("Tab")
	page.Type("a wrong password")
	page.Press("Enter")
	page.WaitText("The name or the password is wrong. Check both and try again.")

	page.Field("Password").Fill(password)
	page.Press("Enter")
	page.WaitText("operator (operator)")
	page.WaitNoText("The name or the password is wrong")
	page.Reload()
	page.WaitText("operator (operator)") // the login belongs to the tab, and survives a reload

	token := browsertest.Eval[string](page, `sessionStorage.getItem("fullsync.token")`)
	page.Button("Sign out").Click()
	page.WaitText("Signed out successfully")
	page.WaitFocus("textbox", "Name")
	if a := node.As(token, "GET", nodetest.MePath, ""); a.Status != 401 {
		t.Errorf("the token of the login that was ended: %d %s", a.Status, a.Body)
	}
	page.Reload()
	page.Button("Sign in").Wait()
}

// TestSignOutIsSaidWhateverIsRefused: the token ends before the answer to the logout comes, and requests in between are refused.
func TestSignOutIsSaidWhateverIsRefused(t *testing.T) {
	t.Parallel()
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{}).Main
	wire := nodetest.NewWire(t, node.URL())
	page := signInAt(t, wire.URL, auth.RoleOperator, browsertest.Options{})
	allowEndedLogin(page)
	ended, refused := make(chan struct{}), make(chan struct{})
	var once sync.Once
	wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/api/auth/logout"):
			a := nodetest.Answered(r, next)
			close(ended)
			nodetest.Await(t, "a request that is refused", refused)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(a.Status)
			_, _ = w.Write(a.Body)
		case strings.HasSuffix(r.URL.Path, nodetest.StartPath):
			next.ServeHTTP(w, r)
			select {
			case <-ended:
				once.Do(func() { close(refused) })
			default:
			}
		default:
			next.ServeHTTP(w, r)
		}
	})
	visit(page, "Sessions")
	page.Button("Sign out").Click()
	nodetest.Await(t, "the end of the login", ended)
	page.Field("Status").Choose("FAILED")
	page.WaitText("Signed out successfully")
}

// TestEndedLogin: if a login ends under an open page, the page says so, and nothing that it showed stays on the screen.
func TestEndedLogin(t *testing.T) {
	t.Parallel()
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{}).Main
	page := signIn(t, node, auth.RoleOperator, browsertest.Options{})
	page.Expect(401, "/api/admin/sync/full-sync")
	allowEndedLogin(page)
	if _, err := node.Users.Disable(t.Context(), "operator"); err != nil {
		t.Fatal(err)
	}
	page.Button("Start pull").Click()
	page.WaitText("You have been signed out. Unauthorized")
	page.Button("Sign in").Wait()
	page.Button("Start pull").WaitGone()
	if !browsertest.Eval[bool](page, `sessionStorage.getItem("fullsync.token") === null`) {
		t.Error("the token is still kept")
	}
}

// TestWhatWasTypedOutlivesTheLogin: a login ends while somebody types. The same person goes on after signing in again, and anybody
// else finds a clean page.
func TestWhatWasTypedOutlivesTheLogin(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	node := newPair(t, nodetest.SQLite, 1, nodetest.Config{}).Main
	page := signIn(t, node, auth.RoleOperator, browsertest.Options{})
	allowEndedLogin(page)
	end := func() {
		t.Helper()
		page.Field("Catalog").Fill("garden")
		ended := browsertest.Eval[string](page, `sessionStorage.getItem("fullsync.token")`)
		if a := node.As(ended, http.MethodPost, "/api/auth/logout", ""); a.Status != http.StatusOK {
			t.Fatalf("ending the login: %d %s", a.Status, a.Body)
		}
		page.WaitText("You have been signed out. Unauthorized")
		page.WaitFocus("textbox", "Name")
		if page.Button("Start pull").Visible() || page.Link("Sessions").Visible() {
			t.Error("the page is still shown")
		}
	}
	end()
	fill(page, "operator")
	if typed := page.Field("Catalog").Value(); typed != "garden" {
		t.Errorf("after signing in again the field holds %q", typed)
	}
	live(page)
	end()
	fill(page, "admin")
	if typed := page.Field("Catalog").Value(); typed != "main" {
		t.Errorf("another person finds %q", typed)
	}
}
