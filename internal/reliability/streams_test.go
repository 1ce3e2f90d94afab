//go:build unix

package reliability

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"fullsync/internal/postgrestest"
)

// TestEveryStreamHearsOfCancels keeps many event streams open, as many people's pages do, and cancels sessions meanwhile. The long
// form has as many streams as a replica allows, or as -reliability.streams says, and says what each of them weighs at both ends.
func TestEveryStreamHearsOfCancels(t *testing.T) {
	t.Parallel()
	c := newCluster(t, postgrestest.NewDatabase(t), 1, nil)
	db := c.open()
	r := c.replicas[0]
	c.cancel(r, c.start(r, speed{batch: 20, rate: 1000})) // so that everything is warm
	weighed, here := float64(resident(r)), inUse()
	streams := make([]*stream, rounds(100, *streamsFlag))
	for i := range streams {
		streams[i] = c.stream(r)
	}
	for _, s := range streams {
		s.until(t, "event: snapshot")
	}
	grown, grownHere := float64(resident(r))-weighed, inUse()-here
	var answers []time.Duration
	for range rounds(3, 50) {
		c.spoil(db)
		id := c.start(r, speed{batch: 20, rate: 1000})
		pause(time.Duration(c.rand.Int64N(int64(300 * time.Millisecond)))) // also while the streams are told of the start
		answers = append(answers, c.cancel(r, id))
		for _, s := range streams {
			s.until(t, id, `"CANCELLED"`)
		}
	}
	t.Logf("%d streams of %.1f KiB at the node and %.1f KiB here; %d cancels, answered after %s at the median, %s at 99%% and %s at most; %.1f KiB per stream afterwards",
		len(streams), kib(grown, streams), kib(grownHere, streams), len(answers), at(answers, 50), at(answers, 99), at(answers, 100), kib(float64(resident(r))-weighed, streams))
}

func kib(bytes float64, streams []*stream) float64 {
	return bytes / 1024 / float64(len(streams))
}

// stream is the client's end of an event stream. It is no more than a connection, because there are thousands.
type stream struct {
	conn  net.Conn
	lines *bufio.Reader
}

// stream opens an event stream.
func (c *cluster) stream(r *replica) *stream {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET /api/admin/sync/full-sync/events HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer %s\r\n\r\n", c.token); err != nil {
		c.t.Fatal(err)
	}
	return &stream{conn, bufio.NewReaderSize(conn, 512)}
}

// until reads up to a line that contains all the given texts.
func (s *stream) until(t *testing.T, texts ...string) {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("a stream ended before %q: %v", texts, err)
		}
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			return
		}
	}
}

// inUse returns how many bytes this process uses.
func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}

// resident returns how many bytes a replica's process takes up; 0 if the system does not say.
func resident(r *replica) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid()))
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int64
	_, _ = fmt.Sscan(rest, &kilobytes)
	return kilobytes << 10
}
