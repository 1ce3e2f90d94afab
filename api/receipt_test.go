package api_test

import (
	"net/http"
	"strings"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// finished is a session that was resumed, taken over and cancelled, so that nothing in its receipt is empty.
func finished() session.Receipt {
	s := cancelled().Session
	done, heartbeat := at(4).Add(250_499_000), at(1)
	s.CompletedAt = &done
	s.Counts = session.Counts{Created: 700, Updated: 8, Unchanged: 50, Deleted: 2, Rejected: 3, TransferredBytes: 130211}
	s.FirstKey, s.LastKey, s.Cursor, s.BatchSeq, s.Attempts, s.Retries = "p-1", "p-9", "AQhi", 8, 2, 1
	s.Repaired, s.ReadWhole = 4, "It was asked for."
	s.Certificate = session.Certificates{Source: &session.Certificate{SHA256: "aa", Products: 7}}.String()
	s.Options.DeleteMissing, s.Options.MaxDeletes, s.Options.MaxDeletePercent = true, 20, 5
	s.Options.ApprovedDeletes = "0f0c7e6a-9b1d-4c52-8a51-3d1f7f8f2f10"
	s.ResumedFrom, s.ResumedRecords = "0f0c7e6a-9b1d-4c52-8a51-3d1f7f8f2f10", 100
	return session.NewReceipt(s, []session.Takeover{
		{SessionID: s.ID, Fence: 1, Worker: "main-2", HeartbeatAt: &heartbeat, At: at(2), BatchSeq: 3},
		{SessionID: s.ID, Fence: 4, Worker: "main-3", At: at(3), BatchSeq: 4},
	})
}

const finishedReceipt = `{"sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186","catalog":"main","direction":"pull","sourceNodeId":"branch-2",` +
	`"targetNodeId":"main-1","status":"CANCELLED","totalRecords":1067,"transferredRecords":758,"created":700,"updated":8,"unchanged":50,` +
	`"deleted":2,"rejected":3,"firstKey":"p-1","lastKey":"p-9","cursor":"AQhi","batches":8,"transferredBytes":130211,` +
	`"startedAt":"2026-01-31T10:00:00Z","completedAt":"2026-01-31T10:00:04.250499Z","durationSeconds":4.25,"attempts":2,"retries":1,` +
	`"takeovers":[{"worker":"main-2","fence":1,"lastHeartbeatAt":"2026-01-31T10:00:01Z","at":"2026-01-31T10:00:02Z","batches":3},` +
	`{"worker":"main-3","fence":4,"lastHeartbeatAt":null,"at":"2026-01-31T10:00:03Z","batches":4}],"startedBy":"alice",` +
	`"resumedFrom":"0f0c7e6a-9b1d-4c52-8a51-3d1f7f8f2f10","resumedRecords":100,"cancelledBy":"alice","cancelReason":"wrong peer",` +
	`"errorMessage":"Cancelled by alice: wrong peer","errorCode":null,"outcome":null,"deletesWithheld":0,"repaired":4,"readWhole":"It was asked for.",` +
	`"certificates":{"source":{"sha256":"aa","products":7},"target":null},"options":{"batchSize":100,"maxProductsPerSecond":0,"verifyAfterSync":false,` +
	`"compressionEnabled":true,"timeoutSeconds":3600,"readEverything":false,"deleteMissing":true,"maxDeletes":20,"maxDeletePercent":5,"dryRun":false,` +
	`"approvedDeletes":"0f0c7e6a-9b1d-4c52-8a51-3d1f7f8f2f10"},"statement":"Batch 8, up to product p-9, was the last one committed; none can follow it.","revertOf":null}`

func TestReceipt(t *testing.T) {
	t.Parallel()
	n := setup(t)
	asked := ""
	n.receipt = func(id string) (session.Receipt, error) { asked = id; return finished(), nil }
	const path = startPath + "/" + sessionA + "/receipt"
	a := n.call("GET", path, "")
	if want := `{"success":true,"receipt":` + finishedReceipt + `}`; a.status != 200 || asked != sessionA || strings.TrimSpace(a.body) != want {
		t.Errorf("%d, of %q\n got %s\nwant %s", a.status, asked, a.body, want)
	}

	n.receipt = func(string) (session.Receipt, error) {
		return session.NewReceipt(session.Session{ID: sessionA, Direction: session.Pull, Status: session.Failed}, nil), nil
	}
	a = n.call("GET", path, "")
	for _, empty := range []string{`"firstKey":null,"lastKey":null,"cursor":null,"batches":0`, `"takeovers":[]`, `"resumedFrom":null`, `"cancelledBy":null`} {
		if a.status != 200 || !strings.Contains(a.body, empty) {
			t.Errorf("of a session that did nothing: %d %s, want %s", a.status, a.body, empty)
		}
	}

	for code, err := range map[string]*fault.Error{
		"SESSION_NOT_FOUND": fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found", "No."),
		"SESSION_ACTIVE":    fault.New(fault.Conflict, "SESSION_ACTIVE", "Sync session is not finished", "No."),
	} {
		n.receipt = func(string) (session.Receipt, error) { return session.Receipt{}, err }
		a = n.call("GET", path, "")
		want := map[string]int{"SESSION_NOT_FOUND": http.StatusNotFound, "SESSION_ACTIVE": http.StatusConflict}[code]
		if a.status != want || a.member("code") != code {
			t.Errorf("%s: %d %s", code, a.status, a.body)
		}
	}
}

// TestReceiptIsShownWithTheSession: from its end on, and not before; TestSessionShowsEveryMember has the null.
func TestReceiptIsShownWithTheSession(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.receipt = func(string) (session.Receipt, error) { return finished(), nil }
	n.get = func(string) (session.View, error) { return cancelled(), nil }
	a := n.call("GET", startPath+"/"+sessionA, "")
	if a.status != 200 || !strings.HasSuffix(strings.TrimSpace(a.body), `,"receipt":`+finishedReceipt+`}`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.get = func(string) (session.View, error) { return running(), nil }
	n.receipt = func(string) (session.Receipt, error) {
		t.Error("an active session has no receipt to ask for")
		return session.Receipt{}, nil
	}
	if a = n.call("GET", startPath+"/"+sessionA, ""); a.status != 200 || a.member("receipt") != nil {
		t.Errorf("%d %s", a.status, a.body)
	}
}
