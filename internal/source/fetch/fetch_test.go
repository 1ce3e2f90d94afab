package fetch_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/certtest"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/source/fetch"
	"fullsync/internal/transfer"
)

// TestMain has this process trust the certificate that all servers of httptest have, and the one of [expired].
func TestMain(m *testing.M) {
	os.Exit(func() int {
		server := httptest.NewTLSServer(nil)
		server.Close()
		dir, err := os.MkdirTemp("", "fullsync-fetch-")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary one
		if expired, err = certtest.Past(); err != nil {
			log.Fatal(err)
		}
		var authorities []byte
		for _, der := range [][]byte{server.Certificate().Raw, expired.Certificate[0]} {
			authorities = append(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		file := filepath.Join(dir, "authorities.pem")
		if err := errors.Join(os.WriteFile(file, authorities, 0o600), os.Setenv("SSL_CERT_FILE", file), os.Setenv("SSL_CERT_DIR", dir)); err != nil {
			log.Fatal(err)
		}
		return m.Run()
	}())
}

// expired is a certificate that was good yesterday.
var expired tls.Certificate

// look says of a page {"items": […], "next": "…", "total": n, "error": "…"} what it says itself; a missing total is unknown.
func look(page []byte) fetch.Page {
	var p struct {
		Items []json.RawMessage `json:"items"`
		Next  string            `json:"next"`
		Total *int64            `json:"total"`
		Error string            `json:"error"`
	}
	out := fetch.Page{Total: -1}
	if json.Unmarshal(page, &p) != nil {
		return out
	}
	out.IsList, out.Records, out.Next, out.Error = p.Items != nil, int64(len(p.Items)), p.Next, p.Error
	if p.Total != nil {
		out.Total = *p.Total
	}
	return out
}

// fetched reads a feed to its end, and returns its text, or what is said of it.
func fetched(ctx context.Context, o fetch.Options) (text string, err error) {
	o.LookAt = look
	if o.Target.NodeID == "" {
		o.Target.NodeID = "shop"
	}
	body, err := fetch.Open(ctx, o, peer.FeedSeen{})
	if err != nil {
		return "", err
	}
	defer body.Close() //nolint:errcheck // nothing was written
	read, err := io.ReadAll(body)
	return string(read), err
}

func at(url string) fetch.Options { return fetch.Options{Target: peer.Target{URL: url}} }

// says sends a table, or whatever else.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		_, _ = w.Write([]byte(body)) //nolint:gosec // it is no web page
	}
}

