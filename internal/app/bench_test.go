package app_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/config"
	"fullsync/internal/peer"
	"fullsync/internal/postgrestest"
	"fullsync/internal/sample"
	"fullsync/internal/session"
)

// What to measure; docs/performance.md shows the commands.
var (
	benchProducts = flag.Int("bench.products", 10_000, "products of the catalog that BenchmarkPull moves")
	benchBatch    = flag.Int("bench.batch", 0, "products per batch, 0 for the node's default")
	benchServer   = flag.String("bench.postgres", "", "postgres:// address of a server of yours to measure on, by a user who may create databases")
	benchLarge    = flag.Bool("bench.large", false, "let BenchmarkPullMemory also move 300,000 products")
)

// BenchmarkPull measures whole syncs over HTTP on the loopback interface, from the worker's claim to completedAt by the
// database's clock. Both nodes are in this process, and their databases on this machine: products/s is what all of them
// manage together, and B/product is what both nodes together allocate.
//
// Before each first load on PostgreSQL (that of [postgrestest], where fsync is off, unless another is named) it copies the
// same rows into the same table, with its key, using one plain COPY in the same database; on SQLite it uses plain INSERTs
// in one transaction. of-COPY and of-INSERT are the pull's speed as a fraction of that. Every figure is the median of the
// iterations.
func BenchmarkPull(b *testing.B) {
	for _, kind := range benchKinds() {
		b.Run(kind.name, func(b *testing.B) {
			p := newBenchPair(b, kind, *benchProducts)
			rows := slices.Collect(sample.Products(*benchProducts, 1))
			for _, options := range []struct{ name, body string }{
				{"compressed", ""}, {"plain", `"compressionEnabled":false`},
			} {
				b.Run("first/"+options.name, func(b *testing.B) {
					var speeds, ratios, sizes []float64
					for b.Loop() {
						b.StopTimer()
						p.clear(b)
						yardstick := perSecond(len(rows), p.insertPlainly(b, rows))
						p.clear(b)
						b.StartTimer()
						run := p.pull(b, options.body)
						run.want(b, session.Counts{Created: int64(len(rows))})
						speeds = append(speeds, perSecond(len(rows), run.took))
						ratios = append(ratios, perSecond(len(rows), run.took)/yardstick)
						sizes = append(sizes, float64(run.allocated)/float64(len(rows)))
					}
					b.ReportMetric(median(speeds), "products/s")
					b.ReportMetric(median(ratios), "of-"+kind.yardstick)
					b.ReportMetric(median(sizes), "B/product")
				})
				b.Run("repeat/"+options.name, func(b *testing.B) {
					var speeds, sizes []float64
					p.pull(b, options.body) // whatever the table held before
					for b.Loop() {
						run := p.pull(b, options.body)
						run.want(b, session.Counts{Unchanged: int64(len(rows))})
						speeds = append(speeds, perSecond(len(rows), run.took))
						sizes = append(sizes, float64(run.allocated)/float64(len(rows)))
					}
					b.ReportMetric(median(speeds), "products/s")
					b.ReportMetric(median(sizes), "B/product")
				})
			}
		})
	}
}

// BenchmarkPullMemory shows that the memory for a first load does not grow with the catalog. peak-heap-MB is the largest
// size of both nodes' objects, live or not yet collected; peak-RSS-MB (Linux) is that of the whole process.
func BenchmarkPullMemory(b *testing.B) {
	sizes := []int{10_000}
	if *benchLarge {
		sizes = append(sizes, 300_000)
	}
	for _, kind := range benchKinds() {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", kind.name, n), func(b *testing.B) {
				p := newBenchPair(b, kind, n)
				var heaps, rss []float64
				for b.Loop() {
					b.StopTimer()
					p.clear(b)
					resetPeakRSS(b)
					peak := watchHeap()
					b.StartTimer()
					run := p.pull(b, "")
					run.want(b, session.Counts{Created: int64(n)})
					heaps = append(heaps, float64(peak())/1e6)
					rss = append(rss, float64(peakRSS(b))/1e6)
				}
				b.ReportMetric(median(heaps), "peak-heap-MB")
				b.ReportMetric(median(rss), "peak-RSS-MB")
			})
		}
	}
}

