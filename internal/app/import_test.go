package app_test

import (
	"context"
	"database/sql"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// TestLostImport: no replica can go on with an import from the command line whose process is gone, so it fails, and frees its catalog.
func TestLostImport(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{Settings: map[string]string{"HEARTBEAT_INTERVAL": "100ms", "STALE_AFTER": "500ms"}})
	for _, worker := range []string{"", "host-1"} { // it died before its claim, or after it
		noJob := func(context.Context, *sql.Tx, string, int64) (int64, error) { return 0, nil }
		created, err := n.Store.CreateSession(t.Context(), session.Session{
			ID: uuid.NewString(), Catalog: catalog.Default, Direction: session.Import, SourceNodeID: n.NodeID(), TargetNodeID: n.NodeID(),
			Status: session.Preparing, Phase: session.PhaseQueued, CurrentStep: "Preparing", StartedBy: "cli:alice", Options: session.Options{BatchSize: 10, Import: &session.Input{}},
		}, syncer.Creation{Enqueue: noJob})
		if err != nil || !created.OK {
			t.Fatal(created, err)
		}
		id := uuid.MustParse(created.Session.ID)
		if worker != "" {
			if _, ok, err := n.Store.ClaimSession(t.Context(), created.Session.ID, 0, worker); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		s := n.WaitEnd(id, spec.FAILED)
		if s.ErrorCode == nil || *s.ErrorCode != "IMPORT_LOST" || s.Direction != spec.Import {
			t.Errorf("it ended as %s", nodetest.Show(s))
		}
	}
}

// TestImportOverHTTP: a file that is sent is imported by a worker of the node, as a session that can be planned, refused and reverted like any other, and is
// not kept.
func TestImportOverHTTP(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		const path = "/api/catalogs/main/imports"
		send := func(query, file string, status spec.SessionStatus) spec.Session {
			t.Helper()
			a := n.Call("alice", http.MethodPost, path+query, file)
			started, err := nodetest.Decode[spec.StartResponse](a)
			if a.Status != http.StatusAccepted || err != nil {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			return n.WaitEnd(started.SessionId, status)
		}
		n.Put("main", "p-3", "kept")
		const file = "id;Bezeichnung;price\np-2;Ball;12,50\np-1;Axe;7\n;Nobody;1\np-2;Big ball;13,50\np-3;;1\n"
		const columns = "?map=name%3DBezeichnung"
		const mapped = columns + "&name=a.csv"

		s := send(mapped+"&dryRun=true", file, spec.COMPLETED)
		if s.Created != 2 || s.Rejected != 2 || *s.Outcome != spec.OutcomePlanned || n.Count("main") != 1 {
			t.Errorf("planned as %s", nodetest.Show(s))
		}
		// The file of a dry run is kept, and its plan can be applied once, as long as nothing has changed here.
		apply := func(plan spec.Session, status int) nodetest.Answer {
			t.Helper()
			a := n.Call("alice", http.MethodPost, nodetest.StartPath, `{"action":"import","planId":"`+plan.SessionId.String()+`"}`)
			if a.Status != status {
				t.Fatalf("applying a plan: %d %s", a.Status, a.Body)
			}
			return a
		}
		ended := func(a nodetest.Answer, status spec.SessionStatus) spec.Session {
			t.Helper()
			started, err := nodetest.Decode[spec.StartResponse](a)
			if err != nil {
				t.Fatal(err)
			}
			return n.WaitEnd(started.SessionId, status)
		}
		planned := send(mapped+"&dryRun=true&deleteMissing=true&maxDeletePercent=100", strings.Replace(file, "p-3;;1\n", "", 1), spec.COMPLETED)
		n.Put("main", "p-4", "moved")
		if stale := ended(apply(planned, http.StatusAccepted), spec.FAILED); *stale.ErrorCode != "PLAN_STALE" || n.Count("main") != 2 {
			t.Errorf("a plan of an earlier time: %s", nodetest.Show(stale))
		}
		nodetest.Eventually(t, "the file of a plan that was tried is not kept", func() bool {
			kept, err := n.Store.KeepsUpload(t.Context(), planned.SessionId.String())
			return err == nil && !kept
		})
		if a := apply(planned, http.StatusConflict); !strings.Contains(string(a.Body), "PLAN_EXPIRED") {
			t.Errorf("a plan without its file: %s", a.Body)
		}
		planned = send(mapped+"&dryRun=true&deleteMissing=true&maxDeletePercent=100", strings.Replace(file, "p-3;;1\n", "", 1), spec.COMPLETED)
		applied := ended(apply(planned, http.StatusAccepted), spec.COMPLETED)
		if applied.Created != 2 || applied.Deleted != 2 || applied.Rejected != 1 || value(applied.PlanId) != planned.SessionId || n.Count("main") != 2 {
			t.Errorf("applied as %s", nodetest.Show(applied))
		}
		if a := apply(planned, http.StatusConflict); !strings.Contains(string(a.Body), "PLAN_APPLIED") {
			t.Errorf("a plan that was applied: %s", a.Body)
		}
		for body, status := range map[string]int{`{"action":"import"}`: http.StatusBadRequest, `{"action":"pull","planId":"` + s.SessionId.String() + `"}`: http.StatusConflict} {
			if a := n.Call("alice", http.MethodPost, nodetest.StartPath, body); a.Status != status {
				t.Errorf("%s: %d %s", body, a.Status, a.Body)
			}
		}
		ended(n.Call("alice", http.MethodPost, nodetest.StartPath+"/"+applied.SessionId.String()+"/revert", "{}"), spec.COMPLETED)
		n.Delete("main", "p-4")
		if err := n.Store.DropUpload(t.Context(), s.SessionId.String()); err != nil {
			t.Fatal(err)
		}
		s = send(mapped+"&deleteMissing=true", file, spec.COMPLETED)
		if s.Created != 2 || s.Rejected != 2 || s.Deleted != 0 || *s.TotalRecords != 4 || s.Direction != spec.Import || n.Count("main") != 3 ||
			!strings.Contains(s.CurrentStep, "1 duplicate id: p-2 (lines 2 and 5); the last line counts; 2 of 4 products were refused") {
			t.Errorf("imported as %s", nodetest.Show(s))
		}
		if a := n.Call("alice", http.MethodGet, nodetest.StartPath+"/"+s.SessionId.String()+"/rejects", ""); !strings.Contains(string(a.Body), "name is required (line 6)") || !strings.Contains(string(a.Body), "(line 4)") {
			t.Errorf("refused: %s", a.Body)
		}
		if failed := send("?maxRefused=1", "id,name\na,\nb,\nc,C\n", spec.FAILED); *failed.ErrorCode != "TOO_MANY_REFUSED" || n.Count("main") != 3 {
			t.Errorf("too many refused: %s", nodetest.Show(failed))
		}
		if failed := send("", "", spec.FAILED); *failed.ErrorCode != "FEED_EMPTY" {
			t.Errorf("an empty file: %s", nodetest.Show(failed))
		}
		if a := n.Call("alice", http.MethodPost, path+"?preset=magento", "id,name\n"); a.Status != http.StatusBadRequest {
			t.Errorf("a preset that is none: %d %s", a.Status, a.Body)
		}
		a := n.Call("alice", http.MethodPost, path+"/preview"+columns, file)
		if p, err := nodetest.Decode[spec.ImportPreview](a); a.Status != http.StatusOK || err != nil || p.Format != "csv" || len(p.Records) != 5 || p.Records[0].Product.Name != "Ball" || p.Records[2].Refused == nil {
			t.Errorf("the preview: %d %s", a.Status, a.Body)
		}
		if a := n.Call("alice", http.MethodPost, path+"/preview", "<!doctype html><html>"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("the preview of a page: %d %s", a.Status, a.Body)
		}
		a = n.Call("alice", http.MethodPost, path+"/preview", strings.ReplaceAll(file, "id;", "Artikelnummer;"))
		if u, err := nodetest.Decode[spec.ImportUnclear](a); a.Status != http.StatusUnprocessableEntity || err != nil || !slices.Equal(*u.Columns, []string{"Artikelnummer", "Bezeichnung", "price"}) ||
			!maps.Equal(*u.Proposed, map[string]string{"id": "Artikelnummer", "name": "Bezeichnung"}) || *u.Delimiter != ";" {
			t.Errorf("the preview of a file with columns that nobody knows: %d %s", a.Status, a.Body)
		}

		a = n.Call("alice", http.MethodPost, nodetest.StartPath+"/"+s.SessionId.String()+"/revert", "{}")
		reverted, err := nodetest.Decode[spec.StartResponse](a)
		if err != nil || a.Status != http.StatusAccepted {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if n.WaitEnd(reverted.SessionId, spec.COMPLETED); n.Count("main") != 1 {
			t.Errorf("reverted, %d products are left", n.Count("main"))
		}
		held := n.Orphan()
		if a := n.Call("alice", http.MethodPost, path, file); a.Status != http.StatusConflict || !strings.Contains(string(a.Body), held.ID) {
			t.Errorf("beside another session: %d %s", a.Status, a.Body)
		}
		nodetest.Eventually(t, "no file is kept", func() bool {
			var kept int
			return n.Store.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM sync_upload_parts").Scan(&kept) == nil && kept == 0
		})
	})
}
