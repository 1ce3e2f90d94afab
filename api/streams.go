package api

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// streams are the event streams of this replica that have left their requests. A request that waits costs its buffers, what it asked for, the
// goroutine that listens whether its client has gone, and a stack as deep as everything between the server and its handler: three times what
// the connection alone costs, and there are thousands. So a stream keeps the connection and nothing else. Its bytes end where the
// connection ends.
type streams struct {
	running sync.WaitGroup
	mu      sync.Mutex
	conns   map[*ownConn]struct{}
}

func newStreams() *streams { return &streams{conns: map[*ownConn]struct{}{}} }

// leave takes a stream out of its request: run has the connection from then on, and the request is over. It returns false where the connection
// is not one stream's alone, as with HTTP/2; then the stream stays where it is.
func (all *streams) leave(s *stream, stall time.Duration, run func()) bool {
	header := s.w.Header().Clone()
	conn, _, err := s.control.Hijack()
	if err != nil {
		return false
	}
	own := &ownConn{Conn: conn, stall: stall}
	s.w, s.control, s.conn, s.gone, s.waiting = nil, nil, own, nil, head(header)
	all.mu.Lock()
	all.conns[own] = struct{}{}
	all.mu.Unlock()
	all.running.Go(func() {
		defer all.close(own)
		run()
	})
	return true
}

// close closes a connection, and forgets it.
func (all *streams) close(own *ownConn) {
	all.mu.Lock()
	delete(all.conns, own)
	all.mu.Unlock()
	_ = own.Close()
}

// wait returns once every stream has ended. Those that have not when ctx ends are cut.
func (all *streams) wait(ctx context.Context) {
	ended := make(chan struct{})
	go func() { all.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	all.mu.Lock()
	for own := range all.conns {
		_ = own.Close()
	}
	all.mu.Unlock()
}

// head is the beginning of an answer that ends where its connection ends.
func head(header http.Header) []byte {
	header.Set("Connection", "close")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var text bytes.Buffer
	text.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(&text) // a buffer takes everything
	text.WriteString("\r\n")
	return text.Bytes()
}

// ownConn is a connection that gives its client stall for each write.
type ownConn struct {
	net.Conn
	stall time.Duration
}

// Write writes at most stall long.
func (c *ownConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
