package api_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"fullsync/api"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// imports reads what it is sent to the end, and begins nothing.
type imports struct{}

func (imports) Begin(_ context.Context, in io.Reader, req syncer.ImportRequest) (syncer.Started, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return syncer.Started{}, err
	}
	v := running()
	v.Direction, v.CurrentStep = session.Import, "Preparing to import "+req.Options.Import.Name+" "+string(text)
	return syncer.Started{Session: v}, nil
}

func (imports) Preview(in io.Reader, f session.Feed, n int) (api.Preview, error) {
	text, err := io.ReadAll(in)
	return api.Preview{
		Summary: string(text), Format: f.Format, Encoding: "UTF-8", Fields: f.Map,
		Records: []catalog.Record{{Line: n, Product: someProducts("a")[0].Product}, {Line: 3, Reject: &catalog.Reject{Reason: "name is required"}}},
	}, err
}

func TestImportOfAFile(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/catalogs/main/imports"
	const form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\\\dir\\\\a.csv\"\r\n\r\nid\r\n--x--\r\n"
	for name, test := range map[string]struct{ query, kind, body, step string }{
		"a file":         {"?name=a.csv", "text/csv", "id,name", "Preparing to import a.csv id,name"},
		"a typeless one": {"?map=id%3Dx&map=name%3Dy&default=currency%3DEUR", "", "id", "Preparing to import  id"},
		"a form":         {"", "multipart/form-data; boundary=x", form, "Preparing to import a.csv id"},
	} {
		a := n.call("POST", path+test.query, test.body, "Content-Type", test.kind)
		if a.status != http.StatusAccepted || a.header.Get("Location") == "" || !strings.Contains(a.body, test.step) || !strings.Contains(a.body, `"direction":"import"`) {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
	}
	for name, test := range map[string]struct {
		query, kind, body string
		status            int
	}{
		"a map without a column": {"?map=id", "text/csv", "id", 400},
		"the same field twice":   {"?map=id%3Dx&map=id%3Dy", "text/csv", "id", 400},
		"a form without a file":  {"", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n", 400},
		"a form that is cut":     {"", "multipart/form-data; boundary=x", form[:40], 400},
		"too many deletes":       {"?maxDeletePercent=101", "text/csv", "id", 400},
	} {
		if a := n.call("POST", path+test.query, test.body, "Content-Type", test.kind); a.status != test.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := n.call("POST", path+"/preview?format=csv&map=id%3Dx", "id,name", "Content-Type", "text/csv")
	if a.status != 200 || !strings.Contains(a.body, `"summary":"id,name","format":"csv"`) || !strings.Contains(a.body, `"fields":{"id":"x"}`) ||
		!strings.Contains(a.body, `{"line":3,"product":null,"refused":"name is required"}`) || !strings.Contains(a.body, `"records":[{"line":10,"product":{"id":"a"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = n.call("POST", path+"/preview", strings.Repeat("x", 4<<20+1), "Content-Type", "text/csv"); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long preview: %d %s", a.status, a.body)
	}
}
