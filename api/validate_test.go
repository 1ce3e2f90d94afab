package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"fullsync/internal/auth"
)

func TestValidation(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const cancelPath, peersPath = startPath + "/cancel", "/api/admin/sync/peers"
	id64 := strings.Repeat("a", 64)
	for _, c := range []struct {
		method, path, body string
		title              string
		field, problem     string
	}{
		// What the contract has a sentence of its own for.
		{"POST", cancelPath, ``, "Session ID is required", "sessionId", "is required"},
		{"POST", cancelPath, `{}`, "Session ID is required", "sessionId", "is required"},
		{"POST", cancelPath, `{"sessionId":""}`, "Session ID is required", "sessionId", "is required"},
		{"POST", cancelPath, `{"sessionId":null}`, "Session ID is required", "sessionId", "is required"},
		{"POST", cancelPath, `{"sessionid":"` + sessionA + `"}`, "Session ID is required", "sessionId", "is required"},
		{"POST", startPath, ``, "Action is required", "action", "is required"},
		{"POST", startPath, ` `, "Action is required", "action", "is required"},
		{"POST", startPath, `{}`, "Action is required", "action", "is required"},
		{"POST", startPath, `{"action":"","targetPeer":"a"}`, "Action is required", "action", "is required"},
		{"POST", startPath, `{"action":"pull"}`, "Target peer is required", "targetPeer", "is required"},
		{"POST", startPath, `{"action":"pull","targetPeer":null}`, "Target peer is required", "targetPeer", "is required"},
		{"POST", startPath, `{"action":"pull","targetPeer":""}`, "Target peer is required", "targetPeer", "is required"},
		{"POST", startPath, `{"action":"pull","targetPeer":{}}`, "Target peer is required", "targetPeer", "is required"},
		{"POST", startPath, `{"action":"pull","targetPeer":{"nodeId":""}}`, "Target peer is required", "targetPeer", "is required"},

		// Wrong shapes, each naming the field.
		{"POST", cancelPath, `{"sessionId":"5"}`, "Invalid request", "sessionId", "must be a UUID"},
		{"POST", cancelPath, `{"sessionId":5}`, "Invalid request", "sessionId", "must be a string"},
		{"POST", cancelPath, `{"sessionId":"` + sessionA + `","reason":` + `"` + strings.Repeat("é", 501) + `"}`, "Invalid request", "reason", "must have at most 500 characters"},
		{"POST", cancelPath, `{"sessionId":"` + sessionA + `","reason":7}`, "Invalid request", "reason", "must be a string"},
		{"POST", startPath, `{"action":1,"targetPeer":"a"}`, "Invalid request", "action", "must be a string"},
		{"POST", startPath, `{"action":"sideways","targetPeer":"a"}`, "Invalid request", "action", "must be pull or push"},
		{"POST", startPath, `{"action":"pull","targetPeer":7}`, "Invalid request", "targetPeer", "must be a peer's node id or an object with nodeId"},
		{"POST", startPath, `{"action":"pull","targetPeer":["a"]}`, "Invalid request", "targetPeer", "must be a peer's node id or an object with nodeId"},
		{"POST", startPath, `{"action":"pull","targetPeer":"-a"}`, "Invalid request", "targetPeer", "must be a peer's node id or an object with nodeId"},
		{"POST", startPath, `{"action":"pull","targetPeer":{"nodeId":7}}`, "Invalid request", "targetPeer", "must be a peer's node id or an object with nodeId"},
		{"POST", startPath, `{"action":"pull","targetPeer":"` + id64 + `a"}`, "Invalid request", "targetPeer", "must be a peer's node id or an object with nodeId"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","catalog":"../x"}`, "Invalid request", "catalog", "must be 1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or digit"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","catalog":7}`, "Invalid request", "catalog", "must be a string"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":[]}`, "Invalid request", "options", "must be an object"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"batchSize":0}}`, "Invalid request", "options.batchSize", "must be at least 1"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"batchSize":5001}}`, "Invalid request", "options.batchSize", "must be at most 5000"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"batchSize":"10"}}`, "Invalid request", "options.batchSize", "must be a whole number"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"batchSize":1.5}}`, "Invalid request", "options.batchSize", "must be a whole number"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"batchSize":null}}`, "Invalid request", "options.batchSize", "must not be null"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"maxProductsPerSecond":-1}}`, "Invalid request", "options.maxProductsPerSecond", "must be at least 0"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"verifyAfterSync":"yes"}}`, "Invalid request", "options.verifyAfterSync", "must be true or false"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"method":"ftp"}}`, "Invalid request", "options.method", "must be one of backup, http"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"timeoutSeconds":0}}`, "Invalid request", "options.timeoutSeconds", "must be at least 1"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","options":{"timeoutSeconds":604801}}`, "Invalid request", "options.timeoutSeconds", "must be at most 604800"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","ifRunning":"wait"}`, "Invalid request", "ifRunning", "must be one of fail, attach, replace"},
		{"POST", startPath, `{"action":"pull","targetPeer":"a","ifRunning":null}`, "Invalid request", "ifRunning", "must not be null"},
		{"POST", startPath + "/" + sessionA + "/resume", `{"force":true}`, "Invalid request", "force", "is not known"},
		{"POST", startPath + "/" + sessionA + "/resume", `[]`, "Invalid request", "body", "must be a JSON object"},
		{"POST", startPath + "/x/resume", ``, "Invalid request", "sessionId", "must be a UUID"},
		{"GET", startPath + "/x/receipt", ``, "Invalid request", "sessionId", "must be a UUID"},
		{"POST", peersPath, `{"nodeId":"a"}`, "Invalid request", "url", "is required"},
		{"POST", peersPath, `{"url":"http://x"}`, "Invalid request", "nodeId", "is required"},
		{"POST", peersPath, `{"nodeId":"a","url":"http://x","kind":"ftp"}`, "Invalid request", "kind", "must be one of node, feed"},
		{"POST", peersPath, `{"nodeId":"a","url":"http://x","lastSeen":null}`, "Invalid request", "lastSeen", "is not known"},
		{"POST", peersPath, `{"nodeId":"a","url":"` + strings.Repeat("u", 2049) + `"}`, "Invalid request", "url", "must have at most 2048 characters"},
		{"POST", peersPath, `{"nodeId":"a","url":"http://x","token":"` + strings.Repeat("t", 8193) + `"}`, "Invalid request", "token", "must have at most 8192 characters"},
		{"PATCH", peersPath + "/branch-2", `{}`, "Invalid request", "body", "must name at least one member to change"},
		{"PATCH", peersPath + "/branch-2", `{"nodeId":"b"}`, "Invalid request", "nodeId", "is not known"},
		{"PATCH", peersPath + "/branch-2", `{"isActive":null}`, "Invalid request", "isActive", "must not be null"},
		{"PATCH", peersPath + "/branch-2", ``, "Invalid request", "body", "is missing"},

		// Parameters.
		{"GET", startPath + "/not-a-uuid", ``, "Invalid request", "sessionId", "must be a UUID"},
		{"GET", peersPath + "/-x", ``, "Invalid request", "nodeId", "must be 1 to 64 letters, digits, dots, underscores and hyphens, the first a letter or digit"},
		{"GET", startPath + "?status=RUNNING", ``, "Invalid request", "status.0", "must be one of PREPARING, TRANSFERRING, COMPLETED, FAILED, CANCELLED"},
		{"GET", startPath + "?pageSize=0", ``, "Invalid request", "pageSize", "must be at least 1"},
		{"GET", startPath + "?pageSize=many", ``, "Invalid request", "pageSize", "must be a whole number from 1 to 2147483647"},
		{"GET", startPath + "?pageSize=99999999999999999999", ``, "Invalid request", "pageSize", "must be a whole number from 1 to 2147483647"},
		{"GET", startPath + "?startedAfter=yesterday", ``, "Invalid request", "startedAfter", "must be a time such as 2026-01-31T10:00:00Z"},
		{"GET", startPath + "?startedAfter=2026-02-30T10:00:00Z", ``, "Invalid request", "startedAfter", "must be a time such as 2026-01-31T10:00:00Z"},
		{"GET", startPath + "?pageToken=rubbish", ``, "Invalid request", "pageToken", "must be a nextPageToken of this listing; begin again without it"},
		{"GET", startPath + "?catalog=%zz", ``, "Invalid request", "query", "must be percent-encoded correctly"},
		{"GET", startPath + "/status?catalog=a/b", ``, "Invalid request", "catalog", "must be 1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or digit"},
		{"GET", "/api/catalogs/main/products?q=%00", ``, "Invalid request", "q", "must not have NUL characters"},
		{"GET", "/api/catalogs/main/products?q=%ff", ``, "Invalid request", "q", "must be valid UTF-8"},
		{"GET", "/api/catalogs/main/products/a%00b", ``, "Invalid request", "id", "must not have NUL characters"},
		{"GET", "/api/catalogs/main/products/" + strings.Repeat("x", 256), ``, "Invalid request", "id", "must have at most 255 characters"},
		{"GET", "/api/catalogs/-/products", ``, "Invalid request", "catalog", "must be 1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or digit"},
		{"GET", "/api/node/catalogs/main/products?limit=5001", ``, "Invalid request", "limit", "must be at most 5000"},
		{"GET", "/api/node/catalogs/main/hashes?limit=-1", ``, "Invalid request", "limit", "must be at least 1"},
		{"GET", "/api/node/catalogs/main/hashes?after=%00", ``, "Invalid request", "after", "must not have NUL characters"},
	} {
		a := n.call(c.method, c.path, c.body)
		if a.status != http.StatusBadRequest || a.member("error") != c.title || a.details()[c.field] != c.problem {
			t.Errorf("%s %s %.80s:\n got %d %.400s\nwant 400 %q %q %q", c.method, c.path, c.body, a.status, a.body, c.title, c.field, c.problem)
		}
	}
}

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	n := setup(t)
	deep := func(n int) string {
		return `{"action":"pull","targetPeer":"a","options":` + strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) + "}"
	}
	for name, c := range map[string]struct{ body, problem string }{
		"null":               {`null`, "must be a JSON object"},
		"array":              {`[]`, "must be a JSON object"},
		"string":             {`"pull"`, "must be a JSON object"},
		"number":             {`7`, "must be a JSON object"},
		"cut":                {`{"action":"pull"`, "ends too early"},
		"cut in a string":    {`{"action":"pu`, "ends too early"},
		"trailing object":    {`{"action":"pull","targetPeer":"a"}{}`, "must be one JSON object and nothing after it"},
		"trailing garbage":   {`{"action":"pull","targetPeer":"a"}x`, "must be one JSON object and nothing after it"},
		"duplicate":          {`{"action":"push","action":"pull","targetPeer":"a"}`, "has a member twice"},
		"duplicate, nested":  {`{"action":"pull","targetPeer":{"nodeId":"a","nodeId":"b"}}`, "has a member twice"},
		"duplicate, escaped": {`{"action":"pull","\u0061ction":"push","targetPeer":"a"}`, "has a member twice"},
		"NaN":                {`{"action":"pull","targetPeer":"a","options":{"batchSize":NaN}}`, "must be valid JSON"},
		"Infinity":           {`{"action":"pull","targetPeer":"a","options":{"batchSize":-Infinity}}`, "must be valid JSON"},
		"comment":            {`{/**/"action":"pull"}`, "must be valid JSON"},
		"single quotes":      {`{'action':'pull'}`, "must be valid JSON"},
		"invalid UTF-8":      {"{\"action\":\"\xff\"}", "must be valid JSON"},
		"lone surrogate":     {`{"action":"\ud800"}`, "must be valid JSON"},
		"NUL":                {`{"action":"pull","targetPeer":"a\u0000"}`, "must not have NUL characters"},
		"NUL in a name":      {`{"action":"pull","a\u0000":"a"}`, "must not have NUL characters"},
		"deep":               {deep(40), "is nested too deep"},
		"very deep":          {deep(100_000), "is nested too deep"},
		"byte order mark":    {"\ufeff{}", "must be valid JSON"},
	} {
		a := n.call("POST", startPath, c.body)
		if a.status != http.StatusBadRequest || a.member("error") != "Invalid request" || a.details()["body"] != c.problem {
			t.Errorf("%s: %d %s, want %q", name, a.status, a.body, c.problem)
		}
	}
	// Numbers that no machine type holds are no reason to panic.
	for _, number := range []string{"1e400", "-1e400", "123456789012345678901234567890", "1e-400", "0.0000001"} {
		a := n.call("POST", startPath, `{"action":"pull","targetPeer":"a","options":{"batchSize":`+number+`}}`)
		if a.status != http.StatusBadRequest || a.details()["options.batchSize"] == "" {
			t.Errorf("batchSize %s: %d %s", number, a.status, a.body)
		}
	}
}

