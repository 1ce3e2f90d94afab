package app_test

import (
	"flag"
	"testing"

	"fullsync/internal/session"
)

var benchChanges = flag.Int("bench.changes", 20_000, "products of the catalog that BenchmarkChanges loads and updates")

// BenchmarkChanges measures what it costs to keep what a session changed: each first load, and each update of every product, is measured beside
// the same by a node that keeps nothing. Each figure is the median of the iterations.
func BenchmarkChanges(b *testing.B) {
	n := *benchChanges
	for _, kind := range benchKinds() {
		keeps, forgets := newBenchPair(b, kind, n), newBenchPair(b, kind, n, "FULLSYNC_KEEP_CHANGES=0")
		pull := func(b *testing.B, p *benchPair, want session.Counts) float64 {
			b.Helper()
			run := p.pull(b, "")
			run.want(b, want)
			return run.took.Seconds()
		}
		for name, prepare := range map[string]func(b *testing.B, p *benchPair) session.Counts{
			"first load": func(b *testing.B, p *benchPair) session.Counts {
				b.Helper()
				p.clear(b)
				return session.Counts{Created: int64(n)}
			},
			"update of everything": func(b *testing.B, p *benchPair) session.Counts {
				b.Helper()
				p.change(b, n, 1)
				return session.Counts{Updated: int64(n)}
			},
		} {
			b.Run(kind.name+"/"+name, func(b *testing.B) {
				keeps.pull(b, "")
				forgets.pull(b, "")
				var with, times []float64
				for b.Loop() {
					b.StopTimer()
					want := prepare(b, forgets)
					without := pull(b, forgets, want)
					prepare(b, keeps)
					b.StartTimer()
					took := pull(b, keeps, want)
					with, times = append(with, took), append(times, took/without)
				}
				b.ReportMetric(median(with), "s/pull")
				b.ReportMetric(median(times), "times-without")
			})
		}
	}
}

// BenchmarkDryRun measures a dry run that finds ten differences in a large catalog beside a repeat that finds none.
func BenchmarkDryRun(b *testing.B) {
	n := *benchRepeats
	for _, kind := range benchKinds() {
		b.Run(kind.name, func(b *testing.B) {
			p := newBenchPair(b, kind, n)
			p.pull(b, "")
			if kind.name == "postgres" { // which it does by itself within a minute
				p.vacuum(b)
			}
			p.pull(b, "")
			var takes, times []float64
			for b.Loop() {
				b.StopTimer()
				repeat := p.pull(b, "")
				repeat.want(b, session.Counts{Unchanged: int64(n)})
				p.change(b, 10, n/10)
				b.StartTimer()
				dry := p.pull(b, `"dryRun":true`)
				dry.want(b, session.Counts{Updated: 10, Unchanged: int64(n - 10)})
				b.StopTimer()
				p.pull(b, "")
				b.StartTimer()
				takes, times = append(takes, dry.took.Seconds()), append(times, dry.took.Seconds()/repeat.took.Seconds())
			}
			b.ReportMetric(median(takes), "s/dry-run")
			b.ReportMetric(median(times), "times-repeat")
		})
	}
}
