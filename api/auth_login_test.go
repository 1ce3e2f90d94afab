package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fullsync/api"
	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/user"
)

const loginPath = "/api/auth/login"

func TestSignIn(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got user.Credentials
	good := n.signIn
	n.signIn = func(c user.Credentials) (string, auth.Principal, error) { got = c; return good(c) }
	a := n.call("POST", loginPath, `{"name":"Alice","password":"hunter2 hunter2"}`, "Authorization", "Bearer stale", "X-Forwarded-For", "1.2.3.4")
	if a.status != 200 || a.header.Get("Cache-Control") != "no-store" ||
		strings.TrimSpace(a.body) != `{"success":true,"token":"the.new.token","expiresAt":"2026-01-31T10:00:05Z","user":{"name":"alice","role":"operator"}}` {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if want := (user.Credentials{Name: "Alice", Password: "hunter2 hunter2", Address: "127.0.0.1"}); got != want {
		t.Errorf("signed in with %+v, want %+v", got, want)
	}
	for name, c := range map[string]struct {
		err         error
		status      int
		code, retry string
	}{
		"wrong":     {fault.New(fault.Unauthenticated, "LOGIN_FAILED", "Wrong name or password", "No."), 401, "LOGIN_FAILED", ""},
		"slowed":    {fault.New(fault.TooMany, "LOGIN_THROTTLED", "Too many failed logins", "Wait.").After(7100 * time.Millisecond), 429, "LOGIN_THROTTLED", "8"},
		"no answer": {fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "Database unavailable", "No."), 503, "DATABASE_UNAVAILABLE", "5"},
		"broken":    {errors.New("hunter2"), 500, "INTERNAL", ""},
	} {
		n.signIn = func(user.Credentials) (string, auth.Principal, error) { return "", auth.Principal{}, c.err }
		a := n.call("POST", loginPath, `{"name":"alice","password":"hunter2 hunter2"}`, "Authorization", "")
		if a.status != c.status || a.member("code") != c.code || a.header.Get("Retry-After") != c.retry || strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
	}
}

func TestHostileLogins(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.signIn = func(user.Credentials) (string, auth.Principal, error) {
		t.Error("a login that is not as described was tried")
		return "", auth.Principal{}, errors.New("no")
	}
	long := strings.Repeat("p", 201)
	for body, want := range map[string]struct {
		status  int
		field   string
		problem string
	}{
		``:               {400, "", ""},
		`null`:           {400, "body", "must be a JSON object"},
		`{}`:             {400, "name", "is required"},
		`{"name":"a"}`:   {400, "password", "is required"},
		`{"name":`:       {400, "body", "ends too early"},
		`["alice","pw"]`: {400, "body", "must be a JSON object"},
		`{"name":"al\u0000ice","password":"hunter2"}`:                                {400, "body", "must not have NUL characters"},
		`{"name":"alice","password":"hunter2\u0000"}`:                                {400, "body", "must not have NUL characters"},
		`{"name":"alice","name":"bob","password":"hunter2"}`:                         {400, "body", "has a member twice"},
		`{"name":"al ice","password":"hunter2"}`:                                     {400, "name", "must be 1 to 64 letters, digits, dots, underscores, hyphens and @"},
		`{"name":"` + strings.Repeat("a", 65) + `","password":"hunter2"}`:            {400, "name", "must be 1 to 64 letters, digits, dots, underscores, hyphens and @"},
		`{"name":"alice\n","password":"hunter2"}`:                                    {400, "name", "must be 1 to 64 letters, digits, dots, underscores, hyphens and @"},
		`{"name":7,"password":"hunter2"}`:                                            {400, "name", "must be a string"},
		`{"name":"alice","password":{"$ne":"hunter2"}}`:                              {400, "password", "must be a string"},
		`{"name":"alice","password":""}`:                                             {400, "password", "must not be empty"},
		`{"name":"alice","password":null}`:                                           {400, "password", "must not be null"},
		`{"name":"alice","password":"` + long + `"}`:                                 {400, "password", "must have at most 200 characters"},
		`{"name":"alice","password":"hunter2","role":"admin"}`:                       {400, "role", "is not known"},
		`{"name":"alice","password":"` + strings.Repeat("p", 1<<20) + `"}`:           {413, "", ""},
		`{"name":"alice","password":` + strings.Repeat("[", 100) + `"hunter2"` + `}`: {400, "body", "is nested too deep"},
	} {
		a := n.call("POST", loginPath, body, "Authorization", "", "Content-Type", "application/json")
		if a.status != want.status || want.field != "" && a.details()[want.field] != want.problem ||
			strings.Contains(a.body, "hunter2") || strings.Contains(a.body, long) {
			t.Errorf("%.80s: %d %.300s, want %+v", body, a.status, a.body, want)
		}
	}
	if a := n.call("POST", loginPath, `name=alice&password=hunter2`, "Content-Type", "application/x-www-form-urlencoded"); a.status != 415 {
		t.Errorf("a form: %d %s", a.status, a.body)
	}
	if strings.Contains(n.log.String(), "hunter2") {
		t.Error("a password is in the log")
	}
}

