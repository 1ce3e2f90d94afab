package store_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/postgrestest"
	"fullsync/internal/sample"
	"fullsync/internal/store"
)

var digestProducts = flag.Int("digests.products", 100_000, "products in the catalog of BenchmarkDigests and BenchmarkTriggers")

// benchOnBoth runs a benchmark on a fresh, migrated database of each kind.
func benchOnBoth(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	for name, options := range map[string]func(b *testing.B) store.Options{
		"postgres": func(b *testing.B) store.Options {
			return store.Options{URL: postgrestest.NewDatabase(b), Workers: 1}
		},
		"sqlite": func(b *testing.B) store.Options {
			return store.Options{SQLitePath: filepath.Join(b.TempDir(), "fullsync.db")}
		},
	} {
		b.Run(name, func(b *testing.B) {
			s, err := store.Open(b.Context(), options(b))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			if err := s.Migrate(b.Context(), engineOf(s).Migrate, nil); err != nil {
				b.Fatal(err)
			}
			bench(b, s)
		})
	}
}

// fill loads sample products, and returns how long the database took for them.
func fill(b *testing.B, s *store.Store, n int, change func(*catalog.Product)) (took time.Duration) {
	for products := range sample.Batches(n, 2500, 1) {
		for i := range products {
			if change != nil {
				change(&products[i])
				products[i].Hash = products[i].ContentHash()
			}
		}
		began := time.Now()
		if _, err := s.Import(b.Context(), "main", "branch", products); err != nil {
			b.Fatal(err)
		}
		took += time.Since(began)
	}
	return took
}

func statement(b *testing.B, s *store.Store, query string) {
	if _, err := s.SQL().ExecContext(b.Context(), query); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

// BenchmarkDigests is how long each question of a comparison takes.
func BenchmarkDigests(b *testing.B) {
	n := *digestProducts
	benchOnBoth(b, func(b *testing.B, s *store.Store) {
		ctx, side := b.Context(), s.Side("main")
		fill(b, s, n, nil)
		if s.Listener() != nil {
			statement(b, s, "VACUUM ANALYZE") // as it does by itself after a while
		}
		var through []string
		draw := func() {
			through = through[:0]
			for after, more := "", true; more; {
				page, err := side.Spans(ctx, after, "", 1000, 5000)
				if err != nil {
					b.Fatal(err)
				}
				for _, sp := range page.Spans {
					through = append(through, sp.Through)
				}
				after, more = page.Next, page.More
			}
		}
		draw()
		if s.Listener() != nil {
			b.Run("against COPY", func(b *testing.B) { againstCopy(b, s, draw) })
		}
		b.Run("spans", func(b *testing.B) {
			for b.Loop() {
				draw()
			}
		})
		b.Run("intervals", func(b *testing.B) {
			for b.Loop() {
				if _, err := side.Digests(ctx, "", through); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("spans of one", func(b *testing.B) {
			for b.Loop() {
				if _, err := side.Spans(ctx, through[len(through)/2], through[len(through)/2+1], 16, 100); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("entries of 300 places", func(b *testing.B) {
			var of []catalog.Interval
			for i := range 300 {
				id := func(k int) string { return fmt.Sprintf("P-%07d", i*n/300+k) }
				of = append(of, catalog.Interval{After: id(0), Through: id(16)})
			}
			for b.Loop() {
				if _, err := side.Entries(ctx, of); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("rehash", func(b *testing.B) {
			for b.Loop() {
				if _, err := side.Rehashed().Digests(ctx, "", []string{""}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("heal", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				statement(b, s, "UPDATE products SET digest = NULL")
				b.StartTimer()
				if healed, _, err := s.HealAll(ctx); err != nil || healed != int64(n) {
					b.Fatal(healed, err)
				}
			}
		})
	})
}

// againstCopy is how many times faster all spans are drawn than all products are copied into an empty table with a key, from a
// file at the server. Both take turns, so that what else the machine does weighs on both.
func againstCopy(b *testing.B, s *store.Store, draw func()) {
	statement(b, s, `CREATE TABLE copied (LIKE products, PRIMARY KEY (catalog, id))`)
	copied := func(how, table string) {
		statement(b, s, `DO $$ BEGIN EXECUTE format('COPY `+table+` `+how+` %L', current_setting('data_directory') || '/copied'); END $$`)
	}
	copied("TO", "products")
	var copying, drawing time.Duration
	for b.Loop() {
		statement(b, s, "TRUNCATE copied")
		began := time.Now()
		copied("FROM", "copied")
		copying += time.Since(began)
		began = time.Now()
		draw()
		drawing += time.Since(began)
	}
	statement(b, s, "DROP TABLE copied")
	b.ReportMetric((copying / time.Duration(b.N)).Seconds(), "copy-s")
	b.ReportMetric((drawing / time.Duration(b.N)).Seconds(), "spans-s")
	b.ReportMetric(float64(copying)/float64(drawing), "times-faster")
}

// BenchmarkTriggers is what the trigger and its index cost: a first load and an update of everything, with them as a part of the
// same without them. Rounds take turns, so that what else the machine does weighs on both.
func BenchmarkTriggers(b *testing.B) {
	n := *digestProducts
	benchOnBoth(b, func(b *testing.B, s *store.Store) {
		postgres := s.Listener() != nil
		// What makes them again is what the migration said.
		const of = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'products_changed'"
		const ofSQLite = "SELECT sql FROM sqlite_master WHERE name = 'products_changed'"
		look, drop := ofSQLite, "DROP TRIGGER products_changed"
		if postgres {
			look, drop = of, "DROP TRIGGER products_changed ON products"
		}
		var trigger string
		if err := s.SQL().QueryRowContext(b.Context(), look).Scan(&trigger); err != nil {
			b.Fatal(err)
		}
		var load, update [2]time.Duration
		for b.Loop() {
			for without := range 2 {
				if without == 1 {
					statement(b, s, drop)
					statement(b, s, "DROP INDEX products_undigested")
				}
				statement(b, s, "DELETE FROM products")
				if postgres {
					statement(b, s, "VACUUM FULL products")
				}
				load[without] += fill(b, s, n, nil)
				update[without] += fill(b, s, n, func(p *catalog.Product) { p.SKU = "changed" })
				if without == 1 {
					statement(b, s, trigger)
					statement(b, s, "CREATE INDEX products_undigested ON products (catalog, id) WHERE digest IS NULL")
				}
			}
		}
		rounds := time.Duration(b.N)
		b.ReportMetric((load[0] / rounds).Seconds(), "load-s")
		b.ReportMetric((update[0] / rounds).Seconds(), "update-s")
		b.ReportMetric(float64(load[0])/float64(load[1]), "load-ratio")
		b.ReportMetric(float64(update[0])/float64(update[1]), "update-ratio")
	})
}
