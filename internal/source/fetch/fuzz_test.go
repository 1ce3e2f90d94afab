package fetch_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/source/fetch"
	"fullsync/internal/transfer"
)

// mostAnswers is how often the server of [FuzzAnswers] answers with the same bytes.
const mostAnswers = 4

// FuzzAnswers: whatever a server sends, reading it ends, and trouble is said in words.
func FuzzAnswers(f *testing.F) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
	for _, seed := range []string{
		head + "\r\n" + `{"items":[1,2] }`,
		head + "Link: <?page=2>; rel=\"next\"\r\n\r\n" + `{"items":[1,2] }`,
		head + "X-WP-TotalPages: 9\r\nX-WP-Total: 9\r\nETag: W/\"x\"\r\n\r\n" + `{"items":[1,2] }`,
		"HTTP/1.1 429 Slow\r\nRetry-After: Mon, 02 Mar 2026 10:00:00 GMT\r\nDate: x\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nid,na\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Type: text/json\r\n\r\n\x28\xb5\x2f\xfd",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/html\r\n\r\n\x1f\x8b\x08",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Skip(err)
		}
		var answers atomic.Int64
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { // the client may keep a connection that it does not use
					defer c.Close() //nolint:errcheck // whatever comes of it
					if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil && answers.Add(1) <= mostAnswers {
						_, _ = c.Write(answer)
					}
				}()
			}
		}()
		defer l.Close() //nolint:errcheck // nothing was written
		o := fetch.Options{Target: peer.Target{NodeID: "shop", URL: "http://" + l.Addr().String() + "/?page=1"}, LookAt: look, MaxBytes: 1 << 20, IdleTimeout: time.Second}
		body, err := fetch.Open(t.Context(), o, peer.FeedSeen{})
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if body != nil {
			_, _ = body.Seen(), body.Close()
		}
		var passing *transfer.TransientError
		if err != nil && !errors.As(err, &passing) && fault.KindOf(err) != fault.Impossible {
			t.Errorf("not for people: %v", err)
		}
	})
}
