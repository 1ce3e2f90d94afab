package app_test

import (
	"testing"

	"fullsync/internal/nodetest"
)

// TestUpkeepReadsAgainWhatOthersWrote: after an update, and whenever something else wrote to the catalog, a running node restores
// the products' digests by itself.
func TestUpkeepReadsAgainWhatOthersWrote(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind)})
		n.Fill("main", 700)
		if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE products SET digest = NULL"); err != nil {
			t.Fatal(err)
		}
		n = n.Restart()
		nodetest.Eventually(t, "every product has a digest", func() bool {
			var missing int
			if err := n.Store.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM products WHERE digest IS NULL").Scan(&missing); err != nil {
				t.Fatal(err)
			}
			return missing == 0
		})
	})
}
