package nodetest

import (
	"encoding/json"
	"net/http"

	"fullsync/api/spec"
	"fullsync/internal/auth"
)

// The login paths.
const (
	LoginPath  = "/api/auth/login"
	LogoutPath = "/api/auth/logout"
	MePath     = "/api/auth/me"
)

// AddUser adds a user who may sign in.
func (n *Node) AddUser(name string, role auth.Role, password string) {
	n.t.Helper()
	if _, err := n.Users.Add(n.t.Context(), name, role, password); err != nil {
		n.t.Fatalf("adding user %s: %v", name, err)
	}
}

// TrySignIn sends a login.
func (n *Node) TrySignIn(name, password string) Answer {
	n.t.Helper()
	body, err := json.Marshal(map[string]string{"name": name, "password": password})
	if err != nil {
		n.t.Fatal(err)
	}
	return n.As("", http.MethodPost, LoginPath, string(body))
}

// SignIn signs in and returns the token. It fails the test if that does not work.
func (n *Node) SignIn(name, password string) string {
	n.t.Helper()
	a := n.TrySignIn(name, password)
	in, err := Decode[spec.LoginResponse](a)
	if a.Status != http.StatusOK || err != nil {
		n.t.Fatalf("login of %s: %d %s %v", name, a.Status, a.Body, err)
	}
	return in.Token
}

// As is [Node.Raw] with that token. It fails the test if no answer comes.
func (n *Node) As(token, method, path, body string) Answer {
	n.t.Helper()
	a, err := n.Raw(n.t.Context(), token, method, path, body)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}
