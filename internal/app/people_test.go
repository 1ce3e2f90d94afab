package app_test

import (
	"net/http"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

const usersPath = "/api/admin/users"

// TestPeopleByTheAPI: what an administrator does to a person holds at once, on every replica.
func TestPeopleByTheAPI(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		db := nodetest.NewDatabase(t, kind)
		n, replica := nodetest.Start(t, nodetest.Config{ID: "main", Database: db}), nodetest.Start(t, nodetest.Config{ID: "main", Database: db})
		n.AddUser("root", auth.RoleAdmin, right)
		root := n.SignIn("root", right)
		call := func(method, path, body string, status int) nodetest.Answer {
			t.Helper()
			a := n.As(root, method, usersPath+path, body)
			if a.Status != status {
				t.Errorf("%s %s %s: %d %s, want %d", method, path, body, a.Status, a.Body, status)
			}
			return a
		}
		a := call("POST", "", `{"name":"Alice","role":"operator","password":"`+right+`"}`, 201)
		made, err := nodetest.Decode[spec.UserResponse](a)
		if err != nil || made.User.Name != "Alice" || made.User.Role != spec.UserRoleOperator || made.User.LastLoginAt != nil || a.Header.Get("Location") != usersPath+"/Alice" {
			t.Errorf("%s, %v", a.Body, err)
		}
		call("POST", "", `{"name":"alice","role":"viewer","password":"`+right+`"}`, 409)
		call("POST", "", `{"name":"bob","role":"node","password":"`+right+`"}`, 400)
		call("POST", "", `{"name":"bob","role":"viewer","password":"short"}`, 400)
		call("POST", "", `{"name":"bob@example.com","role":"viewer","password":"BOB@example.com"}`, 400)

		password := right
		for _, c := range []struct {
			what, method, path, body string
			ends                     bool
		}{
			{"nothing new", "PATCH", "/ALICE", `{"role":"operator"}`, false},
			{"another role", "PATCH", "/alice", `{"role":"viewer"}`, true},
			{"a new password", "PATCH", "/alice", `{"password":"another horse battery"}`, true},
			{"the end of their logins", "POST", "/alice/end-logins", "", true},
			{"disabling", "PATCH", "/alice", `{"disabled":true}`, true},
			{"removal", "DELETE", "/alice", "", true},
		} {
			token := replica.SignIn("alice", password)
			if !works(t, replica, token) || !works(t, n, token) {
				t.Errorf("before %s the token does not work", c.what)
			}
			call(c.method, c.path, c.body, 200)
			if works(t, replica, token) == c.ends || works(t, n, token) == c.ends {
				t.Errorf("after %s: the token has ended is not %v", c.what, c.ends)
			}
			if c.what == "a new password" {
				password = "another horse battery"
			}
			if c.what == "disabling" {
				if a := replica.TrySignIn("alice", password); a.Status != http.StatusUnauthorized {
					t.Errorf("disabled: %d %s", a.Status, a.Body)
				}
				call("PATCH", "/alice", `{"disabled":false}`, 200)
				if works(t, replica, token) {
					t.Error("a token works again")
				}
			}
		}
		for _, c := range [][3]string{{"PATCH", "/alice", `{"role":"viewer"}`}, {"DELETE", "/alice", ""}, {"POST", "/alice/end-logins", ""}} {
			call(c[0], c[1], c[2], 404)
		}
		call("PATCH", "/root", `{}`, 400)
		call("PATCH", "/root", `{"generation":1}`, 400)
		all, err := nodetest.Decode[spec.UserListResponse](call("GET", "", "", 200))
		if err != nil || len(all.Users) != 1 || all.Users[0].Name != "root" || all.Users[0].LastLoginAt == nil {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestNeverTheLastAdministrator: of administrators who get rid of each other at the same moment, one is left.
func TestNeverTheLastAdministrator(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		db := nodetest.NewDatabase(t, kind)
		replicas := []*nodetest.Node{nodetest.Start(t, nodetest.Config{ID: "main", Database: db}), nodetest.Start(t, nodetest.Config{ID: "main", Database: db})}
		n, names := replicas[0], []string{"ada", "bert"}
		n.AddUser("vera", auth.RoleViewer, right)
		disabled := n.Call("x", http.MethodPost, usersPath, `{"name":"carl","role":"admin","password":"`+right+`"}`)
		if disabled.Status != http.StatusCreated {
			t.Fatalf("%s", disabled.Body)
		}
		n.AddUser("ada", auth.RoleAdmin, right)
		n.Call("x", http.MethodPatch, usersPath+"/carl", `{"disabled":true}`)
		token := n.TokenFor("x", auth.RoleAdmin)
		for round, c := range []struct{ method, body string }{{"DELETE", ""}, {"PATCH", `{"role":"viewer"}`}, {"PATCH", `{"disabled":true}`}} {
			for _, name := range names { // whoever went in the round before comes back
				n.Call("x", http.MethodPost, usersPath, `{"name":"`+name+`","role":"admin","password":"`+right+`"}`)
				n.Call("x", http.MethodPatch, usersPath+"/"+name, `{"role":"admin","disabled":false}`)
			}
			answers := make([]nodetest.Answer, len(names))
			var both sync.WaitGroup
			for i, name := range names {
				both.Go(func() {
					var err error
					if answers[i], err = replicas[i].Raw(t.Context(), token, c.method, usersPath+"/"+name, c.body); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			if answers[0].Status+answers[1].Status != http.StatusOK+http.StatusConflict {
				t.Errorf("round %d: %d %s, %d %s", round, answers[0].Status, answers[0].Body, answers[1].Status, answers[1].Body)
			}
			refused := answers[0]
			if refused.Status == http.StatusOK {
				refused = answers[1]
			}
			if body, err := nodetest.Decode[spec.Error](refused); err != nil || body.Code != "LAST_ADMIN" {
				t.Errorf("round %d: %s, %v", round, refused.Body, err)
			}
		}
	})
}
