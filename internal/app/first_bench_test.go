package app_test

import (
	"testing"

	"fullsync/internal/session"
)

// BenchmarkFirstLoad measures first loads on PostgreSQL against psql's \copy: each iteration is a COPY of the same rows from
// a file on the client's side into an empty table with the same key, and then a pull into the emptied catalog. The figures
// are medians of the iterations.
func BenchmarkFirstLoad(b *testing.B) {
	n := *benchRepeats
	p := newBenchPair(b, benchKinds()[0], n)
	p.pull(b, "")
	copyAll := p.copier(b)
	for _, options := range []struct{ name, body string }{{"compressed", ""}, {"plain", `"compressionEnabled":false`}} {
		b.Run(options.name, func(b *testing.B) {
			var ratios, speeds, sizes, heaps []float64
			for b.Loop() {
				b.StopTimer()
				plain := copyAll(b)
				p.clear(b)
				peak := watchHeap()
				b.StartTimer()
				run := p.pull(b, options.body)
				heaps = append(heaps, float64(peak())/1e6)
				run.want(b, session.Counts{Created: int64(n)})
				speeds = append(speeds, perSecond(n, run.took))
				ratios = append(ratios, plain.Seconds()/run.took.Seconds())
				sizes = append(sizes, float64(run.counts.TransferredBytes)/float64(n))
			}
			b.ReportMetric(median(ratios), "of-COPY")
			b.ReportMetric(median(speeds), "products/s")
			b.ReportMetric(median(sizes), "wire-B/product")
			b.ReportMetric(median(heaps), "peak-heap-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}
