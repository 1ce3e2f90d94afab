//go:build unix

package reliability

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// wire is the network between a replica and PostgreSQL. It can be cut, so that nothing gets through in either direction and
// nobody is told, and healed again. It understands just enough of PostgreSQL's frontend protocol to cut itself at a chosen
// message.
type wire struct {
	socket string
	listen net.Listener

	mu sync.Mutex
	// open is closed while the wire is whole.
	open  chan struct{}
	down  chan struct{}
	conns []net.Conn
	// at is where to cut; nil for nowhere. hit is closed when the cut has happened.
	at  *point
	hit chan struct{}
}

// point is a moment in a worker's conversation with PostgreSQL.
type point struct {
	name string
	// reached reports whether a connection is about to send the message in question.
	reached func(message byte, c *conversation) bool
	// forwarded says that this message still gets through, and only the answer is cut off.
	forwarded bool
}

// conversation is what one connection has said so far.
type conversation struct {
	statements map[string]string
	// current is the statement being executed, and transaction everything before it in the same transaction.
	current, transaction string
}

// The messages of https://www.postgresql.org/docs/current/protocol-message-formats.html that matter here.
const (
	msgBind  = 'B'
	msgParse = 'P'
	msgQuery = 'Q'
	msgSync  = 'S'
)

const (
	isBatch = `INSERT INTO products`
	isFence = `"batch_seq"=`
	isClaim = `"attempts"=attempts + 1`
)

// points returns the moments inside a transaction when a frozen worker holds the most locks.
func points() []point {
	return []point{
		{name: "while it sends the batch", reached: func(m byte, c *conversation) bool {
			return m == msgBind && strings.Contains(c.current, isBatch)
		}},
		{name: "after the products", reached: func(m byte, c *conversation) bool {
			return m == msgBind && strings.Contains(c.current, isFence)
		}},
		{name: "after the fence", forwarded: true, reached: func(m byte, c *conversation) bool {
			return m == msgSync && strings.Contains(c.current, isFence) && strings.Contains(c.transaction, isFence)
		}},
		{name: "before the commit", reached: func(m byte, c *conversation) bool {
			return m == msgQuery && c.current == "commit" && strings.Contains(c.transaction, isFence)
		}},
	}
}

// claiming is the moment just before a worker commits its claim.
func claiming() point {
	return point{name: "before the claim's commit", reached: func(m byte, c *conversation) bool {
		return m == msgQuery && c.current == "commit" && strings.Contains(c.transaction, isClaim)
	}}
}

// newWire returns a wire to the PostgreSQL at databaseURL, and the URL of the database through it.
func newWire(t testing.TB, databaseURL string) (w *wire, through string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w = &wire{socket: filepath.Join(u.Query().Get("host"), ".s.PGSQL."+u.Query().Get("port")), listen: listen,
		open: make(chan struct{}), down: make(chan struct{})}
	close(w.open)
	go w.accept()
	t.Cleanup(w.close)
	u.Host, u.RawQuery = listen.Addr().String(), "sslmode=disable"
	return w, u.String()
}

func (w *wire) accept() {
	for {
		client, err := w.listen.Accept()
		if err != nil {
			return
		}
		go w.connect(client)
	}
}

func (w *wire) connect(client net.Conn) {
	defer client.Close() //nolint:errcheck // both ends learn of it
	if !w.pass() {
		return
	}
	server, err := net.Dial("unix", w.socket)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // both ends learn of it
	w.mu.Lock()
	w.conns = append(w.conns, client, server)
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.back(client, server); _ = client.Close() })
	both.Go(func() { w.forth(client, server); _ = server.Close() })
	both.Wait()
}

// back carries answers.
func (w *wire) back(client, server net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		if !w.pass() {
			return
		}
		if _, failed := client.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

// forth carries what the replica says, message by message.
func (w *wire) forth(client, server net.Conn) {
	// The first message has no type. A request to cancel a statement consists of just that message.
	first, err := readMessage(client, nil)
	if err != nil || !w.pass() {
		return
	}
	if _, err := server.Write(first); err != nil {
		return
	}
	c := &conversation{statements: map[string]string{}}
	for {
		var kind [1]byte
		if _, err := io.ReadFull(client, kind[:]); err != nil {
			w.pass() // not even the end of a connection gets through a cut
			return
		}
		message, err := readMessage(client, kind[:])
		if err != nil {
			return
		}
		c.hear(message)
		forwarded := w.watch(message[0], c)
		if !forwarded && !w.pass() {
			return
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads a message after its type.
func readMessage(r io.Reader, kind []byte) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if n < 4 || n > 1<<28 {
		return nil, errors.New("not PostgreSQL's protocol")
	}
	message := make([]byte, len(kind)+n)
	copy(message, kind)
	copy(message[len(kind):], size[:])
	_, err := io.ReadFull(r, message[len(kind)+4:])
	return message, err
}

// hear keeps track of the statement being executed.
func (c *conversation) hear(message []byte) {
	body := message[5:]
	text := func() string {
		before, after, _ := bytes.Cut(body, []byte{0})
		body = after
		return string(before)
	}
	switch message[0] {
	case msgParse:
		name := text()
		c.statements[name] = text()
	case msgBind:
		_ = text() // the portal
		c.execute(c.statements[text()])
	case msgQuery:
		c.execute(text())
	}
}

func (c *conversation) execute(statement string) {
	c.current = statement
	if statement == "begin" {
		c.transaction = ""
	}
	c.transaction += statement + "\n"
}

// watch cuts the wire when the point is reached, and reports whether the message still gets through.
func (w *wire) watch(message byte, c *conversation) (forwarded bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil || !w.at.reached(message, c) {
		return false
	}
	forwarded = w.at.forwarded
	w.at = nil
	w.open = make(chan struct{})
	close(w.hit)
	return forwarded
}

// cutAt makes the wire cut itself at a point, and returns a channel that is closed when it has.
func (w *wire) cutAt(p point) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.hit = &p, make(chan struct{})
	return w.hit
}

// cut lets nothing through from now on.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = nil
	select {
	case <-w.open:
		w.open = make(chan struct{})
	default:
	}
}

// heal lets everything through again, including what was waiting.
func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = nil
	select {
	case <-w.open:
	default:
		close(w.open)
	}
}

// drop closes every connection, so that what was waiting never arrives, and heals the wire for new ones.
func (w *wire) drop() {
	w.mu.Lock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
	w.mu.Unlock()
	w.heal()
}

// pass waits until the wire is whole; it returns false if the wire is gone for good.
func (w *wire) pass() bool {
	for {
		w.mu.Lock()
		open := w.open
		w.mu.Unlock()
		select {
		case <-open:
			return true
		case <-w.down:
			return false
		}
	}
}

func (w *wire) close() {
	_ = w.listen.Close()
	close(w.down)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
}
