package app_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/app"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

var benchRepeats = flag.Int("bench.repeats", 20_000, "products of the catalog that BenchmarkRepeat compares")

// BenchmarkRepeat measures what a sync costs if the target already has nearly everything. Each figure is the median of the
// iterations, and each iteration is measured beside its yardstick: on PostgreSQL a COPY of the whole catalog from a file on the
// client's side (psql's \copy) into an empty table with the same key, on SQLite a pull with readEverything.
func BenchmarkRepeat(b *testing.B) {
	n := *benchRepeats
	for _, kind := range benchKinds() {
		b.Run(kind.name, func(b *testing.B) {
			p := newBenchPair(b, kind, n)
			p.pull(b, "")
			if kind.name == "postgres" { // which it does by itself within a minute
				p.vacuum(b)
			}
			yardstick, name := p.everything, "times-readEverything"
			if kind.name == "postgres" {
				yardstick, name = p.copier(b), "times-COPY"
			}
			ten, hundredth := max(1, min(10, n)), max(1, n/100)
			for _, change := range []struct {
				name         string
				count, every int
			}{
				{"nothing", 0, 1}, {"10", ten, n / ten}, {"1% in one place", hundredth, 1}, {"1% scattered", hundredth, 100},
			} {
				b.Run(change.name, func(b *testing.B) {
					var ratios, sizes, heaps, takes []float64
					for b.Loop() {
						b.StopTimer()
						p.change(b, change.count, change.every)
						plain := yardstick(b)
						p.change(b, change.count, change.every)
						resetPeakRSS(b)
						peak := watchHeap()
						b.StartTimer()
						run := p.pull(b, "")
						heaps = append(heaps, float64(peak())/1e6)
						run.want(b, session.Counts{Updated: int64(change.count), Unchanged: int64(n - change.count)})
						takes = append(takes, run.took.Seconds())
						ratios = append(ratios, plain.Seconds()/run.took.Seconds())
						sizes = append(sizes, float64(run.counts.TransferredBytes)/1e3)
					}
					b.ReportMetric(median(ratios), name)
					b.ReportMetric(median(takes), "s/pull")
					b.ReportMetric(median(sizes), "KB-on-the-wire")
					b.ReportMetric(median(heaps), "peak-heap-MB")
					b.ReportMetric(float64(peakRSS(b))/1e6, "peak-RSS-MB")
				})
			}
		})
	}
}

// change renames count products of the source, spread evenly.
func (p *benchPair) change(b *testing.B, count, every int) {
	b.Helper()
	stamp := time.Now().Format(time.RFC3339Nano)
	for from := 0; from < count; from += 1000 {
		var ids []string
		for i := from; i < min(count, from+1000); i++ {
			ids = append(ids, fmt.Sprintf("P-%07d", i*every+1))
		}
		var changed []catalog.Product
		err := p.source.Store.ReadProducts(b.Context(), catalog.Default, ids, func(one *catalog.Product) error {
			changed = append(changed, *one)
			last := &changed[len(changed)-1]
			last.Name += " " + stamp
			last.Hash = last.ContentHash()
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.source.Store.Import(b.Context(), catalog.Default, "source", changed); err != nil {
			b.Fatal(err)
		}
	}
}

// vacuum does what autovacuum would do after so many changes.
func (p *benchPair) vacuum(b *testing.B) {
	b.Helper()
	for _, node := range []*app.App{p.source, p.target} {
		if _, err := node.Store.SQL().ExecContext(b.Context(), "VACUUM (ANALYZE) products"); err != nil {
			b.Fatal(err)
		}
	}
}

// everything pulls every product, and returns how long that took.
func (p *benchPair) everything(b *testing.B) time.Duration {
	b.Helper()
	return p.pull(b, `"readEverything":true`).took
}

// copier writes the target's products to a file, and returns a function that copies them into an empty table with their key.
func (p *benchPair) copier(b *testing.B) func(b *testing.B) time.Duration {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), p.targetURL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	path := filepath.Join(b.TempDir(), "products")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.PgConn().CopyTo(b.Context(), file, "COPY products TO STDOUT"); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(b.Context(), "CREATE TABLE copied (LIKE products, PRIMARY KEY (catalog, id))"); err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B) time.Duration {
		b.Helper()
		if _, err := conn.Exec(b.Context(), "TRUNCATE copied"); err != nil {
			b.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		began := time.Now()
		done, err := conn.PgConn().CopyFrom(b.Context(), file, "COPY copied FROM STDIN")
		if err != nil || done.RowsAffected() != int64(*benchRepeats) {
			b.Fatal(fmt.Sprint(done), err)
		}
		return time.Since(began)
	}
}
