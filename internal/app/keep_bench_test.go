package app_test

import (
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/peer"
	"fullsync/internal/sample"
	"fullsync/internal/session"
)

// BenchmarkKeepFields is what keeping a field costs: the target has another price than the source for every product and keeps it, and every round
// runs the same sync between two other nodes that keep nothing. times-plain is the median of the ratios of the two.
func BenchmarkKeepFields(b *testing.B) {
	n := *benchRepeats
	for _, kind := range benchKinds() {
		b.Run(kind.name, func(b *testing.B) {
			plain, kept := newBenchPair(b, kind, n), newBenchPair(b, kind, n)
			plain.pull(b, "")
			kept.pull(b, "")
			kept.reprice(b, n)
			if kind.name == "postgres" { // which it does by itself within a minute
				plain.vacuum(b)
				kept.vacuum(b)
			}
			hundredth := max(1, n/100)
			for _, change := range []struct {
				name    string
				count   int
				options string
				done    session.Counts
			}{
				{"nothing", 0, "", session.Counts{Unchanged: int64(n)}},
				{"1% scattered", hundredth, "", session.Counts{Updated: int64(hundredth), Unchanged: int64(n - hundredth)}},
				{"verified", 0, `"verifyAfterSync":true`, session.Counts{Unchanged: int64(n)}},
			} {
				b.Run(change.name, func(b *testing.B) {
					var ratios, takes []float64
					for b.Loop() {
						plain.change(b, change.count, 100)
						kept.change(b, change.count, 100)
						yardstick := plain.pull(b, change.options)
						run := kept.pull(b, change.options)
						yardstick.want(b, change.done)
						run.want(b, change.done)
						ratios = append(ratios, run.took.Seconds()/yardstick.took.Seconds())
						takes = append(takes, run.took.Seconds())
					}
					b.ReportMetric(median(ratios), "times-plain")
					b.ReportMetric(median(takes), "s/pull")
				})
			}
		})
	}
}

// reprice gives every product of the target another price, which it keeps from then on.
func (p *benchPair) reprice(b *testing.B, n int) {
	b.Helper()
	for products := range sample.Batches(n, catalog.MaxBatchProducts, 1) {
		for i := range products {
			products[i].Price = "1.00"
			products[i].Hash = products[i].ContentHash()
		}
		if _, err := p.target.Store.Import(b.Context(), catalog.Default, "target", products); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := p.target.Peers.Change(b.Context(), "source", peer.Change{KeepFields: &catalog.Fields{"price"}}); err != nil {
		b.Fatal(err)
	}
	p.pull(b, "").want(b, session.Counts{Unchanged: int64(n)})
}