// benchKind is a database to measure.
type benchKind struct {
	name string
	// yardstick names the plain way to fill a table in it.
	yardstick string
	// clear empties the table of products.
	clear string
	// url returns the address of a new database, empty for SQLite.
	url func(testing.TB) string
}

func benchKinds() []benchKind {
	return []benchKind{
		{"postgres", "COPY", "TRUNCATE products", newBenchDatabase},
		{"sqlite", "INSERT", "DELETE FROM products", func(testing.TB) string { return "" }},
	}
}

// newBenchDatabase returns the address of a new database on the throwaway server, or on the named one.
func newBenchDatabase(tb testing.TB) string {
	tb.Helper()
	if *benchServer == "" {
		return postgrestest.NewDatabase(tb)
	}
	address, err := url.Parse(*benchServer)
	if err != nil {
		tb.Fatal("-bench.postgres must be a postgres:// address")
	}
	name := fmt.Sprintf("fullsync_bench_%d", time.Now().UnixNano())
	admin := func(statement string) {
		conn, err := pgx.Connect(context.Background(), *benchServer)
		if err != nil {
			tb.Fatal(err)
		}
		defer conn.Close(context.Background()) //nolint:errcheck // the statement's own error is what counts
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			tb.Fatal(err)
		}
	}
	admin("CREATE DATABASE " + name)
	tb.Cleanup(func() { admin("DROP DATABASE " + name + " WITH (FORCE)") })
	address.Path = "/" + name
	return address.String()
}

// benchPair is two running nodes. source holds the products, and target has it as a peer.
type benchPair struct {
	kind           benchKind
	source, target *app.App
	targetURL      string // of target's database
	token          string // of an admin of target
}