func serve(t *testing.T, mux http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// serveTLS serves with a certificate, nil for a trusted one.
func serveTLS(t *testing.T, handler http.Handler, with *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // what it would log is what the test is about
	s.TLS = with
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// refuses fails the test unless a feed cannot be read, for a reason that a person has to put right.
func refuses(t *testing.T, o fetch.Options, code, sentence string) {
	t.Helper()
	_, err := fetched(t.Context(), o)
	var said *fault.Error
	var passing *transfer.TransientError
	if !errors.As(err, &said) || errors.As(err, &passing) || said.Code != code || !strings.Contains(said.Message, sentence) || strings.Contains(said.Message, "127.0.0.1") {
		t.Errorf("%s: %v\nwant %s: …%s…", o.Target.URL, err, code, sentence)
	}
}

// passes fails the test unless a feed cannot be read just now.
func passes(t *testing.T, o fetch.Options, pause time.Duration, sentence string) {
	t.Helper()
	_, err := fetched(t.Context(), o)
	var passing *transfer.TransientError
	if !errors.As(err, &passing) || passing.After != pause || !strings.Contains(err.Error(), sentence) {
		t.Errorf("%s: %v\nwant …%s…, and a pause of %s", o.Target.URL, err, sentence, pause)
	}
}

// Redirects are followed to where a feed may be, and take its secrets nowhere else.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var heard http.Header
	other := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = r.Header.Clone()
		says("elsewhere")(w, r)
	}))
	mux := http.NewServeMux()
	own, secure := serve(t, mux), serveTLS(t, mux, nil)
	mux.HandleFunc("/there", func(w http.ResponseWriter, r *http.Request) { says(r.Header.Get("X-Key"))(w, r) })
	mux.HandleFunc("/to/{where}", func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"own": "/there", "other": other.URL + "/feed", "secure": secure.URL + "/there", "plain": own.URL + "/there", "file": "file:///etc/passwd",
			"user": "http://a:b@127.0.0.1/", "metadata": "http://169.254.169.254/latest", "circle": "/to/circle", "0": "/there",
		}[r.PathValue("where")]
		var hops int
		if _, err := fmt.Sscan(r.PathValue("where"), &hops); err == nil && hops > 0 {
			to = fmt.Sprintf("/to/%d", hops-1)
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	withKey := func(url string) fetch.Options {
		o := at(url)
		o.Target.Auth = peer.Auth{Kind: peer.AuthHeader, Name: "X-Key", Value: "k"}
		return o
	}
	for where, want := range map[string]string{"own": "k", "4": "k", "secure": "", "other": "elsewhere"} {
		if got, err := fetched(t.Context(), withKey(own.URL+"/to/"+where)); err != nil || got != want {
			t.Errorf("to %s: %q, %v", where, got, err)
		}
	}
	if heard.Get("X-Key") != "" || heard.Get("Referer") != "" {
		t.Errorf("another host was told %v", heard)
	}
	basic := at(own.URL + "/to/other")
	basic.Target.Auth = peer.Auth{Kind: peer.AuthBasic, Username: "u", Password: "p"}
	if _, err := fetched(t.Context(), basic); err != nil || heard.Get("Authorization") != "" {
		t.Errorf("another host was told %v, %v", heard, err)
	}
	for where, want := range map[string]string{"5": "more than 5 times", "circle": "more than 5 times", "file": "no plain web address", "user": "no plain web address"} {
		refuses(t, at(own.URL+"/to/"+where), peer.CodeRedirected, want)
	}
	refuses(t, at(secure.URL+"/to/plain"), peer.CodeRedirected, "from https to http")
	refuses(t, at(own.URL+"/to/metadata"), peer.CodeAddressRefused, "never connects to those")
}

// Each trouble with TLS is said in a sentence of its own.
func TestTrustedServers(t *testing.T) {
	t.Parallel()
	good := serveTLS(t, says("a table"), nil)
	if got, err := fetched(t.Context(), at(good.URL)); err != nil || got != "a table" {
		t.Errorf("%q, %v", got, err)
	}
	_, port, err := net.SplitHostPort(good.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, at("https://localhost:"+port), "PEER_TLS", "for another host")
	past := serveTLS(t, says("a table"), &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{expired}})
	refuses(t, at(past.URL), "PEER_TLS", "has expired")
	old := serveTLS(t, says("a table"), &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	refuses(t, at(old.URL), "PEER_TLS", "broke off the TLS handshake")
	refuses(t, at(strings.Replace(serve(t, says("")).URL, "http:", "https:", 1)), "PEER_TLS", "does not speak https")
}

// Answers other than 200 are trouble that passes, or that somebody has to put right.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscan(r.URL.Path[1:], &status)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	}))
	for status, sentence := range map[int]string{429: "asks for a pause (429)", 500: "answers with 500", 503: "answers with 503", 408: "answers with 408"} {
		passes(t, at(fmt.Sprint(server.URL, "/", status)), 7*time.Second, sentence)
	}
	for status, want := range map[int][2]string{
		401: {"PEER_REFUSED", "asks who we are (401)"}, 403: {"PEER_REFUSED", "refuses us (403)"}, 404: {"FEED_NOT_FOUND", "nothing at its URL (404)"},
		410: {"FEED_NOT_FOUND", "nothing at its URL (410)"}, 304: {"FEED_NOT_MODIFIED", "although it was not asked"}, 418: {"PEER_REFUSED", "(418 I'm a teapot)"}, 204: {"PEER_REFUSED", "(204 No Content)"},
	} {
		refuses(t, at(fmt.Sprint(server.URL, "/", status)), want[0], want[1])
	}
	known := at(server.URL + "/401")
	known.Target.Auth = peer.Auth{Kind: peer.AuthBearer, Token: "t"}
	refuses(t, known, "PEER_REFUSED", "refuses us (401)")
	passes(t, at("http://127.0.0.1:1/"), 0, "cannot be reached")
	passes(t, at("http://no-such-host.invalid/"), 0, "cannot be looked up")
}

