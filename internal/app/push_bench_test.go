package app_test

import (
	"testing"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// BenchmarkPush measures pushes of -bench.repeats products beside pulls of the same ones: a first load, a repeat of which nothing has changed, and one of
// which one product in a hundred has. times-pull is how much longer the push took than the pull before it; it is the median of the iterations.
func BenchmarkPush(b *testing.B) {
	n := *benchRepeats
	for _, kind := range benchKinds() {
		b.Run(kind.name, func(b *testing.B) {
			p := newBenchPair(b, kind, n)
			push := p.pusher(b)
			p.pull(b, "")
			if kind.name == "postgres" {
				p.vacuum(b)
			}
			for _, work := range []struct {
				name    string
				prepare func(b *testing.B)
				want    session.Counts
			}{
				{"first", p.clear, session.Counts{Created: int64(n)}},
				{"nothing", func(*testing.B) {}, session.Counts{Unchanged: int64(n)}},
				{"1% scattered", func(b *testing.B) { p.change(b, n/100, 100) }, session.Counts{Updated: int64(n / 100), Unchanged: int64(n - n/100)}},
			} {
				b.Run(work.name, func(b *testing.B) {
					var ratios, takes, sizes []float64
					for b.Loop() {
						b.StopTimer()
						work.prepare(b)
						pulled := p.pull(b, "")
						pulled.want(b, work.want)
						work.prepare(b)
						b.StartTimer()
						pushed := push(b)
						pushed.want(b, work.want)
						ratios = append(ratios, pushed.took.Seconds()/pulled.took.Seconds())
						takes = append(takes, pushed.took.Seconds())
						sizes = append(sizes, float64(pushed.counts.TransferredBytes)/1e3)
					}
					b.ReportMetric(median(ratios), "times-pull")
					b.ReportMetric(median(takes), "s/push")
					b.ReportMetric(median(sizes), "KB-on-the-wire")
				})
			}
		})
	}
}

// pusher returns what pushes the source's products to the target.
func (p *benchPair) pusher(b *testing.B) func(b *testing.B) benchRun {
	b.Helper()
	writer, err := p.target.Token("source", auth.RoleNodePush, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	_, err = p.source.Peers.Add(b.Context(), peer.New{NodeID: "target", NodeName: "Target", URL: p.target.URL(), Token: writer, IsActive: true})
	if err != nil {
		b.Fatal(err)
	}
	token, err := p.source.Token("bench", auth.RoleAdmin, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B) benchRun {
		b.Helper()
		return runSync(b, p.source, token, `{"action":"push","targetPeer":"target"}`)
	}
}
