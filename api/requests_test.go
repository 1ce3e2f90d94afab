package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fullsync/api"
	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for given, kept := range map[string]bool{
		"abc-1._Z":              true,
		strings.Repeat("a", 64): true,
		strings.Repeat("a", 65): false,
		"with space":            false,
		"ü":                     false,
		`"><script>`:            false,
		"":                      false,
	} {
		got := n.call("GET", "/healthz", "", "X-Request-Id", given).header.Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("%q: %q", given, got)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	n := setup(t)
	for name, c := range map[string]struct {
		err    error
		status int
		title  string
	}{
		"unknown":     {errors.New("pq: password authentication failed for hunter2"), 500, "Internal error"},
		"internal":    {fault.New(fault.Internal, "X", "X", "hunter2"), 500, "Internal error"},
		"wrapped":     {fmt.Errorf("hunter2: %w", fault.New(fault.NotFound, "X_NOT_FOUND", "X not found", "No.")), 404, "X not found"},
		"with cause":  {fault.New(fault.Conflict, "X", "X", "No.").Because(errors.New("hunter2")), 409, "X"},
		"unavailable": {fault.New(fault.Unavailable, "UNAVAILABLE", "Service unavailable", "No.").Because(errors.New("hunter2")), 503, "Service unavailable"},
		"too many":    {fault.New(fault.TooMany, "TOO_MANY", "Too many requests", "No."), 429, "Too many requests"},
		"deadline":    {fmt.Errorf("hunter2: %w", context.DeadlineExceeded), 503, "Service unavailable"},
	} {
		// The cancel describes no 429 and the like; what counts here is the mapper.
		n.cancel = func(context.Context, string, syncer.Cancellation) (session.View, bool, error) {
			return session.View{}, false, c.err
		}
		a := n.raw("POST", startPath+"/cancel", `{"sessionId":"`+sessionA+`"}`, "X-Request-Id", "r-1")
		if a.status != c.status || a.member("error") != c.title || strings.Contains(a.body, "hunter2") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if id := a.member("requestId"); (a.status == 500) != (id == "r-1") {
			t.Errorf("%s: requestId %v", name, id)
		}
		if wait := a.header.Get("Retry-After"); (a.status == 503 || a.status == 429) != (wait == "5") {
			t.Errorf("%s: Retry-After %q", name, wait)
		}
	}
	if !strings.Contains(n.log.String(), "pq: password authentication") {
		t.Error("the cause of a 500 is not in the log")
	}
}

// raw calls without comparing the answer with the document.
func (n *node) raw(method, path, body string, headers ...string) answer {
	n.t.Helper()
	silent := *n
	silent.doc = nil
	return silent.call(method, path, body, headers...)
}

func TestPanicIsA500(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.get = func(string) (session.View, error) { panic("hunter2") }
	a := n.call("GET", startPath+"/"+sessionA, "")
	if a.status != 500 || a.member("code") != "INTERNAL" || strings.Contains(a.body, "hunter2") || a.member("requestId") == nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !strings.Contains(n.log.String(), "stack=") {
		t.Error("the stack is not in the log")
	}
	if a := n.call("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

func TestAnswerThatTakesTooLong(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.Answer = time.Millisecond })
	n.cancel = func(ctx context.Context, _ string, _ syncer.Cancellation) (session.View, bool, error) {
		<-ctx.Done()
		return session.View{}, false, ctx.Err()
	}
	a := n.call("POST", startPath+"/cancel", `{"sessionId":"`+sessionA+`"}`)
	if a.status != http.StatusServiceUnavailable || a.member("code") != "TIMEOUT" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	n := setup(t)
	token := n.token(auth.RoleAdmin)
	n.call("POST", "/api/admin/sync/peers?token=query-secret", `{"nodeId":"a","url":"http://x","token":"body-secret"}`,
		"Authorization", "Bearer "+token, "X-Request-Id", "r-77")
	log := n.log.String()
	for _, secret := range []string{"query-secret", "body-secret", token, "Bearer"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	for _, told := range []string{"request=r-77", "status=201", "subject=alice", "method=POST", "path=/api/admin/sync/peers "} {
		if !strings.Contains(log, told) {
			t.Errorf("%s is not in the log:\n%s", told, log)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const origin = "https://admin.example.com"
	n := setup(t, func(o *api.Options) { o.CORSOrigins = []string{origin} })
	preflight := func(n *node, from string) answer {
		return n.call("OPTIONS", startPath, "", "Authorization", "", "Origin", from,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
	}
	a := preflight(n, origin)
	if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != origin ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "PATCH") {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	if a = preflight(n, "https://evil.example.com"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight from elsewhere: %d %v", a.status, a.header)
	}
	a = n.call("GET", startPath, "", "Origin", origin)
	if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("request: %d %v", a.status, a.header)
	}
	for _, name := range []string{"Location", "Retry-After", "X-Request-Id"} {
		if !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("%s is not exposed", name)
		}
	}
	// A page must be able to read why it was refused.
	if a = n.call("GET", startPath, "", "Origin", origin, "Authorization", ""); a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("401: %d %v", a.status, a.header)
	}
	if a = n.call("POST", startPath, "x", "Origin", origin, "Content-Type", "text/plain"); a.status != 415 || a.header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("415: %d %v", a.status, a.header)
	}
	without := setup(t)
	if a = preflight(without, origin); a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without origins: %d %v", a.status, a.header)
	}
}

// TestSlowClientIsCutOff: a body that stops coming ends the connection, by the server's own patience.
func TestSlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.Stall = 10 * time.Millisecond })
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		startPath, n.token(auth.RoleAdmin))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "ends too early") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection lives: %v", err)
	}
}

// TestSlowReaderIsCutOff: a page that nobody takes ends its reading of the database.
func TestSlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) { o.Limits.Stall, o.Limits.PageBytes = 10*time.Millisecond, 1<<30 })
	n.products = someProducts("a")
	n.products[0].Attributes = `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	for range 100 { // more than the connection's buffers hold
		n.products = append(n.products, n.products[0])
	}
	for i := range n.products {
		n.products[i].ID = fmt.Sprintf("a%03d", i)
	}
	ended := make(chan error, 1)
	n.readEnded = func(err error) { ended <- err }
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", pagePath, n.token(auth.RoleNode)); err != nil {
		t.Fatal(err)
	}
	// Nothing is taken here; the server gives up.
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the reading ended with %v", err)
	}
}
