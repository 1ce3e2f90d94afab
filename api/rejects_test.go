package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

const rejectsPath = startPath + "/" + sessionA + "/rejects"

func TestListRejects(t *testing.T) {
	t.Parallel()
	n := setup(t)
	type asked struct {
		id    string
		after int64
		limit int
	}
	var got asked
	n.rejects = func(id string, after int64, limit int) (page []session.Reject, err error) {
		got = asked{id, after, limit}
		for number := after + 1; number <= min(after+int64(limit), 5); number++ {
			page = append(page, session.Reject{SessionID: id, Number: number, ProductID: fmt.Sprint("p-", number), Reason: "name is required"})
		}
		return page, nil
	}
	var numbers []string
	token := ""
	for page := range 3 {
		a := n.call("GET", rejectsPath+"?pageSize=2&pageToken="+token, "")
		if want := (asked{sessionA, int64(2 * page), 3}); a.status != 200 || got != want {
			t.Fatalf("page %d: %d, asked for %+v, want %+v: %s", page, a.status, got, want, a.body)
		}
		for _, r := range a.member("rejects").([]any) {
			numbers = append(numbers, fmt.Sprint(r.(map[string]any)["number"]))
		}
		token, _ = a.member("nextPageToken").(string)
		if (token == "") != (page == 2) {
			t.Errorf("page %d: next is %q", page, token)
		}
	}
	if strings.Join(numbers, " ") != "1 2 3 4 5" {
		t.Errorf("numbers %v", numbers)
	}
	if a := n.call("GET", rejectsPath+"?pageSize=5", ""); a.status != 200 || a.member("nextPageToken") != nil {
		t.Errorf("a last page that is full: %d %s", a.status, a.body)
	}
	for query, limit := range map[string]int{"": 21, "?pageSize=100": 101, "?pageSize=5000": 101, "?pageToken=": 21} {
		if a := n.call("GET", rejectsPath+query, ""); a.status != 200 || got.limit != limit || got.after != 0 {
			t.Errorf("%s: %d, asked for %+v, want limit %d", query, a.status, got, limit)
		}
	}

	token, _ = n.call("GET", rejectsPath+"?pageSize=2", "").member("nextPageToken").(string)
	for what, path := range map[string]string{
		"of another session":      strings.Replace(rejectsPath, "5245", "5246", 1),
		"in the list of sessions": startPath,
		"in a list of products":   "/api/catalogs/main/products",
	} {
		if a := n.call("GET", path+"?pageToken="+token, ""); a.status != 400 || a.details()["pageToken"] == "" {
			t.Errorf("a token %s: %d %s", what, a.status, a.body)
		}
	}
	for query, field := range map[string]string{"?pageToken=rubbish": "pageToken", "?pageSize=0": "pageSize", "?pageSize=x": "pageSize"} {
		if a := n.call("GET", rejectsPath+query, ""); a.status != 400 || a.details()[field] == "" {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestRejectsWithoutAny(t *testing.T) {
	t.Parallel()
	n := setup(t)
	if a := n.call("GET", rejectsPath, ""); a.status != 200 || strings.TrimSpace(a.body) != `{"success":true,"rejects":[],"nextPageToken":null}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.rejects = func(string, int64, int) ([]session.Reject, error) {
		return nil, fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found", "There is none.")
	}
	if a := n.call("GET", rejectsPath, ""); a.status != http.StatusNotFound || a.member("error") != "Sync session not found" {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
	if a := n.call("GET", startPath+"/17/rejects", ""); a.status != 400 {
		t.Errorf("no id: %d %s", a.status, a.body)
	}
}

// TestRejectsShowForeignTextSafely: what a source wrote is text to show, short, and does nothing to what stands around it.
func TestRejectsShowForeignTextSafely(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for _, c := range []struct{ id, reason, want string }{
		{"p-1", "name is required", `{"number":1,"productId":"p-1","reason":"name is required"}`},
		{"", "id is required", `{"number":1,"productId":null,"reason":"id is required"}`},
		{`<img src=x onerror="x()">`, "no", `{"number":1,"productId":"\u003cimg src=x onerror=\"x()\"\u003e","reason":"no"}`},
		{"日本語/🛍️ é", "no", `{"number":1,"productId":"日本語/🛍️ é","reason":"no"}`},
		{"a\u202egpj.exe\u2066", "\x1b[2J\nno", `{"number":1,"productId":"a\ufffdgpj.exe\ufffd","reason":"\ufffd[2J\ufffdno"}`},
		{strings.Repeat("é", 255), "no", `{"number":1,"productId":"` + strings.Repeat("é", 255) + `","reason":"no"}`},
		{strings.Repeat("é", 256), strings.Repeat("x", 2<<20), `{"number":1,"productId":"` + strings.Repeat("é", 254) + `…","reason":"` + strings.Repeat("x", 499) + `…"}`},
	} {
		n.rejects = func(string, int64, int) ([]session.Reject, error) {
			return []session.Reject{{SessionID: sessionA, Number: 1, ProductID: c.id, Reason: c.reason}}, nil
		}
		a := n.call("GET", rejectsPath, "")
		want := `{"success":true,"rejects":[` + strings.ReplaceAll(c.want, `\ufffd`, "\ufffd") + `],"nextPageToken":null}`
		if a.status != 200 || strings.TrimSpace(a.body) != want {
			t.Errorf("%d\n got %.900s\nwant %.900s", a.status, a.body, want)
		}
	}
}
