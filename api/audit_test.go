package api_test

import (
	"strings"
	"testing"
	"time"

	"fullsync/internal/audit"
)

func TestAuditLog(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/admin/audit"
	var asked audit.Query
	n.auditLog = func(q audit.Query) []audit.Entry {
		asked = q
		return []audit.Entry{
			{ID: 9, At: at(0), Actor: "alice", Kind: audit.User, Address: "192.0.2.7", RequestID: "r-1", Action: "peer.changed", Target: "branch-2", Before: `{"isActive":true}`, After: `{"isActive":false}`},
			{ID: 7, At: at(1), Kind: audit.Nobody, Action: "login.failed"},
		}
	}
	const first = `{"id":9,"at":"2026-01-31T10:00:00Z","actor":"alice","kind":"user","address":"192.0.2.7","requestId":"r-1","action":"peer.changed","target":"branch-2","before":{"isActive":true},"after":{"isActive":false}}`
	a := n.call("GET", path, "")
	if strings.TrimSpace(a.body) != `{"success":true,"entries":[`+first+`,{"id":7,"at":"2026-01-31T10:00:01Z","actor":null,"kind":"nobody","address":null,"requestId":null,"action":"login.failed","target":null,"before":null,"after":null}],"nextPageToken":null}` ||
		asked != (audit.Query{Limit: 21}) {
		t.Errorf("%s\nasked for %+v", a.body, asked)
	}
	const filters = "?actor=alice&action=peer&target=branch-2&after=2026-01-01T00:00:00Z&before=2026-02-01T00:00:00Z&pageSize=1"
	a = n.call("GET", path+filters, "")
	next, _ := a.member("nextPageToken").(string)
	want := audit.Query{Actor: "alice", Action: "peer", Target: "branch-2", After: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Before: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Limit: 2}
	if !strings.HasPrefix(a.body, `{"success":true,"entries":[`+first+`],`) || next == "" || asked != want {
		t.Errorf("%s\nasked for %+v", a.body, asked)
	}
	want.BeforeID = 9
	if a = n.call("GET", path+filters+"&pageToken="+next, ""); a.status != 200 || asked != want {
		t.Errorf("%d %s\nasked for %+v", a.status, a.body, asked)
	}
	for _, query := range []string{"?pageToken=" + next, "?pageToken=rubbish", "?after=yesterday", "?actor=", "?pageSize=0"} {
		if a = n.call("GET", path+query, ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}
