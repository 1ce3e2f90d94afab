package console_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/cli"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(nodeVariable) != "" {
		os.Exit(cli.Run(context.Background(), []string{"serve"}, cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}))
	}
	os.Exit(browsertest.Main(func() int { return nodetest.Main(m) }))
}

// nodeVariable tells a copy of this test binary to run a node.
const nodeVariable = "CONSOLETEST_NODE"

// password is the password of every user in these tests.
const password = "correct horse battery staple"

// onBoth is [nodetest.OnEither], and with the heavy tests it goes on with the other kind of database: CI runs this package only once.
func onBoth(t *testing.T, test func(t *testing.T, kind nodetest.Kind)) {
	t.Helper()
	nodetest.OnEither(t, test)
	if effort.Heavy() {
		_, other := nodetest.KindsFor(t)
		t.Run(string(other), func(t *testing.T) { test(t, other) })
	}
}

// newPair starts two nodes, branch with count products and main, which knows it, and three people at main: one for each
// role, with the role as the name.
func newPair(t testing.TB, kind nodetest.Kind, count int, c nodetest.Config) *nodetest.Pair {
	t.Helper()
	browsertest.Require(t)
	if c.Settings["REQUEST_TIMEOUT"] == "" {
		settings := maps.Clone(c.Settings)
		if settings == nil {
			settings = map[string]string{}
		}
		settings["REQUEST_TIMEOUT"] = "5m" // a test may hold an answer back for as long as it looks at the page
		c.Settings = settings
	}
	pair := nodetest.NewPair(t, kind, count, c)
	pair.Wire.Earlier() // so that a second pull takes long enough to watch
	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin} {
		pair.Main.AddUser(string(role), role, password)
	}
	return pair
}

// open opens the page of a node.
func open(t testing.TB, node *nodetest.Node, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return openAt(t, node.URL(), o)
}

// openAt opens the page at a base address, which may be that of a wire to a node.
func openAt(t testing.TB, base string, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return browsertest.Open(t, base+"/console/", o)
}

// signIn opens the page of a node with that role signed in, as somebody finds it who comes back to it.
func signIn(t testing.TB, node *nodetest.Node, role auth.Role, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return signInAt(t, node.URL(), role, o)
}

// signInAt is [signIn] at a base address.
func signInAt(t testing.TB, base string, role auth.Role, o browsertest.Options) *browsertest.Page {
	t.Helper()
	o.Before += fmt.Sprintf(`
		if (!sessionStorage.getItem("signedIn")) { // only once: the page may sign out
			sessionStorage.setItem("signedIn", "yes");
			sessionStorage.setItem(%q, %q);
		}`, tokenKey, login(t, base, string(role)))
	page := openAt(t, base, o)
	// On a busy machine a node may be late with the state; the page tries again.
	page.Allow(http.StatusServiceUnavailable, nodetest.EventsPath)
	waitDesk(page)
	page.Find(`#connection[data-connection="live"]`).Wait()
	return page
}

// tokenKey is where the page keeps its token.
const tokenKey = "fullsync.token"

// login signs somebody in at a base address, without a page, and returns the token.
func login(t testing.TB, base, name string) string {
	t.Helper()
	client, err := spec.NewClientWithResponses(base)
	if err != nil {
		t.Fatal(err)
	}
	in, err := client.SignInWithResponse(t.Context(), spec.LoginRequest{Name: name, Password: password})
	if err != nil || in.JSON200 == nil {
		t.Fatalf("login of %s: %v %+v", name, err, in)
	}
	return in.JSON200.Token
}

// waitDesk returns once somebody is signed in, and there are peers to choose from.
func waitDesk(page *browsertest.Page) {
	page.Role("heading", "Full sync").Wait()
	page.WaitFor("the peers", `document.querySelector("#start-form [name=peer] option")`)
}

// back goes to the previous page, as the browser's own button does.
func back(page *browsertest.Page) { browsertest.Eval[bool](page, "history.back() ?? true") }

// visit goes to a page by the navigation.
func visit(page *browsertest.Page, name string) {
	page.Role("navigation", "Pages").Link(name).Click()
	page.Find(`#nav a[aria-current="page"]`).WaitText(name)
}
