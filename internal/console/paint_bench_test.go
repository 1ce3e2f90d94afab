package console_test

import (
	"slices"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/browsertest"
	"fullsync/internal/nodetest"
)

// BenchmarkFirstPaint measures, from the start of its loading, when the page shows something, for whoever signs in and for whoever is signed in.
func BenchmarkFirstPaint(b *testing.B) {
	pair := newPair(b, nodetest.SQLite, 1067, nodetest.Config{})
	paints := func(page *browsertest.Page) func(b *testing.B) {
		return func(b *testing.B) {
			var all []float64
			for b.Loop() {
				page.Reload()
				all = append(all, browsertest.Eval[float64](page, `new Promise((resolve) => {
					new PerformanceObserver((seen, observer) => { observer.disconnect(); resolve(seen.getEntries()[0].startTime); }).observe({ type: "paint", buffered: true });
				})`))
			}
			slices.Sort(all)
			b.ReportMetric(all[len(all)/2], "ms-to-first-paint")
			b.ReportMetric(all[len(all)-1], "ms-at-most")
		}
	}
	b.Run("signed out", paints(open(b, pair.Main, browsertest.Options{})))
	b.Run("signed in", paints(signIn(b, pair.Main, auth.RoleAdmin, browsertest.Options{})))
}
