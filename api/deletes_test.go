package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

const deletesPath = startPath + "/" + sessionA + "/deletes"

func TestDeletesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var states []session.DeleteState
	n.deletes = func(id string, of []session.DeleteState, after string, limit int) (page []session.Delete, err error) {
		if id != sessionA {
			t.Errorf("asked for the deletes of %s", id)
		}
		states = of
		for _, p := range []string{"p-1", "p-2", "p-3"} {
			if p > after && len(page) < limit {
				page = append(page, session.Delete{ProductID: p, State: session.DeleteWithheld})
			}
		}
		return page, nil
	}
	first := n.call("GET", deletesPath+"?pageSize=2&state=withheld", "")
	if want := `"deletes":[{"productId":"p-1","state":"withheld"},{"productId":"p-2","state":"withheld"}]`; !strings.Contains(first.body, want) {
		t.Errorf("the first page is %s", first.body)
	}
	if !slices.Equal(states, []session.DeleteState{session.DeleteWithheld}) {
		t.Errorf("asked for those in %v", states)
	}
	token, _ := first.member("nextPageToken").(string)
	second := n.call("GET", deletesPath+"?pageSize=2&state=withheld&pageToken="+token, "")
	if strings.TrimSpace(second.body) != `{"success":true,"deletes":[{"productId":"p-3","state":"withheld"}],"nextPageToken":null}` {
		t.Errorf("the second page is %s", second.body)
	}
	for name, query := range map[string]string{
		"a token of other filters": "?pageToken=" + token,
		"an unknown state":         "?state=gone",
	} {
		if a := n.call("GET", deletesPath+query, ""); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := n.call("GET", deletesPath, ""); a.status != http.StatusOK || states != nil {
		t.Errorf("without a filter: %d, of %v", a.status, states)
	}
}

func TestDeletesAreApprovedByNumber(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.approve = func(id string, count int64, by string) (session.View, error) {
		if id != sessionA || count != 741 || by != "alice" {
			return session.View{}, fault.New(fault.Conflict, "CANNOT_APPROVE", "Cannot approve deletes", "not %d", count)
		}
		return running(), nil
	}
	a := n.call("POST", deletesPath+"/approve", `{"count":741}`)
	if a.status != http.StatusAccepted || !strings.HasPrefix(a.header.Get("Location"), startPath+"/") || a.member("sessionId") == nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := n.call("POST", deletesPath+"/approve", `{"count":740}`); a.status != http.StatusConflict || a.member("code") != "CANNOT_APPROVE" {
		t.Errorf("another number: %d %s", a.status, a.body)
	}
	for _, body := range []string{`{}`, `{"count":0}`, `{"count":"741"}`, `{"count":1,"all":true}`, ``} {
		if a := n.call("POST", deletesPath+"/approve", body); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}
