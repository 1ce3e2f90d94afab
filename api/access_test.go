package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/auth"
)

// request is one way to call an operation that would succeed.
type request struct{ method, path, body string }

// headers are those that a request needs besides its token.
func (r request) headers() []string {
	if strings.Contains(r.path, "/batches") {
		return []string{"Content-Type", "application/x-ndjson"}
	}
	return nil
}

// everyOperation returns a good request for every operation of the document, with the roles that may send it.
func everyOperation(t *testing.T) map[request][]string {
	t.Helper()
	all := map[request][]string{}
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			r := request{method: method, path: strings.NewReplacer(
				"{sessionId}", sessionA, "{nodeId}", "branch-2", "{catalog}", "main", "{scheduleId}", scheduleA, "{webhookId}", webhookA, "{id}", "a", "{name}", "alice", "{tokenId}", sessionA).Replace(path)}
			switch op.OperationID {
			case "startFullSync":
				r.body = `{"action":"pull","targetPeer":"branch-2"}`
			case "cancelFullSync":
				r.body = `{"sessionId":"` + sessionA + `"}`
			case "addPeer", "checkNewPeer":
				r.body = `{"nodeId":"branch-2","url":"https://example.com"}`
			case "addSchedule":
				r.body = `{"name":"nightly","cron":"15 3 * * *","timezone":"Europe/Berlin","action":"pull","targetPeers":["branch-2"]}`
			case "changeSchedule":
				r.body = `{"enabled":false}`
			case "previewSchedule":
				r.body = `{"cron":"15 3 * * *","timezone":"Europe/Berlin"}`
			case "addWebhook":
				r.body = `{"url":"https://hooks.example.com"}`
			case "changeWebhook":
				r.body = `{"enabled":false}`
			case "signIn":
				r.body = `{"name":"alice","password":"hunter2 hunter2"}`
			case "addUser":
				r.body = `{"name":"alice","role":"viewer","password":"hunter2 hunter2"}`
			case "changeUser":
				r.body = `{"role":"viewer"}`
			case "createToken":
				r.body = `{"name":"till 3","role":"node","ttlSeconds":60}`
			case "approveFullSyncDeletes":
				r.body = `{"count":1}`
			case "changePeer":
				r.body = `{"isActive":true}`
			case "readNodeProductsById":
				r.body = `{"ids":["a"]}`
			case "readNodeHashesOfIntervals":
				r.body = `{"intervals":[{"after":"","through":""}]}`
			case "readNodeDigestsOfIntervals":
				r.body = `{"through":[""]}`
			case "putProduct":
				r.body = `{"name":"Chair"}`
			case "editProducts":
				r.body = `{"edits":[{"put":{"id":"a","name":"Chair"}},{"delete":"b"}]}`
			case "deleteCatalog":
				r.path += "?products=3"
			case "openNodeSession":
				r.body = `{"sessionId":"` + sessionA + `","nodeId":"branch-2","catalog":"main","total":1,"startedBy":"alice","fence":1,"options":{}}`
			case "pushNodeBatch":
				r.path += "?seq=1&fence=1"
				r.body = `{"end":{"count":0}}`
			case "beatNodeSession", "proposeNodeDeletes":
				r.body = `{"fence":1}`
			case "finishNodeSession":
				r.body = `{"fence":1,"step":"Transferred 1 product"}`
			case "listNodeDeletes":
				r.path += "?state=proposed"
			case "cancelNodeSession":
				r.body = `{"by":"alice"}`
			}
			var roles []string
			named, _ := op.Extensions["x-roles"].([]any)
			for _, role := range named {
				roles = append(roles, role.(string))
			}
			all[r] = roles
		}
	}
	return all
}

func TestRolesAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for r, roles := range everyOperation(t) {
		for _, role := range auth.Roles() {
			a := n.call(r.method, r.path, r.body, append(r.headers(), "Authorization", "Bearer "+n.token(role))...)
			allowed := len(roles) == 0 || slices.Contains(roles, string(role))
			// One operation is always refused, whoever asks.
			if allowed && (a.status < 200 || a.status > 299) && a.member("code") != "SERVICE_NOT_CONTROLLED" {
				t.Errorf("%s %s as %s: %d %s", r.method, r.path, role, a.status, a.body)
			}
			if !allowed && (a.status != http.StatusForbidden || a.member("error") != "Insufficient permissions") {
				t.Errorf("%s %s as %s: %d %s, want 403", r.method, r.path, role, a.status, a.body)
			}
		}
	}
}

func TestOnlyTheListedRoutesNeedNoToken(t *testing.T) {
	t.Parallel()
	n := setup(t)
	open := []string{"GET /docs", "GET /docs/", "GET /healthz", "GET /openapi.yaml", "GET /readyz", "POST /api/auth/login"}
	requests := []request{{"GET", "/docs", ""}, {"GET", "/docs/", ""}, {"GET", "/api", ""}, {"GET", "/api/", ""},
		{"GET", "/api/nothing", ""}, {"DELETE", "/api/node", ""}, {"GET", "/api/%61dmin/sync/full-sync", ""},
		{"GET", "/api/admin/sync/full-sync/", ""}, {"OPTIONS", "/api/node", ""}, {"HEAD", "/api/node", ""}}
	for r := range everyOperation(t) {
		requests = append(requests, r)
	}
	var reached []string
	for _, r := range requests {
		a := n.call(r.method, r.path, r.body, append(r.headers(), "Authorization", "")...)
		if a.status < 400 {
			reached = append(reached, r.method+" "+r.path)
			continue
		}
		if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != `Bearer realm="fullsync"` {
			t.Errorf("%s %s without a token: %d %v", r.method, r.path, a.status, a.header)
		}
	}
	if slices.Sort(reached); !slices.Equal(reached, open) {
		t.Errorf("without a token can be reached: %v, want %v", reached, open)
	}
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/api/nothing", 404, "NOT_FOUND"},
		{"GET", "/nothing", 404, "NOT_FOUND"},
		{"GET", "/console/nothing", 404, "NOT_FOUND"},
		{"DELETE", "/api/node", 405, "METHOD_NOT_ALLOWED"},
		{"POST", "/healthz", 405, "METHOD_NOT_ALLOWED"},
	} {
		a := n.call(c.method, c.path, "")
		if a.status != c.status || a.member("code") != c.code {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, a.status, a.body, c.status, c.code)
		}
		if a.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no header Allow", c.method, c.path)
		}
	}
}
