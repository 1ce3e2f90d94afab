package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/transfer"
)

// status answers with a status and a body that nobody must see.
func status(code int, header http.Header) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"error":"the peer's body"}`)
	}
}

func TestStatusNeedsAPerson(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		401: codeRefused, 403: codeRefused, 404: codeNotANode, 405: codeNotANode, 400: codeProtocol, 422: codeProtocol,
		204: codeProtocol, 301: peer.CodeRedirected, 304: peer.CodeRedirected, 307: peer.CodeRedirected,
	} {
		s := open(t, serve(t, status(code, http.Header{"Location": {"/elsewhere"}})).URL, nil)
		_, err := s.Read(t.Context(), "", 10)
		wantPermanent(t, err, want)
		_, err = s.Describe(t.Context())
		wantPermanent(t, err, want)
	}
}

func TestStatusMayPass(t *testing.T) {
	t.Parallel()
	date := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		code   int
		header http.Header
		after  time.Duration
	}{
		"500":              {500, nil, 0},
		"502":              {502, http.Header{"Content-Type": {"text/html"}}, 0},
		"408":              {408, nil, 0},
		"429":              {429, nil, 0},
		"seconds":          {429, http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"503 with seconds": {503, http.Header{"Retry-After": {"30"}}, 30 * time.Second},
		"a day":            {429, http.Header{"Retry-After": {"86400"}}, 24 * time.Hour},
		"a fraction":       {429, http.Header{"Retry-After": {" 2.0 "}}, 2 * time.Second},
		"part of a second": {429, http.Header{"Retry-After": {"0.25"}}, 250 * time.Millisecond},
		"too long":         {429, http.Header{"Retry-After": {"86400000"}}, 7 * 24 * time.Hour},
		"overflow":         {429, http.Header{"Retry-After": {"9223372036854775807"}}, 7 * 24 * time.Hour},
		"far overflow":     {429, http.Header{"Retry-After": {"1e999"}}, 7 * 24 * time.Hour},
		"no number":        {429, http.Header{"Retry-After": {"NaN"}}, 0},
		"negative":         {429, http.Header{"Retry-After": {"-7"}}, 0},
		"far date": {503, http.Header{
			"Date": {date.Format(http.TimeFormat)}, "Retry-After": {date.AddDate(100, 0, 0).Format(http.TimeFormat)},
		}, 7 * 24 * time.Hour},
		"rubbish": {429, http.Header{"Retry-After": {"soon"}}, 0},
		"date": {429, http.Header{
			"Date": {date.Format(http.TimeFormat)}, "Retry-After": {date.Add(90 * time.Second).Format(http.TimeFormat)},
		}, 90 * time.Second},
		"past date": {429, http.Header{
			"Date": {date.Format(http.TimeFormat)}, "Retry-After": {date.Add(-time.Hour).Format(http.TimeFormat)},
		}, 0},
		"date of a peer without clock": {429, http.Header{
			"Date": nil, "Retry-After": {date.Add(40 * time.Second).Format(http.TimeFormat)},
		}, 40 * time.Second},
	} {
		s := open(t, serve(t, status(tc.code, tc.header)).URL, nil)
		s.now = func() time.Time { return date }
		_, err := s.Read(t.Context(), "", 10)
		wantTransient(t, err)
		var te *transfer.TransientError
		if errors.As(err, &te); te.After != tc.after {
			t.Errorf("%s: After = %v, want %v", name, te.After, tc.after)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with %q", r.Header.Get("Authorization"))
	})
	server := serve(t, http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect).ServeHTTP)
	s := open(t, server.URL, func(o *Options) { o.Client = &http.Client{} }) // a client that would follow
	_, err := s.Read(t.Context(), "", 10)
	wantPermanent(t, err, peer.CodeRedirected)
}

func TestOtherContentTypes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"text/html; charset=utf-8", "text/plain", "application/json", ";;;"} {
		_, err := open(t, serve(t, body(contentType, "the peer's body")).URL, nil).Read(t.Context(), "", 10)
		wantPermanent(t, err, codeNotANode)
	}
	_, err := open(t, serve(t, body("text/html", "<html>")).URL, nil).Describe(t.Context())
	wantPermanent(t, err, codeNotANode)
}

func TestCutPages(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"empty":                page(),
		"no end line":          page(product("a"), product("b")),
		"half a line":          body(typeNDJSON, product("a")+"\n"+product("b")[:20]),
		"one brace missing":    body(typeNDJSON, strings.TrimSuffix(product("a"), "}")),
		"half an end line":     body(typeNDJSON, product("a")+"\n"+end(1, "")[:20]),
		"count too high":       page(product("a"), end(2, "")),
		"count too low":        page(product("a"), product("b"), end(1, "")),
		"no count":             page(product("a"), `{"end":{"next":null}}`),
		"a line after the end": page(product("a"), end(1, ""), product("b")),
		"two ends":             page(product("a"), end(1, ""), end(1, "")),
		"shorter than it says": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			page(product("a"), end(1, ""))(w, r)
		},
		"aborted in the middle": func(w http.ResponseWriter, r *http.Request) {
			page(product("a"))(w, r)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"connection closed at once": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half a gzip stream": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeNDJSON)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, product("a")+"\n"+end(1, "")+"\n")
			_ = z.Flush()
		},
		"no gzip at all": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			page(product("a"), end(1, ""))(w, r)
		},
		"no zstd at all": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "zstd")
			page(product("a"), end(1, ""))(w, r)
		},
	} {
		got, err := open(t, serve(t, h).URL, func(o *Options) { o.Compress = true }).Read(t.Context(), "", 10)
		t.Log(name)
		wantTransient(t, err)
		if got.Products != nil {
			t.Errorf("%s: products of a cut page came out", name)
		}
	}
}

func TestPagesThatBreakTheRules(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"descending":             page(product("b"), product("a"), end(2, "")),
		"twice the same":         page(product("b"), product("b"), end(2, "")),
		"not after":              page(product("0"), end(1, "")),
		"after itself":           page(product("5"), end(1, "")),
		"next before last":       page(product("b"), product("c"), end(2, "b")),
		"next not after":         page(`{"product":{}}`, end(1, "5")),
		"next too long":          page(product("b"), end(1, strings.Repeat("z", 256))),
		"empty but goes on":      page(end(0, "9")),
		"more than asked for":    page(product("a"), product("b"), product("c"), product("d"), end(4, "")),
		"no JSON":                page("hello", end(1, "")),
		"a quiet second wrapper": page(` {"product":{"id":"a","name":"A"},"product":{"id":"b","name":"B"}}`, end(1, "")),
		"another wrapper":        page(`{"item":{"id":"a","name":"A"}}`, end(1, "")),
		"two wrappers":           page(`{"product":{"id":"a","name":"A"},"product":{"id":"b","name":"B"}}`, end(1, "")),
		"a wrapper too many":     page(`{"product":{"id":"a","name":"A"},"end":{"count":1,"next":null}}`, end(1, "")),
		"no wrapper":             page(`{}`, end(1, "")),
		"a list":                 page(`[]`, end(1, "")),
		"end is no object":       page(`{"end":7}`, end(0, "")),
		"end is null":            page(`{"end":null}`, end(0, "")),
		"next is a number":       page(product("a"), `{"end":{"count":1,"next":7}}`, end(1, "")),
		"total is negative":      page(product("a"), `{"end":{"count":1,"next":null,"total":-1}}`),
		"total is a fraction":    page(product("a"), `{"end":{"count":1,"next":null,"total":1.5}}`, end(1, "")),
		"hashes":                 page(`{"id":"a","hash":"x"}`, end(1, "")),
		"a line over many more":  page(product("6"), `{"product":{"id":"a","name":"`+strings.Repeat("n", catalog.MaxPageBytes+maxSkippedBytes)+`"}}`, end(2, "")),
		"unknown encoding": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			page(product("a"), end(1, ""))(w, r)
		},
	} {
		t.Log(name)
		got, err := open(t, serve(t, h).URL, nil).Read(t.Context(), "5", 3)
		wantPermanent(t, err, codeProtocol)
		if got.Products != nil {
			t.Errorf("%s: products came out", name)
		}
	}
}

// TestLinesThatAreTooLong: a product that does not fit on a line is refused on its own, with its id if that can be found.
func TestLinesThatAreTooLong(t *testing.T) {
	t.Parallel()
	much := strings.Repeat("n", catalog.MaxLineBytes)
	const why = "the product takes more than 2097152 bytes on its line"
	for name, tc := range map[string]struct {
		lines  []string
		reject catalog.Reject
	}{
		"id first": {[]string{product("6"), `{"product":{"id":"a\u00e9","name":"` + much + `"}}`, product("b"), end(3, "b")}, catalog.Reject{ID: "aé", Reason: why}},
		"spaces":   {[]string{product("6"), ` { "product" : { "id" : "a", "name": "` + much + `"}}`, product("b"), end(3, "b")}, catalog.Reject{ID: "a", Reason: why}},
		"far more": {[]string{product("6"), `{"product":{"id":"a","name":"` + strings.Repeat(much, 20) + `"}}`, product("b"), end(3, "b")}, catalog.Reject{ID: "a", Reason: why}},
		"id last": {[]string{product("6"), `{"product":{"name":"` + much + `","id":"a"}}`, product("b"), end(3, "b")},
			catalog.Reject{Reason: why + "; its id was not found, it comes after product 6"}},
		"id is none": {[]string{product("6"), `{"product":{"id":7,"name":"` + much + `"}}`, product("b"), end(3, "b")},
			catalog.Reject{Reason: why + "; its id was not found, it comes after product 6"}},
	} {
		got, err := open(t, serve(t, page(tc.lines...)).URL, nil).Read(t.Context(), "5", 3)
		if err != nil || len(got.Products) != 2 || got.Next != "b" || !got.More || !slices.Equal(got.Rejects, []catalog.Reject{tc.reject}) {
			t.Errorf("%s: %d products, rejects %+v, next %s, %v", name, len(got.Products), got.Rejects, got.Next, err)
		}
	}
	first := page(`{"name":"`+much+`"}`, end(1, ""))
	got, err := open(t, serve(t, first).URL, nil).Read(t.Context(), "", 3)
	if err != nil || len(got.Rejects) != 1 || got.Rejects[0].Reason != why+"; its id was not found, it is on line 1 of the first page" {
		t.Errorf("rejects %+v, %v", got.Rejects, err)
	}
	// No hash is that long.
	hashes := page(`{"id":"a","hash":"`+much+`"}`, end(1, ""))
	_, err = open(t, serve(t, hashes).URL, nil).Hashes(t.Context(), "", 3)
	wantPermanent(t, err, codeProtocol)
}

// TestWhatTheSourceCannotRead: a product that the source cannot read is a reject with the source's reason; a node that does
// not know the member refuses it too.
func TestWhatTheSourceCannotRead(t *testing.T) {
	t.Parallel()
	line := string((&catalog.UnreadableError{ID: "a\"", Reason: "its attributes\x00 are not a JSON object"}).AppendLine(nil))
	got, err := open(t, serve(t, page(line, product("b"), end(2, ""))).URL, nil).Read(t.Context(), "", 3)
	want := catalog.Reject{ID: "a\"", Reason: "the source cannot read this product: its attributes are not a JSON object"}
	if err != nil || len(got.Products) != 1 || !slices.Equal(got.Rejects, []catalog.Reject{want}) {
		t.Errorf("products %+v, rejects %+v, %v", got.Products, got.Rejects, err)
	}
	// A shop may use this name for a member of its products.
	named := `{"product":{"id":"a","name":"A","unreadable":"yes"}}`
	got, err = open(t, serve(t, page(named, end(1, ""))).URL, nil).Read(t.Context(), "", 3)
	if err != nil || len(got.Products) != 1 || got.Products[0].Attributes != `{"unreadable":"yes"}` {
		t.Errorf("products %+v, rejects %+v, %v", got.Products, got.Rejects, err)
	}
}

func TestSilentPeer(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	stall := func(w http.ResponseWriter, r *http.Request) {
		page(product("a"))(w, r)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, tc := range map[string]struct {
		h             http.HandlerFunc
		request, idle time.Duration
	}{
		"accepts and says nothing": {hang, 30 * time.Millisecond, time.Minute},
		"body too slow":            {stall, 30 * time.Millisecond, time.Minute},
		"body stalls":              {stall, time.Minute, 30 * time.Millisecond},
	} {
		s := open(t, serve(t, tc.h).URL, func(o *Options) { o.RequestTimeout, o.IdleTimeout = tc.request, tc.idle })
		t.Log(name)
		_, err := s.Read(t.Context(), "", 11)
		wantSlow(t, err, "It was asked for 11 products at once; a smaller batchSize may help.")
		_, err = s.Read(t.Context(), "", 10)
		wantSlow(t, err, "so a smaller batchSize will not help.")
		_, err = s.Hashes(t.Context(), "", 5000)
		wantTransient(t, err)
	}
	// A proxy that gave up waiting.
	for _, code := range []int{408, 504, 524} {
		s := open(t, serve(t, status(code, nil)).URL, nil)
		_, err := s.Read(t.Context(), "", 1000)
		wantSlow(t, err, "gave up waiting for its answer")
		wantSlow(t, err, "It was asked for 1000 products at once; a smaller batchSize may help.")
		_, err = s.Describe(t.Context())
		wantSlow(t, err, "gave up waiting for its answer")
		if text := fault.Sentence(err, ""); strings.Contains(text, "batchSize") {
			t.Errorf("no page was asked for: %q", text)
		}
	}
	// With other kinds of trouble, asking for less does not help.
	_, err := open(t, serve(t, status(502, nil)).URL, nil).Read(t.Context(), "", 1000)
	var te *transfer.TransientError
	if wantTransient(t, err); errors.As(err, &te) && te.Slow {
		t.Errorf("%v counts as slow", err)
	}
}

// wantSlow fails unless asking for less may help and the sentence says so.
func wantSlow(t *testing.T, err error, says string) {
	t.Helper()
	wantTransient(t, err)
	var te *transfer.TransientError
	if errors.As(err, &te); !te.Slow || !strings.Contains(fault.Sentence(err, ""), says) {
		t.Errorf("%v, want it to be slow and to say %q", err, says)
	}
}

// TestWebPages: web pages are recognised, whatever their content type. A proxy's login page is one.
func TestWebPages(t *testing.T) {
	t.Parallel()
	const html = "\n <!DOCTYPE html>\n<html><title>Sign in</title></html>\n"
	for _, contentType := range []string{"text/html; charset=utf-8", typeNDJSON} {
		s := open(t, serve(t, body(contentType, html)).URL, nil)
		_, err := s.Read(t.Context(), "", 10)
		wantWebPage(t, err)
		_, err = s.Hashes(t.Context(), "", 10)
		wantWebPage(t, err)
	}
	for _, contentType := range []string{"text/html", typeJSON} {
		_, err := open(t, serve(t, body(contentType, html)).URL, nil).Describe(t.Context())
		wantWebPage(t, err)
	}
	_, err := open(t, serve(t, page(product("a"), "<p>Your session has ended</p>")).URL, nil).Read(t.Context(), "", 10)
	wantWebPage(t, err)
}

func wantWebPage(t *testing.T, err error) {
	t.Helper()
	wantPermanent(t, err, codeNotANode)
	if text := fault.Sentence(err, ""); !strings.Contains(text, "a web page") || !strings.Contains(text, "perhaps the login page of a proxy") {
		t.Errorf("it does not say what came: %q", text)
	}
}

func TestSlowReaderIsNotAStalledPeer(t *testing.T) {
	t.Parallel()
	w := &wire{ear: newEar(), in: io.NopCloser(strings.NewReader("abc")), idle: time.Hour, timer: time.AfterFunc(time.Hour, func() {})}
	if _, err := w.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if w.timer.Stop() {
		t.Error("the idle clock runs while nobody waits for the peer")
	}
}

func TestCancelAbortsAtOnce(t *testing.T) {
	t.Parallel()
	why := errors.New("cancelled by alice")
	for name, begin := range map[string]func(http.ResponseWriter, *http.Request){
		"before the answer": func(http.ResponseWriter, *http.Request) {},
		"in the middle of a page": func(w http.ResponseWriter, r *http.Request) {
			page(product("a"))(w, r)
			_ = http.NewResponseController(w).Flush()
		},
	} {
		reached, ended := make(chan struct{}), make(chan struct{})
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			begin(w, r)
			close(reached)
			<-r.Context().Done()
			close(ended)
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-reached
			cancel(why)
		}()
		// The timeouts are long: only the cancel can end this.
		if _, err := open(t, server.URL, nil).Read(ctx, "", 10); err != why {
			t.Errorf("%s: Read = %v, want the cause as it is", name, err)
		}
		<-ended
	}
}

// nowhere is an address where nothing listens. A port that was free a moment ago could be another test's by now.
const nowhere = "http://127.0.0.1:1"

func TestUnreachable(t *testing.T) {
	t.Parallel()
	_, err := open(t, nowhere, nil).Read(t.Context(), "", 10)
	wantTransient(t, err)
	_, err = open(t, "http://no-such-host.invalid", nil).Read(t.Context(), "", 10)
	wantTransient(t, err)
}

func TestTLSTrouble(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(page(end(0, "")))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log the handshake that has to fail
	secure.StartTLS()
	t.Cleanup(secure.Close)
	_, err := open(t, secure.URL, nil).Read(t.Context(), "", 10)
	wantPermanent(t, err, codeTLS)

	old := httptest.NewUnstartedServer(page(end(0, "")))
	old.Config.ErrorLog = secure.Config.ErrorLog
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	_, err = open(t, old.URL, nil).Read(t.Context(), "", 10)
	wantPermanent(t, err, codeTLS)

	plain := serve(t, page(end(0, "")))
	_, err = open(t, strings.Replace(plain.URL, "http:", "https:", 1), nil).Read(t.Context(), "", 10)
	wantPermanent(t, err, codeTLS)
}

// TestRefusedAddress: every connection leads to a refused address, as after a change in the DNS.
func TestRefusedAddress(t *testing.T) {
	t.Parallel()
	transport := peer.NewTransport()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, "169.254.169.254:80")
	}
	s := open(t, "http://harmless.example", func(o *Options) { o.Client = &http.Client{Transport: transport} })
	_, err := s.Read(t.Context(), "", 10)
	wantPermanent(t, err, peer.CodeAddressRefused)
}

// writers of the two encodings.
func encodings() map[string]func(io.Writer) io.WriteCloser {
	return map[string]func(io.Writer) io.WriteCloser{
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"zstd": func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w)
			if err != nil {
				panic(err) // the options are constant
			}
			return z
		},
	}
}

func TestCompressedPages(t *testing.T) {
	t.Parallel()
	for coding, encode := range encodings() {
		var lines strings.Builder
		for i := range 1000 {
			lines.WriteString(product(fmt.Sprintf("p-%04d", i)) + "\n")
		}
		lines.WriteString(end(1000, "") + "\n")
		var wired int64
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != "zstd, gzip" {
				t.Errorf("Accept-Encoding %q", got)
			}
			w.Header().Set("Content-Type", typeNDJSON)
			w.Header().Set("Content-Encoding", coding)
			counted := &counter{w: w}
			z := encode(counted)
			_, _ = io.WriteString(z, lines.String())
			_ = z.Close()
			wired = counted.n
		})
		s := open(t, server.URL, func(o *Options) { o.Compress = true })
		for range 2 { // the decoder is used again
			got, err := s.Read(t.Context(), "", 1000)
			if err != nil || len(got.Products) != 1000 {
				t.Fatalf("%s: %d products, %v", coding, len(got.Products), err)
			}
			if got.Bytes != wired || got.Bytes >= int64(lines.Len()) {
				t.Errorf("%s: Bytes = %d, want the %d of the wire", coding, got.Bytes, wired)
			}
		}
		// Compression that we did not ask for is an error, not a surprise.
		unasked := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			page(end(0, ""))(w, r)
		})
		_, err := open(t, unasked.URL, nil).Read(t.Context(), "", 10)
		wantPermanent(t, err, codeProtocol)
	}
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func TestBombs(t *testing.T) {
	t.Parallel()
	line := `{"product":{"id":"%08d","name":"` + strings.Repeat("n", 4000) + `","x":"` + strings.Repeat("0", 200_000) + "\"}}\n"
	for coding, encode := range encodings() {
		for name, write := range map[string]func(io.Writer){
			"many lines": func(w io.Writer) {
				for i := range 500 {
					if _, err := fmt.Fprintf(w, line, i); err != nil {
						return
					}
				}
			},
			"one endless line": func(w io.Writer) {
				for range 1000 {
					if _, err := w.Write(make([]byte, 100_000)); err != nil {
						return
					}
				}
			},
		} {
			server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", typeNDJSON)
				w.Header().Set("Content-Encoding", coding)
				z := encode(w)
				write(z)
				_ = z.Close()
			})
			got, err := open(t, server.URL, func(o *Options) { o.Compress = true }).Read(t.Context(), "", 5000)
			t.Log(coding, name)
			wantPermanent(t, err, codeProtocol)
			if got.Products != nil {
				t.Error("products of a bomb came out")
			}
		}
	}
	// A frame that needs a window of 64 MiB to be unpacked.
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeNDJSON)
		w.Header().Set("Content-Encoding", "zstd")
		z, err := zstd.NewWriter(w, zstd.WithWindowSize(64<<20))
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(z, product("a")+"\n")
		_ = z.Flush()
		_, _ = io.WriteString(z, end(1, "")+"\n")
		_ = z.Close()
	})
	_, err := open(t, server.URL, func(o *Options) { o.Compress = true }).Read(t.Context(), "", 10)
	wantPermanent(t, err, codeProtocol)
}
