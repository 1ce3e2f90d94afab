package app_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// manyStreams is how many streams one replica must be able to serve at once.
const manyStreams = 2000

// TestTwoThousandStreams opens them all on one node, every day only a tenth, and checks that each of them sees the same sync from beginning to end.
func TestTwoThousandStreams(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		streams := effort.Amount(200, manyStreams)
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		all := openStreams(t, pair.Main, streams)
		s := pair.Main.Pull(nodetest.Pull{})
		for i, r := range all {
			var told []spec.SessionStatus
			r.read(t, func(e nodetest.Event) bool {
				told = append(told, statuses(t, []nodetest.Event{e}, s.SessionId)...)
				return !shows(t, s.SessionId, spec.COMPLETED)(e)
			})
			if fmt.Sprint(told) != "[PREPARING TRANSFERRING COMPLETED]" {
				t.Fatalf("stream %d of %d was told %v", i+1, streams, told)
			}
		}
	})
}

// BenchmarkEventStreams measures what an open stream costs its replica: memory while nothing happens (heap and stacks, including
// the connection's), and the time until every stream has seen a whole small sync.
func BenchmarkEventStreams(b *testing.B) {
	for _, kind := range []nodetest.Kind{nodetest.SQLite, nodetest.Postgres} {
		b.Run(string(kind), func(b *testing.B) {
			pair := nodetest.NewPair(b, kind, 300, nodetest.Config{})
			for b.Loop() {
				before, running := memory(), runtime.NumGoroutine()
				all := openStreams(b, pair.Main, manyStreams)
				b.ReportMetric(float64(memory()-before)/manyStreams/1024, "KiB/stream")
				began := time.Now()
				s := pair.Main.Pull(nodetest.Pull{})
				for _, r := range all {
					r.read(b, func(e nodetest.Event) bool {
						return e.Type != "session" || !strings.Contains(string(e.Data), `"status":"COMPLETED"`) ||
							!strings.Contains(string(e.Data), s.SessionId.String())
					})
				}
				b.ReportMetric(time.Since(began).Seconds(), "s/sync-seen-by-all")
				for _, r := range all {
					_ = r.conn.Close()
				}
				// The node learns of it when it writes to them the next time.
				nodetest.Eventually(b, "the end of all streams", func() bool { return runtime.NumGoroutine() < running+manyStreams/10 })
			}
		})
	}
}

// memory returns the bytes in use by heap and stacks.
func memory() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// rawStream is an event stream that costs this side next to nothing: it has no goroutine, and gets a large buffer only when it
// is read.
type rawStream struct {
	conn     net.Conn
	response *bufio.Reader // as small as can be
}

// read calls each for every event, until each returns false.
func (r rawStream) read(t testing.TB, each func(nodetest.Event) bool) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(r.response), nil) //nolint:bodyclose // that would wait for the stream's end
	if err != nil {
		t.Fatal(err)
	}
	nodetest.ReadEvents(resp.Body, each)
}

// openStreams opens that many streams and returns them once each has its header.
func openStreams(t testing.TB, n *nodetest.Node, count int) []rawStream {
	t.Helper()
	request := "GET " + nodetest.EventsPath + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + n.TokenFor("viewer", auth.RoleViewer) + "\r\n\r\n"
	all := make([]rawStream, count)
	for i := range all {
		conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(nodetest.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		all[i] = rawStream{conn, bufio.NewReaderSize(conn, 16)}
	}
	for i, r := range all {
		const ok = "HTTP/1.1 200"
		if status, err := r.response.Peek(len(ok)); err != nil || string(status) != ok {
			t.Fatalf("stream %d of %d: %q %v", i+1, count, status, err)
		}
	}
	return all
}
