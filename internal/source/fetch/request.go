package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/packing"
	"fullsync/internal/peer"
)

// maxRedirects is how many redirects are followed in a row.
const maxRedirects = 5

var errStalled = errors.New("no byte came within the idle timeout")

// newClient returns a client that follows redirects to addresses that peers may have, and takes credentials only to the feed's own host.
func newClient(to peer.Target) *http.Client {
	return &http.Client{Transport: peer.NewTransport(), CheckRedirect: func(next *http.Request, before []*http.Request) error {
		next.Header.Del("Referer") // it may hold a secret of the URL
		last := before[len(before)-1].URL
		switch {
		case len(before) > maxRedirects:
			return redirected("redirects more than %d times in a row; correct its URL", maxRedirects)
		case next.URL.Scheme != "http" && next.URL.Scheme != "https", next.URL.User != nil:
			return redirected("redirects to something that is no plain web address; correct its URL")
		case last.Scheme == "https" && next.URL.Scheme == "http":
			return redirected("redirects from https to http, which fullsync does not follow; correct its URL")
		}
		if !peer.SameOrigin(to.URL, next.URL.String()) {
			next.Header.Del("Authorization")
			if to.Auth.Kind == peer.AuthHeader {
				next.Header.Del(to.Auth.Name)
			}
		}
		return nil
	}}
}

// redirectError is a redirect that is not followed.
type redirectError struct{ why *fault.Error }

func (e *redirectError) Error() string { return e.why.Message }

func redirected(why string, args ...any) error {
	return &redirectError{fault.New(fault.Impossible, peer.CodeRedirected, "Peer redirects", why, args...)}
}

// answer is the successful head of an answer, and its body under watch.
type answer struct {
	status int
	header http.Header
	body   *bufio.Reader
	// rest is what page has left, unpacked.
	rest  io.Reader
	ctx   context.Context
	close func()
}

// ask sends a request, and returns a 200 or, if it asked for changes, a 304.
func (b *Body) ask(url string, since peer.FeedSeen) (*answer, error) {
	ctx, abort := context.WithCancelCause(b.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		abort(nil)
		return nil, b.trouble("FEED_PAGES", "the address of its next page is malformed")
	}
	req.Header.Set("Accept", "application/json, application/x-ndjson, text/csv, application/xml;q=0.9, */*;q=0.8")
	req.Header.Set("Accept-Encoding", packings)
	req.Header.Set("User-Agent", "fullsync")
	if since.ETag != "" {
		req.Header.Set("If-None-Match", since.ETag)
	}
	if since.LastModified != "" {
		req.Header.Set("If-Modified-Since", since.LastModified)
	}
	b.o.Target.Auth.Apply(req)
	// The transport bounds the wait for the head.
	resp, err := b.client.Do(req) //nolint:bodyclose // answer.close does
	if err != nil {
		abort(nil)
		return nil, b.failed(ctx, err)
	}
	b.hear()
	idle := time.AfterFunc(b.o.IdleTimeout, func() { abort(errStalled) })
	a := &answer{status: resp.StatusCode, header: resp.Header, ctx: ctx, close: func() {
		idle.Stop()
		abort(context.Canceled)
		_ = resp.Body.Close()
	}}
	a.body = bufio.NewReaderSize(&wire{in: resp.Body, b: b, idle: idle}, 64<<10)
	if resp.StatusCode != http.StatusOK && (resp.StatusCode != http.StatusNotModified || !since.Known()) {
		err := b.refused(resp)
		a.close()
		return nil, err
	}
	return a, nil
}

// mayBeJSON reports whether it says that it is JSON, or begins like that: some servers call everything a web page.
func (a *answer) mayBeJSON() bool {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")):
		return true
	case err == nil && kind != "text/html" && kind != "text/plain":
		return false
	}
	first, _ := a.body.Peek(1)
	return len(first) == 1 && (first[0] == '{' || first[0] == '[')
}

// plain unpacks the body.
func (a *answer) plain(limit int64) (plain io.Reader, done func(), err error) {
	coding := a.header.Get("Content-Encoding")
	if coding == "x-gzip" {
		coding = packing.Gzip
	}
	if a.rest != nil || coding == "" || coding == packing.Identity || coding == packing.Gzip {
		return a.body, func() {}, nil // who reads the feed finds gzip by itself, whether it is the file or only its way here
	}
	return new(packing.Decoders).Unpack(a.body, coding, limit)
}

// page reads a whole answer that is no larger than a page. whole is false for a larger one, of which this is the beginning.
func (a *answer) page(b *Body) (page []byte, whole bool, err error) {
	coding := a.header.Get("Content-Encoding")
	if magic, _ := a.body.Peek(2); coding == "x-gzip" || bytes.Equal(magic, []byte("\x1f\x8b")) {
		coding = packing.Gzip
	}
	plain, done, err := new(packing.Decoders).Unpack(a.body, coding, b.o.MaxBytes)
	if err != nil {
		return nil, false, b.failed(a.ctx, err)
	}
	page, err = io.ReadAll(io.LimitReader(plain, maxPage+1))
	switch {
	case err != nil:
		done()
		return nil, false, b.failed(a.ctx, err)
	case len(page) > maxPage:
		a.rest = plain
		return page, false, nil
	}
	done()
	return page, true, nil
}

// wire is a body as it comes over the wire. It counts the bytes, and gives up the request if none come for a while.
type wire struct {
	in   io.Reader
	b    *Body
	idle *time.Timer
}

func (w *wire) Read(p []byte) (int, error) {
	w.idle.Reset(w.b.o.IdleTimeout)
	n, err := w.in.Read(p)
	w.idle.Stop()
	if n > 0 {
		w.b.hear()
	}
	if w.b.bytes.Add(int64(n)) > w.b.o.MaxBytes {
		return 0, w.b.trouble("FEED_TOO_LARGE", "it sends more than %d MB, which is the most that is read", w.b.o.MaxBytes>>20)
	}
	return n, err
}
