package api_test

import (
	"strings"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/user"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path, shown = "/api/admin/users", `"role":"operator","disabled":false,"createdAt":"2026-01-31T10:00:00Z","updatedAt":"2026-01-31T10:00:01Z","lastLoginAt":null}`
	if a := n.call("GET", path, ""); strings.TrimSpace(a.body) != `{"success":true,"users":[{"name":"alice",`+shown+`]}` {
		t.Error(a.body)
	}
	a := n.call("POST", path, `{"name":"bob","role":"operator","password":"hunter2 hunter2"}`)
	if strings.TrimSpace(a.body) != `{"success":true,"user":{"name":"bob",`+shown+`}` || a.status != 201 || a.header.Get("Location") != path+"/bob" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	var changed user.Change
	n.userChanged = func(c user.Change) { changed = c }
	if a = n.call("PATCH", path+"/bob", `{"disabled":true}`); a.status != 200 || changed.Role != nil || changed.Password != nil || !*changed.Disabled {
		t.Errorf("%d %s: %+v", a.status, a.body, changed)
	}
	if a = n.call("PATCH", path+"/bob", `{"role":"admin","password":"hunter2 hunter2"}`); a.status != 200 || *changed.Role != auth.RoleAdmin || *changed.Password != "hunter2 hunter2" {
		t.Errorf("%d %s: %+v", a.status, a.body, changed)
	}
	for body, problem := range map[string]string{
		`{}`: "", `{"role":"node"}`: "role", `{"password":"short"}`: "password", `{"disabled":"yes"}`: "disabled", `{"name":"x"}`: "name",
	} {
		if a = n.call("PATCH", path+"/bob", body); a.status != 400 || problem != "" && a.details()[problem] == "" || strings.Contains(a.body, "short\"") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	n.userFailure = user.LastAdmin("alice")
	for _, c := range []request{{"PATCH", path + "/alice", `{"disabled":true}`}, {"DELETE", path + "/alice", ""}} {
		if a = n.call(c.method, c.path, c.body); a.status != 409 || a.member("error") != "Last administrator" {
			t.Errorf("%s: %d %s", c.method, a.status, a.body)
		}
	}
	n.userFailure = user.Unknown("carl")
	if a = n.call("POST", path+"/carl/end-logins", ""); a.status != 404 || a.member("code") != "USER_NOT_FOUND" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = n.call("DELETE", path+"/a%20b", ""); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/admin/tokens"
	const shown = `"createdBy":"alice","createdAt":"2026-01-31T10:00:00Z","expiresAt":"`
	const unused = `","lastUsedAt":null,"lastUsedFrom":null,"lastUsedBy":null,`
	if a := n.call("GET", path, ""); strings.TrimSpace(a.body) != `{"success":true,"tokens":[{"id":"`+sessionA+`","name":"till 3","role":"node","state":"active",`+shown+
		`2026-01-31T10:00:02Z`+unused+`"revokedAt":null,"revokedBy":null}]}` {
		t.Error(a.body)
	}
	a := n.call("POST", path, `{"name":"till 4","role":"viewer","ttlSeconds":3600}`)
	if strings.TrimSpace(a.body) != `{"success":true,"token":"the-token","apiToken":{"id":"`+sessionA+`","name":"till 4","role":"viewer","state":"active",`+shown+
		`2026-01-31T11:00:00Z`+unused+`"revokedAt":null,"revokedBy":null}}` || a.status != 201 || a.header.Get("Location") != path+"/"+sessionA {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	a = n.call("DELETE", path+"/"+sessionA, "")
	if a.status != 200 || !strings.HasSuffix(strings.TrimSpace(a.body), `"revokedAt":"2026-01-31T10:00:00Z","revokedBy":"alice"}}`) || !strings.Contains(a.body, `"state":"revoked"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = n.call("DELETE", path+"/"+strings.Replace(sessionA, "5", "6", 1), ""); a.status != 404 || a.member("error") != "Token not found" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = n.call("DELETE", path+"/x", ""); a.status != 400 || a.details()["tokenId"] != "must be a UUID" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
