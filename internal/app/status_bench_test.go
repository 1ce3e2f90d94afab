package app_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/labstack/echo/v4"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/nodetest"
)

var benchSessions = flag.Int("bench.sessions", 1000, "finished sessions in the history that BenchmarkStatus reads from")

// pollers is how many clients ask at once.
const pollers = 8

// BenchmarkStatus measures what people and pages ask for again and again, over HTTP on the loopback interface. Each iteration
// sends the same number of requests to the yardstick, which is a bare Echo handler with a single indexed read, and then to the
// node. of-echo is the node's speed as a fraction of that. The figures are medians of the iterations.
func BenchmarkStatus(b *testing.B) {
	for _, kind := range []nodetest.Kind{nodetest.Postgres, nodetest.SQLite} {
		b.Run(string(kind), func(b *testing.B) {
			n := newStatusBench(b, kind)
			paths := []struct{ name, path string }{
				{"status", nodetest.StatusPath},
				{"status/login", nodetest.StatusPath},
				{"stats", "/api/sync/stats"},
				{"session", nodetest.StartPath + "/" + historyID(*benchSessions/2)},
				{"list", nodetest.StartPath},
				{"list/status", nodetest.StartPath + "?status=FAILED"},
				{"list/statuses", nodetest.StartPath + "?status=FAILED&status=CANCELLED"},
				{"list/none", nodetest.StartPath + "?status=PREPARING"},
				{"list/peer", nodetest.StartPath + "?peer=branch-3"},
				{"list/nopeer", nodetest.StartPath + "?peer=nobody"},
				{"list/catalog", nodetest.StartPath + "?catalog=main"},
				{"list/all", nodetest.StartPath + "?catalog=main&peer=branch-3&status=FAILED"},
				{"list/before", nodetest.StartPath + "?startedBefore=2026-01-02T00:00:00Z"},
				{"list/page", n.deepPage(b, nodetest.StartPath)},
				{"list/statuspage", n.deepPage(b, nodetest.StartPath+"?status=FAILED")},
			}
			for _, p := range paths {
				b.Run(p.name, func(b *testing.B) {
					token := n.token
					if strings.HasSuffix(p.name, "/login") {
						token = n.login
					}
					ours := newPollers(b, n.node.URL(), p.path, token)
					bare := newPollers(b, n.yardstick, "/status/"+historyID(1), "")
					ours.ask(pollers)
					bare.ask(pollers)
					var ratios, speeds, yardsticks []float64
					requests := 200
					if took := ours.ask(50); took < 20*time.Millisecond {
						requests = 2000
					}
					for b.Loop() {
						yardstick := perSecond(requests, bare.ask(requests))
						speed := perSecond(requests, ours.ask(requests))
						ratios, speeds, yardsticks = append(ratios, speed/yardstick), append(speeds, speed), append(yardsticks, yardstick)
					}
					b.ReportMetric(median(speeds), "req/s")
					b.ReportMetric(median(yardsticks), "echo-req/s")
					b.ReportMetric(median(ratios), "of-echo")
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

// statusBench is a node with a history, and the yardstick on the same database.
type statusBench struct {
	node *app.App
	// token was made on the command line, login by signing in: its user is read from the database with every request.
	token     string
	login     string
	yardstick string
}

func newStatusBench(b *testing.B, kind nodetest.Kind) *statusBench {
	b.Helper()
	db := nodetest.NewDatabase(b, kind)
	environ := nodetest.Config{ID: "main", Database: db}.Environ()
	environ["FULLSYNC_KEEP_SESSIONS"] = strconv.Itoa(*benchSessions) // those that are old as well
	cfg, _, err := config.Load(environ, nil)
	if err != nil {
		b.Fatal(err)
	}
	// Write the log, as in production, but do not keep it.
	node, err := app.New(b.Context(), cfg, slog.New(slog.NewTextHandler(io.Discard, nil))) //nolint:sloglint // a discarding handler would not even format
	if err != nil {
		b.Fatal(err)
	}
	if err := node.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := node.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	n := &statusBench{node: node}
	if n.token, err = node.Token("bench", auth.RoleViewer, time.Hour); err != nil {
		b.Fatal(err)
	}
	n.login = signIn(b, node)
	fillHistory(b, node.Store.SQL(), kind, *benchSessions)
	// In production the hourly upkeep does this. Without it stats would read one tally for each session of the history.
	if err := node.Store.FoldTallies(b.Context()); err != nil {
		b.Fatal(err)
	}
	n.yardstick = bareEcho(b, db)
	return n
}

// signIn returns the token of a new user.
func signIn(b *testing.B, node *app.App) string {
	b.Helper()
	if _, err := node.Users.Add(b.Context(), "alice", auth.RoleViewer, right); err != nil {
		b.Fatal(err)
	}
	body := `{"name":"alice","password":"` + right + `"}`
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, node.URL()+nodetest.LoginPath, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var answer struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		b.Fatalf("no token: %s, %v", resp.Status, err)
	}
	return answer.Token
}

// deepPage returns the path of the listing's page in the middle of the history.
func (n *statusBench) deepPage(b *testing.B, path string) string {
	b.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	next := ""
	for range min(*benchSessions/10/100, 50) {
		p := path + join + "pageSize=100"
		if next != "" {
			p += "&pageToken=" + next
		}
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, n.node.URL()+p, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+n.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		var body struct{ NextPageToken string }
		err = json.NewDecoder(resp.Body).Decode(&body)
		_ = resp.Body.Close()
		if err != nil || body.NextPageToken == "" {
			return p
		}
		next = body.NextPageToken
	}
	if next == "" {
		return path
	}
	return path + join + "pageToken=" + next
}

// historyID returns the id of the i-th session of [fillHistory].
func historyID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// fillHistory writes n finished sessions, a minute apart, with two catalogs, ten peers and all ways to end.
func fillHistory(b *testing.B, db *sql.DB, kind nodetest.Kind, n int) {
	b.Helper()
	series := "generate_series(1, " + strconv.Itoa(n) + ") AS series(i)"
	id := "'00000000-0000-4000-8000-' || lpad(i::text, 12, '0')"
	at := "timestamptz '2026-01-01' + i * interval '1 minute'"
	if kind == nodetest.SQLite {
		series = "(WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < " + strconv.Itoa(n) + ") SELECT i FROM series)"
		id = "printf('00000000-0000-4000-8000-%012d', i)"
		at = "strftime('%Y-%m-%d %H:%M:%f+00:00', '2026-01-01', '+' || i || ' minutes')"
	}
	statement := `INSERT INTO sync_sessions (id, catalog, direction, peer_id, source_node_id, target_node_id, method, options, status, phase,
		current_step, progress, total_records, transferred_records, created_records, updated_records, unchanged_records, deleted_records,
		rejected_records, transferred_bytes, started_at, started_by, claimed_at, last_heartbeat_at, last_commit_at, completed_at,
		error_message, cancelled_by, cancel_reason, waiting_for, attempts, worker, fence, batch_seq, cursor, job_id)
	SELECT ` + id + `, CASE WHEN i % 20 = 0 THEN 'garden' ELSE 'main' END, 'pull', 'branch-' || (i % 10), 'branch-' || (i % 10), 'main', 'http',
		'{"batchSize":1000,"maxProductsPerSecond":0,"verifyAfterSync":false,"compressionEnabled":true,"timeoutSeconds":86400}',
		CASE WHEN i % 10 = 3 THEN 'FAILED' WHEN i % 10 = 7 THEN 'CANCELLED' ELSE 'COMPLETED' END, 'finished', 'Transferred 1067 products', 100, 1067, 1067,
		1000, 60, 7, 0, 0, 150000, ` + at + `, 'alice', ` + at + `, ` + at + `, ` + at + `, ` + at + `,
		'', '', '', '', 1, 'worker-1', 1, 2, '', 0 FROM ` + series
	statements := []string{statement}
	if kind == nodetest.Postgres {
		statements = append(statements, "ANALYZE") // which autovacuum does in production
	}
	for _, s := range statements {
		if _, err := db.ExecContext(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

// bareEcho serves the yardstick and returns its address.
func bareEcho(b *testing.B, where nodetest.Database) string {
	b.Helper()
	var db *sql.DB
	var err error
	query := "SELECT status, progress, current_step, started_at FROM sync_sessions WHERE id = $1"
	if where.URL != "" {
		cfg, err := pgxpool.ParseConfig(where.URL)
		if err != nil {
			b.Fatal(err)
		}
		cfg.MaxConns = 8
		pool, err := pgxpool.NewWithConfig(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(pool.Close)
		db = stdlib.OpenDBFromPool(pool)
	} else if db, err = sql.Open("sqlite", "file:"+where.Dir+"/fullsync.db?_pragma=busy_timeout(5000)&_time_format=sqlite"); err != nil {
		b.Fatal(err)
	} else {
		db.SetMaxOpenConns(4)
		db.SetMaxIdleConns(4)
	}
	b.Cleanup(func() { _ = db.Close() })
	e := echo.New()
	e.GET("/status/:id", func(c echo.Context) error {
		var s struct {
			Status      string    `json:"status"`
			Progress    int       `json:"progress"`
			CurrentStep string    `json:"currentStep"`
			StartedAt   time.Time `json:"startedAt"`
		}
		err := db.QueryRowContext(c.Request().Context(), query, c.Param("id")).Scan(&s.Status, &s.Progress, &s.CurrentStep, &s.StartedAt)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, s)
	})
	listen, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	go server.Serve(listen) //nolint:errcheck // ends with the benchmark
	b.Cleanup(func() { _ = server.Close() })
	return "http://" + listen.Addr().String()
}

// polling is a number of connections that send one request again and again. They are bare too, so that the benchmark measures the
// server.
type polling struct {
	b       *testing.B
	request []byte
	conns   []net.Conn
	readers []*bufio.Reader
}

func newPollers(b *testing.B, url, path, token string) *polling {
	b.Helper()
	address := strings.TrimPrefix(url, "http://")
	head := "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if token != "" {
		head += "Authorization: Bearer " + token + "\r\n"
	}
	p := &polling{b: b, request: []byte(head + "\r\n")}
	for range pollers {
		c, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		p.conns, p.readers = append(p.conns, c), append(p.readers, bufio.NewReaderSize(c, 64<<10))
	}
	return p
}

// ask sends n requests over all connections and returns how long that took.
func (p *polling) ask(n int) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	for i := range p.conns {
		all.Go(func() {
			for range n / len(p.conns) {
				if err := p.once(i); err != nil {
					p.b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func (p *polling) once(i int) error {
	if _, err := p.conns[i].Write(p.request); err != nil {
		return err
	}
	r := p.readers[i]
	length, first := 0, true
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !strings.HasPrefix(string(line), "HTTP/1.1 200 ") {
			rest, _ := r.Peek(r.Buffered())
			return fmt.Errorf("%s%s", line, rest)
		}
		first = false
		if len(line) == 2 {
			break
		}
		if name, value, ok := strings.Cut(string(line), ":"); ok {
			switch {
			case strings.EqualFold(name, "Content-Length"):
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			case strings.EqualFold(name, "Transfer-Encoding"):
				length = -1
			}
		}
	}
	if length >= 0 {
		_, err := r.Discard(length)
		return err
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 64)
		if err != nil {
			return err
		}
		if _, err := r.Discard(int(size) + 2); err != nil || size == 0 {
			return err
		}
	}
}
