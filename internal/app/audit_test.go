package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// audited returns a page of the audit log.
func audited(t *testing.T, n *nodetest.Node, query url.Values) spec.AuditResponse {
	t.Helper()
	a := n.Call("reader", http.MethodGet, "/api/admin/audit?"+query.Encode(), "")
	page, err := nodetest.Decode[spec.AuditResponse](a)
	if a.Status != http.StatusOK || err != nil {
		t.Fatalf("%d %s, %v", a.Status, a.Body, err)
	}
	return page
}

// auditedAs checks that the log says of a session that this person began it in this way.
func auditedAs(t *testing.T, n *nodetest.Node, id spec.SessionID, action, actor string) {
	t.Helper()
	found := audited(t, n, url.Values{"target": {id.String()}}).Entries
	if len(found) != 1 || found[0].Action != action || found[0].Actor == nil || *found[0].Actor != actor || found[0].RequestId == nil {
		t.Errorf("written down of %s: %+v, want %s by %s", id, found, action, actor)
	}
}

// values returns before or after as text.
func values(v *map[string]any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(*v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestWhoDidWhat goes through everything that is written down: who, from where, what, before and after, and nothing secret.
func TestWhoDidWhat(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		const secret = "the-secret-of-a-peer"
		n := nodetest.Start(t, nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind)})
		n.AddUser("root", auth.RoleAdmin, right)
		n.TrySignIn("ROOT", "wrong")
		n.TrySignIn(secret, "wrong") // a password in the wrong field
		root := n.SignIn("root", right)
		do := func(token, method, path, body string, status int) nodetest.Answer {
			t.Helper()
			a := n.As(token, method, path, body)
			if a.Status != status {
				t.Fatalf("%s %s: %d %s, want %d", method, path, a.Status, a.Body, status)
			}
			return a
		}
		const peers = "/api/admin/sync/peers"
		do(root, "POST", peers, `{"nodeId":"branch","url":"http://127.0.0.1:1","token":"`+secret+`"}`, 201)
		a := do(root, "PATCH", peers+"/branch", `{"isActive":true,"nodeName":"Harbour","token":"`+secret+secret+`"}`, 200)
		requestID := a.Header.Get("X-Request-Id")
		do(root, "PATCH", peers+"/branch", `{"keepFields":["price"]}`, 200)
		do(root, "POST", usersPath, `{"name":"alice","role":"viewer","password":"`+right+`"}`, 201)
		do(root, "PATCH", usersPath+"/alice", `{"role":"operator","password":"another `+secret+`"}`, 200)
		do(root, "POST", usersPath+"/alice/end-logins", "", 200)
		made, err := nodetest.Decode[spec.NewTokenResponse](do(root, "POST", tokensPath, `{"name":"robot","role":"admin","ttlSeconds":600}`, 201))
		if err != nil {
			t.Fatal(err)
		}
		do(made.Token, "DELETE", usersPath+"/alice", "", 200)
		started, err := nodetest.Decode[spec.StartResponse](do(made.Token, "POST", nodetest.StartPath, nodetest.Pull{}.Body(), 202))
		if err != nil {
			t.Fatal(err)
		}
		id := started.SessionId.String()
		do(n.TokenFor("ops", auth.RoleOperator), "POST", nodetest.CancelPath, `{"sessionId":"`+id+`","reason":"wrong peer"}`, 200)
		do(root, "DELETE", tokensPath+"/"+made.ApiToken.Id, "", 200)
		do(root, "DELETE", tokensPath+"/"+made.ApiToken.Id, "", 200) // the second time nothing is done
		do(root, "DELETE", peers+"/branch", "", 200)
		do(root, "POST", nodetest.LogoutPath, "", 200)

		all := audited(t, n, url.Values{"pageSize": {"100"}})
		var told []string
		for _, e := range slices.Backward(all.Entries) {
			actor, target := "-", "-"
			if e.Actor != nil {
				actor = *e.Actor
			}
			if e.Target != nil {
				target = strings.NewReplacer(id, "SESSION", made.ApiToken.Id, "TOKEN").Replace(*e.Target)
			}
			if fromHere := e.Kind != "system"; fromHere != (e.Address != nil && *e.Address == "127.0.0.1") || fromHere == (e.RequestId == nil) {
				t.Errorf("%s came from %v, request %v", e.Action, e.Address, e.RequestId)
			}
			if e.Action == "peer.changed" && e.Before != nil && (*e.Before)["nodeName"] != nil && *e.RequestId != requestID {
				t.Errorf("request %s, want %s", *e.RequestId, requestID)
			}
			before, after := values(e.Before), values(e.After)
			switch e.Action {
			case "settings.changed", "sync.started", "token.created", "token.revoked":
				before, after = "", ""
			case "sync.cancelled": // the session may have begun to transfer
				before = ""
			}
			told = append(told, strings.Join([]string{actor, e.Kind, e.Action, target, before, after}, " "))
		}
		want := []string{
			`fullsync system settings.changed main  `,
			`fullsync system user.added root  {"disabled":false,"role":"admin"}`,
			`- nobody login.failed root  `,
			`- nobody login.failed (unknown)  `,
			`root user login.succeeded root  `,
			`root user peer.added branch  {"isActive":true,"keepFields":[],"kind":"node","nodeName":"branch","token":"set","url":"http://127.0.0.1:1"}`,
			`root user peer.changed branch {"nodeName":"branch","token":"set"} {"nodeName":"Harbour","token":"changed"}`,
			`root user peer.changed branch {"keepFields":[]} {"keepFields":["price"]}`,
			`root user user.added alice  {"disabled":false,"role":"viewer"}`,
			`root user user.changed alice {"role":"viewer"} {"password":"changed","role":"operator"}`,
			`root user user.logins_ended alice  `,
			`root user token.created TOKEN  `,
			`robot token user.removed alice {"disabled":false,"role":"operator"} `,
			`robot token sync.started SESSION  `,
			`ops offline sync.cancelled SESSION  {"catalog":"main","reason":"wrong peer","status":"CANCELLED"}`,
			`root user token.revoked TOKEN  `,
			`root user peer.removed branch {"isActive":true,"keepFields":["price"],"kind":"node","nodeName":"Harbour","token":"set","url":"http://127.0.0.1:1"} `,
			`root user login.ended root  `,
		}
		if !slices.Equal(told, want) {
			t.Errorf("written down:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		text := string(n.Call("reader", http.MethodGet, "/api/admin/audit?pageSize=100", "").Body)
		for _, hidden := range []string{secret, right, made.Token, "argon2"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%q is written down", hidden)
			}
		}

		// Filters, and pages that do not overlap.
		for query, want := range map[string]int{
			"actor=robot": 2, "action=peer": 4, "action=peer.changed": 2, "action=pee": 0, "target=alice": 4, "actor=root&action=login": 2,
			"after=2100-01-01T00:00:00Z": 0, "before=2000-01-01T00:00:00Z": 0, "after=2000-01-01T00:00:00Z&action=login.failed": 2,
		} {
			q, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if found := audited(t, n, q); len(found.Entries) != want || found.NextPageToken != nil {
				t.Errorf("%s: %d entries, want %d", query, len(found.Entries), want)
			}
		}
		var paged []int64
		next := ""
		for {
			page := audited(t, n, url.Values{"action": {"peer"}, "pageSize": {"3"}, "pageToken": {next}})
			for _, e := range page.Entries {
				paged = append(paged, e.Id)
			}
			if page.NextPageToken == nil {
				break
			}
			next = *page.NextPageToken
		}
		if len(paged) != 4 || !slices.IsSortedFunc(paged, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("pages of %v", paged)
		}
		if a := n.Call("reader", http.MethodGet, "/api/admin/audit?action=user&pageToken="+next, ""); a.Status != http.StatusBadRequest {
			t.Errorf("a token of another listing: %d %s", a.Status, a.Body)
		}
	})
}