// What is too much, too slow or cut off ends the reading.
func TestBoundsOfAFeed(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	mux := http.NewServeMux()
	mux.HandleFunc("/large", says(strings.Repeat("x", 4<<20)))
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) {
		says("id,name\n")(w, r)
		w.(http.Flusher).Flush()
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		says("id,name\n")(w, r)
	})
	mux.HandleFunc("/pages", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("page") == "2" {
			_, _ = io.WriteString(w, `{"items":["`+strings.Repeat("x", 17<<20)+`"]}`)
			return
		}
		_, _ = io.WriteString(w, `{"items":[1],"total":9}`)
	})
	server := serve(t, mux)
	o := at(server.URL + "/large")
	o.MaxBytes = 3 << 20
	refuses(t, o, "FEED_TOO_LARGE", "more than 3 MB")
	refuses(t, at(server.URL+"/pages?page=1"), "FEED_TOO_LARGE", "page 2 of its list is larger than 16 MB")
	o = at(server.URL + "/silent")
	o.IdleTimeout = 50 * time.Millisecond
	passes(t, o, 0, "stopped sending in the middle")
	passes(t, at(server.URL+"/cut"), 0, "sent half an answer")
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, err := fetched(ctx, at(server.URL+"/large")); !errors.Is(err, enough) {
		t.Errorf("cancelled: %v", err)
	}
}

// An answer may be packed in the ways that are asked for.
func TestPackedAnswers(t *testing.T) {
	t.Parallel()
	const list = `{"items":[1,2]}`
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		coding := r.URL.Path[1:]
		w.Header().Set("Content-Encoding", coding)
		w.Header().Set("Content-Type", "application/json")
		switch coding {
		case "gzip", "x-gzip":
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, list)
			_ = z.Close()
		case "zstd":
			z, _ := zstd.NewWriter(w)
			_, _ = io.WriteString(z, list)
			_ = z.Close()
		default:
			_, _ = io.WriteString(w, list)
		}
	}))
	for _, coding := range []string{"gzip", "x-gzip", "zstd", "identity"} {
		if got, err := fetched(t.Context(), at(server.URL+"/"+coding)); err != nil || got != list {
			t.Errorf("%s: %q, %v", coding, got, err)
		}
	}
	refuses(t, at(server.URL+"/br"), "FEED_UNREADABLE", "in a way that was not asked for")
}

// A feed that has not changed is not read, and one of several pages has no version.
func TestVersionsOfAFeed(t *testing.T) {
	t.Parallel()
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, map[bool]string{true: `{"items":[2],"total":2}`, false: `{"items":[1],"total":2}`}[r.URL.Query().Get("page") == "2"])
	}))
	seen := func(path string, since peer.FeedSeen) (peer.FeedSeen, bool) {
		t.Helper()
		o := at(server.URL + path)
		o.LookAt = look
		if path == "/" {
			o.LookAt = func([]byte) fetch.Page { return fetch.Page{Total: -1} }
		}
		body, err := fetch.Open(t.Context(), o, since)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close() //nolint:errcheck // nothing was written
		if _, err := io.Copy(io.Discard, body); err != nil && !body.Unchanged {
			t.Fatal(err)
		}
		return body.Seen(), body.Unchanged
	}
	first, _ := seen("/", peer.FeedSeen{})
	if first.ETag != `"v1"` || first.LastModified == "" {
		t.Errorf("seen %+v", first)
	}
	if _, unchanged := seen("/", first); !unchanged {
		t.Error("it was read again")
	}
	if several, _ := seen("/?page=1", peer.FeedSeen{}); several.Known() {
		t.Errorf("of two pages: %+v", several)
	}
}
