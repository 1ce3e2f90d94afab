package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/nodetest"
)

// badProducts are lines that a different kind of source could send, each with what main says about it.
func badProducts() (lines []string, want []spec.Reject) {
	add := func(line, id, reason string) {
		r := spec.Reject{Number: int64(len(want) + 1), Reason: reason}
		if id != "" {
			r.ProductId = &id
		}
		lines, want = append(lines, `{"product":`+line+"}\n"), append(want, r)
	}
	add(`{"id":"A-1","name":""}`, "A-1", "name is required")
	add(`{"id":"A-2","name":"x","price":"12,50"}`, "A-2", "price must be a decimal such as 12.50, not \"12,50\"")
	add(`{"name":"<script>alert(1)</script>"}`, "", "id is required")
	add(`{"id":"A\u202E3<b>'; --","name":7}`, "A\ufffd3<b>'; --", "name must be a JSON string, not a number")
	add(`{"id":"`+strings.Repeat("long", 1000)+`","name":"x"}`, "", "id must be at most 255 bytes long, not 4000")
	add(`{"id":"A-6","name":"x","currency":"`+strings.Repeat("gold ", 1000)+`"}`, "A-6",
		"currency must be three letters such as EUR, not \""+strings.Repeat("gold ", 8)+"…\"")
	return lines, want
}

// TestRejectsAreShown makes main refuse six products on the first page and one on the last, and reads what it says about them,
// page by page, while the session runs and after it has ended.
func TestRejectsAreShown(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 30, nodetest.Config{})
		lines, want := badProducts()
		reached, opened := make(chan struct{}), make(chan struct{})
		var asked atomic.Int64
		pair.Wire.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.HasSuffix(r.URL.Path, nodetest.ProductsPath) {
				next.ServeHTTP(w, r)
				return
			}
			switch asked.Add(1) {
			case 1:
				withLines(w, r, next, lines)
			case 3:
				close(reached)
				select {
				case <-opened:
					withLines(w, r, next, []string{`{"product":{"id":"zzz"}}` + "\n"})
				case <-r.Context().Done():
				}
			default:
				next.ServeHTTP(w, r)
			}
		})
		size := 10
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size, CompressionEnabled: new(false)}})
		nodetest.Await(t, "the third page", reached)
		s = pair.Main.WaitFor(s.SessionId, "two batches", func(s spec.Session) bool { return s.TransferredRecords == 14 })
		if s.Rejected != 6 {
			t.Errorf("%d rejects are counted: %s", s.Rejected, nodetest.Show(s))
		}
		sameRejects(t, "while it runs", rejectsOf(t, pair.Main, s.SessionId, 4), want)

		close(opened)
		s = pair.Main.WaitEnd(s.SessionId, spec.COMPLETED)
		checkCounts(t, s, counts{transferred: 23, created: 23, rejected: 7})
		last := "zzz"
		want = append(want, spec.Reject{Number: 7, ProductId: &last, Reason: "name is required"})
		for _, size := range []int{1, 3, 7, 100} {
			sameRejects(t, fmt.Sprint("at the end, by ", size), rejectsOf(t, pair.Main, s.SessionId, size), want)
		}
	})
}

// withLines passes on the uncompressed page of next, but replaces its first lines.
func withLines(w http.ResponseWriter, r *http.Request, next http.Handler, lines []string) {
	page := nodetest.Answered(r, next)
	sent := strings.SplitAfter(string(page.Body), "\n")
	copy(sent, lines)
	w.Header().Set("Content-Type", page.Header.Get("Content-Type"))
	_, _ = w.Write([]byte(strings.Join(sent, "")))
}

// rejectsOf reads all rejects of a session as a viewer, in pages of that size.
func rejectsOf(t *testing.T, node *nodetest.Node, id spec.SessionID, size int) (all []spec.Reject) {
	t.Helper()
	client := node.API("victor", auth.RoleViewer)
	params := &spec.ListFullSyncRejectsParams{PageSize: &size}
	for len(all) <= 100 { // more than any of these sessions has
		r, err := client.ListFullSyncRejectsWithResponse(t.Context(), id, params)
		if err != nil || r.JSON200 == nil || len(r.JSON200.Rejects) > size {
			t.Fatalf("rejects of %s: %v %s", id, err, r.Body)
		}
		all = append(all, r.JSON200.Rejects...)
		if params.PageToken = r.JSON200.NextPageToken; params.PageToken == nil {
			return all
		}
	}
	t.Fatal("the pages do not come to an end")
	return nil
}

func sameRejects(t *testing.T, when string, got, want []spec.Reject) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rejects, want %d", when, len(got), len(want))
		return
	}
	for i := range want {
		if got[i].Number != want[i].Number || value(got[i].ProductId) != value(want[i].ProductId) ||
			(got[i].ProductId == nil) != (want[i].ProductId == nil) || got[i].Reason != want[i].Reason {
			t.Errorf("%s, reject %d: %d %q %q, want %d %q %q", when, i, got[i].Number, value(got[i].ProductId), got[i].Reason,
				want[i].Number, value(want[i].ProductId), want[i].Reason)
		}
	}
}

// TestRejectsOfNoSession asks for rejects that do not exist, and without permission.
func TestRejectsOfNoSession(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.SQLite, 3, nodetest.Config{})
	s := pair.Main.Sync(nodetest.Pull{})
	if none := rejectsOf(t, pair.Main, s.SessionId, 5); len(none) != 0 {
		t.Errorf("nothing was refused, and listed are %+v", none)
	}
	a := pair.Main.Call("alice", http.MethodGet, nodetest.StartPath+"/5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186/rejects", "")
	if refused, err := nodetest.Decode[spec.Error](a); err != nil || a.Status != http.StatusNotFound || refused.Error != "Sync session not found" {
		t.Errorf("an unknown session: %d %s", a.Status, a.Body)
	}
	token := pair.Main.TokenFor("branch", auth.RoleNode)
	a, err := pair.Main.Raw(t.Context(), token, http.MethodGet, nodetest.StartPath+"/"+s.SessionId.String()+"/rejects", "")
	if err != nil || a.Status != http.StatusForbidden {
		t.Errorf("as a node: %d %s, %v", a.Status, a.Body, err)
	}
}