func TestMeAndSignOut(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var out auth.Principal
	n.signOut = func(p auth.Principal) error { out = p; return nil }
	for kind, p := range map[string]auth.Principal{
		"user":  {Subject: "alice", Role: auth.RoleViewer, UserID: "u-1", Generation: 3},
		"token": {Subject: "robot", Role: auth.RoleAdmin},
	} {
		token, p, err := n.keys.IssueTo(p, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"success":true,"user":{"name":%q,"role":%q},"kind":%q,"expiresAt":%q,"node":{"nodeId":"main-1","nodeName":"Main"}}`, p.Subject, p.Role, kind, p.ExpiresAt.Format(time.RFC3339))
		if a := n.call("GET", "/api/auth/me", "", "Authorization", "Bearer "+token); a.status != 200 || strings.TrimSpace(a.body) != want {
			t.Errorf("%d %s, want %s", a.status, a.body, want)
		}
		if a := n.call("POST", "/api/auth/logout", "", "Authorization", "Bearer "+token); a.status != 200 || a.member("success") != true || out != p {
			t.Errorf("%d %s: signed out %+v, want %+v", a.status, a.body, out, p)
		}
	}
	n.signOut = func(auth.Principal) error { return fault.New(fault.Impossible, "NOT_A_LOGIN", "Not a login", "No.") }
	if a := n.call("POST", "/api/auth/logout", ""); a.status != 422 || a.member("code") != "NOT_A_LOGIN" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestAddressOfTheCaller: whose word about it is taken, and which of the addresses counts.
func TestAddressOfTheCaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trusted []string
		said    string
		want    string
	}{
		"nobody is trusted":      {nil, "1.2.3.4", "127.0.0.1"},
		"another one is trusted": {[]string{"10.0.0.0/8"}, "1.2.3.4", "127.0.0.1"},
		"a proxy":                {[]string{"127.0.0.1/32"}, "1.2.3.4", "1.2.3.4"},
		"made up by the caller":  {[]string{"127.0.0.1/32"}, "6.6.6.6, 1.2.3.4", "1.2.3.4"},
		"two proxies":            {[]string{"127.0.0.1/32", "10.0.0.0/8"}, "1.2.3.4, 10.1.1.1", "1.2.3.4"},
		"a proxy says nothing":   {[]string{"127.0.0.1/32"}, "", "127.0.0.1"},
	} {
		n := setup(t, func(o *api.Options) { o.TrustedProxies = c.trusted })
		var got user.Credentials
		good := n.signIn
		n.signIn = func(c user.Credentials) (string, auth.Principal, error) { got = c; return good(c) }
		a := n.call("POST", loginPath, `{"name":"alice","password":"hunter2 hunter2"}`, "X-Forwarded-For", c.said)
		if a.status != http.StatusOK || got.Address != c.want {
			t.Errorf("%s: %d, address %q, want %q", name, a.status, got.Address, c.want)
		}
		if !strings.Contains(n.log.String(), "remote="+c.want) {
			t.Errorf("%s: the log has another address:\n%s", name, n.log)
		}
	}
}
