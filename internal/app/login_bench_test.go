package app_test

import (
	"net/http"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// BenchmarkMe asks who the caller is, with the token of a login, which is looked up at every request, and with a token for
// scripts, which is not.
func BenchmarkMe(b *testing.B) {
	for _, kind := range []nodetest.Kind{nodetest.SQLite, nodetest.Postgres} {
		n := nodetest.Start(b, nodetest.Config{Database: nodetest.NewDatabase(b, kind)})
		n.AddUser("alice", auth.RoleViewer, right)
		for name, token := range map[string]string{"login": n.SignIn("alice", right), "script": n.TokenFor("alice", auth.RoleViewer)} {
			b.Run(string(kind)+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if a := n.As(token, http.MethodGet, nodetest.MePath, ""); a.Status != http.StatusOK {
						b.Fatalf("%d %s", a.Status, a.Body)
					}
				}
			})
		}
	}
}

// BenchmarkSignIn signs in, over HTTP.
func BenchmarkSignIn(b *testing.B) {
	for _, kind := range []nodetest.Kind{nodetest.SQLite, nodetest.Postgres} {
		n := nodetest.Start(b, nodetest.Config{Database: nodetest.NewDatabase(b, kind)})
		n.AddUser("alice", auth.RoleViewer, right)
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				n.SignIn("alice", right)
			}
		})
	}
}
