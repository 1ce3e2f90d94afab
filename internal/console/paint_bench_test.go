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
	browsertest.Require(b)
	node := nodetest.Start(b, nodetest.Config{ID: nodetest.MainNode, Database: nodetest.NewDatabase(b, nodetest.SQLite)})
	node.Fill("main", 1067)
	node.AddUser("alice", auth.RoleAdmin, password)
	page := browsertest.Open(b, node.URL()+"/console/", browsertest.Options{})
	paints := func(b *testing.B) {
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
	b.Run("signed out", paints)
	page.Field("Name").Fill("alice")
	page.Field("Password").Fill(password)
	page.Button("Sign in").Click()
	page.Role("heading", "Full sync").Wait()
	b.Run("signed in", paints)
}