// TestProblemsNeverRepeatValues: a value may be a secret that was put into the wrong member.
func TestProblemsNeverRepeatValues(t *testing.T) {
	t.Parallel()
	n := setup(t)
	a := n.call("POST", "/api/admin/sync/peers", `{"nodeId":"hunter2 hunter2","url":"","token":["hunter2"],"kind":"hunter2","nodeName":{"hunter2":1}}`)
	if a.status != http.StatusBadRequest || len(a.details()) < 4 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if strings.Contains(a.body, "hunter2") || strings.Contains(n.log.String(), "hunter2") {
		t.Errorf("a value is repeated: %s", a.body)
	}
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	n := setup(t)
	send := func(body io.Reader, length int64, contentType string) answer {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url+startPath, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		req.Header.Set("Authorization", "Bearer "+n.token(auth.RoleAdmin))
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		return n.do(req)
	}
	blank := func(size int64) io.Reader { return io.LimitReader(blanks{}, size) }
	if a := send(blank(100<<20), 100<<20, "application/json"); a.status != http.StatusRequestEntityTooLarge || a.member("code") != "BODY_TOO_LARGE" {
		t.Errorf("100 MB: %d %s", a.status, a.body)
	}
	if a := send(blank(2<<20), -1, "application/json"); a.status != http.StatusRequestEntityTooLarge || a.member("code") != "BODY_TOO_LARGE" {
		t.Errorf("2 MB of unknown length: %d %s", a.status, a.body)
	}
	if a := send(blank(1<<20), 1<<20, "application/json"); a.status != http.StatusBadRequest {
		t.Errorf("exactly the limit, of blanks: %d %s", a.status, a.body)
	}
	const good = `{"action":"pull","targetPeer":"a"}`
	for contentType, status := range map[string]int{
		"application/json":                  202,
		"application/json; charset=utf-8":   202,
		"Application/JSON":                  202,
		"":                                  415,
		"text/plain":                        415,
		"application/x-www-form-urlencoded": 415,
		"application/xml":                   415,
		"application/json; charset":         415,
	} {
		if a := send(strings.NewReader(good), int64(len(good)), contentType); a.status != status {
			t.Errorf("%q: %d %s, want %d", contentType, a.status, a.body, status)
		}
	}
	if a := n.call("POST", startPath, good, "Content-Encoding", "gzip"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body: %d %s", a.status, a.body)
	}
}

// blanks is an endless body of blanks.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