// TestTheAuditLogOnlyGrows: no statement changes or removes an entry before its time, and the upkeep removes old ones.
func TestTheAuditLogOnlyGrows(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{ID: "main", Database: nodetest.NewDatabase(t, kind)})
		n.AddUser("root", auth.RoleAdmin, right)
		statements := []string{
			"UPDATE audit_log SET actor = 'somebody else'", "DELETE FROM audit_log", "DELETE FROM audit_log WHERE action = 'user.added'",
			"UPDATE audit_log SET at = '2000-01-01 00:00:00.000+00:00'",
		}
		if kind == nodetest.Postgres {
			statements = append(statements, "TRUNCATE audit_log")
		} else {
			statements = append(statements, "INSERT OR REPLACE INTO audit_log SELECT id, '2000-01-01 00:00:00.000+00:00', actor, kind, address, request_id, action, target, before, after FROM audit_log")
		}
		before := values(new(map[string]any{"entries": audited(t, n, nil).Entries}))
		for _, statement := range statements {
			if _, err := n.Store.SQL().ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "the audit log only grows") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if after := values(new(map[string]any{"entries": audited(t, n, nil).Entries})); after != before {
			t.Errorf("the log was %s and is %s", before, after)
		}
		insert := "INSERT INTO audit_log (at, actor, kind, address, request_id, action, target, before, after) VALUES ('" +
			inSQL(time.Now().Add(-31*24*time.Hour)) + "', 'old', 'user', '', '', 'login.succeeded', '', '', '')"
		behind(t, n, insert)
		if removed, err := n.Store.PruneAudit(t.Context(), 32*24*time.Hour); removed != 0 || err != nil {
			t.Errorf("kept for longer: %d removed, %v", removed, err)
		}
		if removed, err := n.Store.PruneAudit(t.Context(), 30*24*time.Hour); removed != 1 || err != nil {
			t.Errorf("%d removed, %v", removed, err)
		}
		if removed, err := n.Store.PruneAudit(t.Context(), time.Nanosecond); removed != 0 || err == nil {
			t.Errorf("younger ones: %d removed, %v", removed, err)
		}
	})
}

// TestChangedSettingsAreWrittenDown: once, with what was and what is, and no secrets.
func TestChangedSettingsAreWrittenDown(t *testing.T) {
	t.Parallel()
	db := nodetest.NewDatabase(t, nodetest.SQLite)
	var n *nodetest.Node
	for _, settings := range []map[string]string{nil, {}, {"MAX_DELETES": "7", "LISTEN": "127.0.0.1:0"}, {"MAX_DELETES": "7"}} {
		n = nodetest.Start(t, nodetest.Config{ID: "main", Database: db, Settings: settings})
		n.Down()
	}
	n = n.Restart()
	found := audited(t, n, url.Values{"action": {"settings"}}).Entries
	if len(found) != 2 || values(found[0].Before) != `{"FULLSYNC_MAX_DELETES":"10000"}` || values(found[0].After) != `{"FULLSYNC_MAX_DELETES":"7"}` {
		t.Errorf("%d entries, the last %+v", len(found), found)
	}
}
