package console_test

import (
	"context"
	"net/http"
	"os"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/cli"
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

// newPair starts two nodes, branch with count products and main, which knows it, and three people at main: one for each
// role, with the role as the name.
func newPair(t *testing.T, kind nodetest.Kind, count int, c nodetest.Config) *nodetest.Pair {
	t.Helper()
	browsertest.Require(t)
	pair := nodetest.NewPair(t, kind, count, c)
	pair.Wire.Earlier() // so that a second pull takes long enough to watch
	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin} {
		pair.Main.AddUser(string(role), role, password)
	}
	return pair
}

// open opens the page of a node.
func open(t *testing.T, node *nodetest.Node, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return openAt(t, node.URL(), o)
}

// openAt opens the page at a base address, which may be that of a wire to a node.
func openAt(t *testing.T, base string, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return browsertest.Open(t, base+"/console/", o)
}

// signIn opens the page of a node and signs in with that role.
func signIn(t *testing.T, node *nodetest.Node, role auth.Role, o browsertest.Options) *browsertest.Page {
	t.Helper()
	return signInAt(t, node.URL(), role, o)
}

// signInAt is [signIn] at a base address.
func signInAt(t *testing.T, base string, role auth.Role, o browsertest.Options) *browsertest.Page {
	t.Helper()
	page := openAt(t, base, o)
	// On a busy machine a node may be late with the state; the page tries again.
	page.Allow(http.StatusServiceUnavailable, nodetest.EventsPath)
	page.Field("Name").Fill(string(role))
	page.Field("Password").Fill(password)
	page.Button("Sign in").Click()
	page.Role("heading", "Full sync").Wait()
	page.Find(`#connection[data-connection="live"]`).Wait()
	page.Find("#peer-rows tr:first-child").Wait() // otherwise there is nothing to choose from yet
	return page
}
