package nodetest

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/user"
)

// The login paths.
const (
	LoginPath  = "/api/auth/login"
	LogoutPath = "/api/auth/logout"
	MePath     = "/api/auth/me"
)

// AddUser adds a user who may sign in. A password is hashed once per process, because that takes long on purpose.
func (n *Node) AddUser(name string, role auth.Role, password string) {
	n.t.Helper()
	hash, err := hashed(n.t.Context(), password)
	if err == nil {
		err = n.Store.AddUser(n.t.Context(), &user.User{
			ID: uuid.NewString(), Name: name, NameKey: user.Key(name), Role: role, PasswordHash: hash, Generation: 1,
		})
	}
	if err != nil {
		n.t.Fatalf("adding user %s: %v", name, err)
	}
}

var hashes = struct {
	sync.Mutex
	of map[string]string
}{of: map[string]string{}}

func hashed(ctx context.Context, password string) (hash string, err error) {
	hashes.Lock()
	defer hashes.Unlock()
	if hash = hashes.of[password]; hash == "" {
		hash, err = auth.NewHasher(1).Hash(ctx, password)
		hashes.of[password] = hash
	}
	return hash, err
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
