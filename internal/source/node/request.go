package node

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/fault"
	"fullsync/internal/packing"
	"fullsync/internal/peer"
	"fullsync/internal/telemetry"
)

const (
	defaultRequestTimeout = 60 * time.Second
	defaultIdleTimeout    = 20 * time.Second
	typeJSON              = "application/json"
	typeNDJSON            = "application/x-ndjson"
)

// Why a request was given up. They are the causes of its context.
var (
	errTooSlow = errors.New("the request took longer than its timeout")
	errStalled = errors.New("no byte came within the idle timeout")
)

// caller sends requests to one peer.
type caller struct {
	*ear
	peerID string
	selfID string
	to     *endpoint
	// target asks for the peer's current address and token. It is nil if they do not change.
	target func(context.Context) (peer.Target, error)
	// encodings is the Accept-Encoding of pages.
	encodings string
	api       *spec.Client
	timeout   time.Duration
	idle      time.Duration
	// now is the clock for a Retry-After date if the answer has no Date.
	now func() time.Time
}

// newCaller returns the caller, and a function that closes its idle connections if they are its own.
func newCaller(o Options) (*caller, func(), error) {
	c := &caller{
		peerID: o.PeerNodeID, selfID: o.SelfNodeID, target: o.Target, to: &endpoint{selfID: o.SelfNodeID}, ear: newEar(), encodings: packing.Identity, now: time.Now,
		timeout: cmp.Or(o.RequestTimeout, defaultRequestTimeout),
		idle:    cmp.Or(o.IdleTimeout, defaultIdleTimeout),
	}
	if o.Compress {
		c.encodings = "zstd, gzip"
	}
	client, closeIdle := o.Client, func() {}
	if client == nil {
		client = peer.NewClient()
		closeIdle = client.CloseIdleConnections
	}
	// Return a redirect as the answer, so that the error message can name the peer.
	plain := *client
	plain.Transport = telemetry.Transport{Base: cmp.Or(client.Transport, http.DefaultTransport)}
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.to.client = &plain
	if _, err := c.to.set(o.URL, o.Token); err != nil {
		return nil, nil, err
	}
	var err error
	if c.api, err = spec.NewClient(anywhere, spec.WithHTTPClient(c.to)); err != nil {
		return nil, nil, fault.New(fault.Internal, "INTERNAL", "Internal error",
			"The client for peer %s could not be created.", o.PeerNodeID).Because(err)
	}
	return c, closeIdle, nil
}

// send sends one request with the generated client; edit sets its headers.
type send func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error)

// answer is the successful head of an answer, with its body under watch.
type answer struct {
	header http.Header
	// body counts and times what comes over the wire, still compressed.
	body *wire
	// ctx ends with the request, and its cause says why.
	ctx    context.Context
	cancel context.CancelFunc
}

// close ends the request, even in the middle of its body.
func (a *answer) close() {
	a.body.timer.Stop()
	a.cancel()
	_ = a.body.in.Close()
}

// get sends a request that accepts the content type and encodings, and returns the answer if it is a 200 of that type. If the
// request fails and the peer meanwhile has another address or token, it is sent once more.
func (c *caller) get(ctx context.Context, contentType, encodings string, do send) (*answer, error) {
	var a *answer
	err := c.following(ctx, func() (err error) {
		a, _, err = c.once(ctx, contentType, encodings, do)
		return err
	})
	return a, err
}

// once is get without a second try. reached is true as soon as anything answered HTTP.
func (c *caller) once(ctx context.Context, contentType, encodings string, do send) (a *answer, reached bool, err error) {
	within, stop := context.WithTimeoutCause(ctx, c.timeout, errTooSlow)
	within, abort := context.WithCancelCause(within)
	cancel := func() { abort(context.Canceled); stop() }

	resp, err := do(within, func(_ context.Context, req *http.Request) error {
		req.Header.Set("Accept", contentType)
		req.Header.Set("Accept-Encoding", encodings)
		return nil
	})
	if err != nil {
		err = c.failed(ctx, within, err)
		cancel()
		return nil, false, err
	}
	c.hear()
	if err := c.checkHead(resp, contentType); err != nil {
		cancel()
		_ = resp.Body.Close()
		return nil, true, err
	}
	body := &wire{in: resp.Body, ear: c.ear, idle: c.idle, timer: time.AfterFunc(c.idle, func() { abort(errStalled) })}
	body.timer.Stop() // until the first Read
	return &answer{header: resp.Header, body: body, ctx: within, cancel: cancel}, true, nil
}

// checkHead returns nil for a 200 of that content type.
func (c *caller) checkHead(resp *http.Response, contentType string) error {
	if resp.StatusCode != http.StatusOK {
		return c.refused(resp)
	}
	got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err == nil && got == contentType:
		return nil
	case err == nil && got == "text/html":
		return c.webPage()
	}
	return c.permanent(codeNotANode, "Peer %s answered in a format that no fullsync node uses; check its URL.", c.peerID)
}

// wire is a body as it comes over the wire. It counts the bytes, and gives up the request if none come for a while.
type wire struct {
	in    io.ReadCloser
	ear   *ear
	bytes int64
	idle  time.Duration
	timer *time.Timer
}

// Read reads the next bytes from the wire.
func (w *wire) Read(p []byte) (int, error) {
	// The clock runs only while we wait for the peer, not while we decode what came. A timer that has already fired has
	// ended the request, so starting it again changes nothing.
	w.timer.Reset(w.idle)
	n, err := w.in.Read(p)
	w.timer.Stop()
	w.bytes += int64(n)
	if n > 0 {
		w.ear.hear()
	}
	return n, err
}