// newBenchPair starts a pair; settings are variables of the target, each as NAME=value.
func newBenchPair(b *testing.B, kind benchKind, products int, settings ...string) *benchPair {
	b.Helper()
	p := &benchPair{kind: kind, targetURL: kind.url(b)}
	p.source = newBenchNode(b, "source", kind.url(b))
	p.target = newBenchNode(b, "target", p.targetURL, settings...)
	for batch := range sample.Batches(products, catalog.MaxBatchProducts, 1) {
		if _, err := p.source.Store.Import(b.Context(), catalog.Default, "source", batch); err != nil {
			b.Fatal(err)
		}
	}
	reader, err := p.source.Token("target", auth.RoleNode, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	if p.token, err = p.target.Token("bench", auth.RoleAdmin, time.Hour); err != nil {
		b.Fatal(err)
	}
	_, err = p.target.Peers.Add(b.Context(), peer.New{NodeID: "source", NodeName: "Source", URL: p.source.URL(), Token: reader, IsActive: true})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func newBenchNode(b *testing.B, id, databaseURL string, settings ...string) *app.App {
	b.Helper()
	cfg, _, err := config.Load(config.Environ(append(settings,
		"FULLSYNC_NODE_ID="+id, "FULLSYNC_LISTEN=127.0.0.1:0", "FULLSYNC_DATA_DIR="+b.TempDir(), "FULLSYNC_DATABASE_URL="+databaseURL,
	)), nil)
	if err != nil {
		b.Fatal(err)
	}
	node, err := app.New(b.Context(), cfg, slog.New(slog.DiscardHandler))
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
	return node
}

// clear empties target's table and collects earlier garbage, so that the measurement does not pay for it.
func (p *benchPair) clear(b *testing.B) {
	b.Helper()
	if _, err := p.target.Store.SQL().ExecContext(b.Context(), p.kind.clear); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
}

// benchRun is how one sync went.
type benchRun struct {
	took      time.Duration
	allocated uint64
	counts    session.Counts
}

// want fails the benchmark if the sync did something other than what it should measure.
func (r benchRun) want(b *testing.B, want session.Counts) {
	b.Helper()
	want.TransferredBytes = r.counts.TransferredBytes
	if r.counts != want {
		b.Fatalf("the sync did %+v, want %+v", r.counts, want)
	}
}

// pull runs one sync to its end. options are members for the start's options.
func (p *benchPair) pull(b *testing.B, options string) benchRun {
	b.Helper()
	if *benchBatch > 0 {
		options = strings.TrimPrefix(options+fmt.Sprintf(`,"batchSize":%d`, *benchBatch), ",")
	}
	return runSync(b, p.target, p.token, `{"action":"pull","targetPeer":"source","options":{`+options+`}}`)
}

// runSync runs one sync at a node to its end.
func runSync(b *testing.B, node *app.App, token, body string) benchRun {
	b.Helper()
	before := readMetric("/gc/heap/allocs:bytes")
	id := startSync(b, node, token, body)
	// Look rarely, because looking costs time. The duration comes from the session.
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for range look.C {
		s, _, err := node.Store.GetSession(b.Context(), id)
		switch {
		case err != nil:
			b.Fatal(err)
		case s.Status == session.Completed:
			return benchRun{s.CompletedAt.Sub(*s.ClaimedAt), readMetric("/gc/heap/allocs:bytes") - before, s.Counts}
		case !s.Status.Active():
			b.Fatalf("the sync ended in %s: %s", s.Status, s.ErrorMessage)
		}
	}
	panic("unreachable: the ticker never ends")
}

func startSync(b *testing.B, node *app.App, token, body string) (sessionID string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, node.URL()+"/api/admin/sync/full-sync", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(resp.Body)
	var answer struct{ SessionID string }
	if err != nil || resp.StatusCode != http.StatusAccepted || json.Unmarshal(text, &answer) != nil {
		b.Fatalf("start: %d %s %v", resp.StatusCode, text, err)
	}
	return answer.SessionID
}

// insertPlainly fills target's table in the simplest fast way its database has, and returns how long that took.
func (p *benchPair) insertPlainly(b *testing.B, rows []catalog.Product) time.Duration {
	b.Helper()
	columns := []string{"catalog", "id", "sku", "name", "price", "currency", "active", "attributes", "hash", "origin_node_id", "created_at", "updated_at"}
	at := time.Now().UTC()
	row := func(i int) []any {
		r := &rows[i]
		return []any{catalog.Default, r.ID, r.SKU, r.Name, r.Price, r.Currency, r.Active, r.Attributes, r.Hash, "source", at, at}
	}
	if p.targetURL == "" {
		return p.insertSQLite(b, columns, len(rows), row)
	}
	conn, err := pgx.Connect(b.Context(), p.targetURL)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the database goes with the benchmark
	began := time.Now()
	_, err = conn.CopyFrom(b.Context(), pgx.Identifier{"products"}, columns,
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) { return row(i), nil }))
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func (p *benchPair) insertSQLite(b *testing.B, columns []string, n int, row func(int) []any) time.Duration {
	b.Helper()
	began := time.Now()
	tx, err := p.target.Store.SQL().BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	insert, err := tx.PrepareContext(b.Context(),
		"INSERT INTO products ("+strings.Join(columns, ", ")+") VALUES (?"+strings.Repeat(", ?", len(columns)-1)+")") //nolint:gosec // constants
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close() //nolint:errcheck // the end of the transaction has closed it
	for i := range n {
		if _, err := insert.ExecContext(b.Context(), row(i)...); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func readMetric(name string) uint64 {
	one := []metrics.Sample{{Name: name}}
	metrics.Read(one)
	return one[0].Value.Uint64()
}

// watchHeap looks at the size of the heap's objects every millisecond until peak is called, which returns the largest size.
func watchHeap() (peak func() uint64) {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		var largest uint64
		for {
			select {
			case <-look.C:
				largest = max(largest, readMetric("/memory/classes/heap/objects:bytes"))
			case <-stop:
				most <- largest
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-most }
}

// resetPeakRSS makes Linux forget the largest resident size of this process so far.
func resetPeakRSS(b *testing.B) {
	b.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak of resident memory covers the whole process so far: %v", err)
	}
}

// peakRSS returns the largest resident size of this process in bytes, or 0 if the system does not say.
func peakRSS(b *testing.B) int64 {
	b.Helper()
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	_, _ = fmt.Sscan(rest, &kilobytes)
	return kilobytes << 10
}
