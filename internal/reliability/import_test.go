//go:build unix

package reliability

import (
	"fmt"
	"net/http"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
)

// TestKilledImportIsTakenOver kills the replica that imports a file which was sent to the node. Another one goes on with it: the file is in the database.
func TestKilledImportIsTakenOver(t *testing.T) {
	t.Parallel()
	const count = 600
	c := newCluster(t, postgrestest.NewDatabase(t), 2, map[string]string{"BATCH_SIZE": "20", "MAX_PRODUCTS_PER_SECOND": "400"})
	db := c.open()
	var file []map[string]any
	for i := range count {
		file = append(file, map[string]any{"id": fmt.Sprintf("p-%04d", count-i), "name": fmt.Sprintf("Product %d", i)})
	}
	var started struct {
		SessionID string `json:"sessionId"`
	}
	c.must(c.replicas[0], http.StatusAccepted, http.MethodPost, "/api/catalogs/web/imports?name=list.json", file, &started)
	worker, other := c.moving(db, started.SessionID, 2)
	worker.kill()
	row := c.ended(db, started.SessionID)
	if row.Status != session.Completed || row.Created != count || row.Updated+row.Rejected != 0 || row.Attempts != 2 || c.worker(row) != other {
		t.Errorf("it ended as %+v", row)
	}
	counts, err := db.CountCatalogs(t.Context())
	if err != nil || len(counts) != 1 || counts[0] != (catalog.Count{Catalog: "web", Products: count}) {
		t.Errorf("the catalogs are %+v, %v", counts, err)
	}
}
