//go:build unix

package reliability

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/postgrestest"
	"fullsync/internal/session"
	"fullsync/internal/store"
)

// undoing is a cluster in which a dry run, its application and a revert lose their worker, or are cancelled.
type undoing struct {
	*cluster
	db *store.Store
}

// paced has every session commit a small batch every tenth of a second, also reverts, whose speed nobody can ask for: so there is time to meet it in
// the middle.
func paced() map[string]string {
	return map[string]string{"BATCH_SIZE": "50", "MAX_PRODUCTS_PER_SECOND": "500"}
}

// TestUndoSurvivesItsWorkers kills the worker of a dry run, of a session that applies it, and of the revert of that, at an exact point inside a batch's
// transaction; another replica goes on. Then each of them is cancelled at such a point. The dry run writes nothing, exactly its plan is applied, and
// after the revert the catalog is what it was, byte for byte.
func TestUndoSurvivesItsWorkers(t *testing.T) {
	t.Parallel()
	heavy(t)
	c := newCluster(t, postgrestest.NewDatabase(t), 2, paced())
	u := undoing{c, c.open()}
	u.watchCommits()
	u.complete(u.db, u.ended(u.db, u.start(u.replicas[0], speed{batch: 1000})))
	for range rounds(1, 30) {
		u.spoil(u.db)
		u.survives(func(id string, batches int64) {
			worker := u.frozen(id, batches)
			worker.kill()
			worker.wire.drop()
			u.ended(u.db, id)
			u.restart(worker)
		})
		u.isCancelled(func(id string, batches int64) {
			worker := u.frozen(id, batches)
			u.cancel(u.other(worker), id)
			worker.wire.heal()
			u.zombieIsBack(worker, id)
		})
	}
	f := u.checkCommits(u.db)
	t.Logf("%d dry runs, plans and reverts each lost their worker inside a transaction, and as many were cancelled; %d batches, each once; %d writes rolled back",
		rounds(1, 30), f.batches, f.undone)
}

// TestUndoSurvivesARestart does the same on SQLite, with a single process that is killed at a random moment and started again.
func TestUndoSurvivesARestart(t *testing.T) {
	t.Parallel()
	heavy(t)
	lengthy(t)
	c := newCluster(t, "", 1, paced())
	u := undoing{c, c.open()}
	u.complete(u.db, u.ended(u.db, u.start(u.replicas[0], speed{batch: 1000})))
	for range rounds(1, 30) {
		u.spoil(u.db)
		u.survives(func(id string, batches int64) {
			u.moving(u.db, id, batches)
			u.replicas[0].kill()
			u.restart(u.replicas[0])
		})
		u.isCancelled(func(id string, batches int64) {
			u.moving(u.db, id, batches)
			u.cancel(u.replicas[0], id)
		})
	}
}

// frozen cuts off the worker of a session that has committed so many batches, at one of the exact points inside the transaction of the next one.
func (u *undoing) frozen(id string, batches int64) *replica {
	u.t.Helper()
	worker, _ := u.moving(u.db, id, batches)
	inside := points()[1:] // the first is about how a sync writes products
	p := inside[u.rand.IntN(len(inside))]
	u.hit(worker.wire.cutAt(p), p)
	return worker
}

// survives makes a dry run, applies it and reverts that, and does something to the worker of each after some batches.
func (u *undoing) survives(disturb func(id string, batches int64)) {
	u.t.Helper()
	before := u.export()
	completed := func(id string) session.Session {
		u.t.Helper()
		disturb(id, 1+u.rand.Int64N(4))
		row := u.ended(u.db, id)
		if row.Status != session.Completed || row.Attempts < 2 {
			u.t.Fatalf("it ended as %s after %d attempts: %+v", row.Status, row.Attempts, row)
		}
		return row
	}
	plan := completed(u.dryRun())
	if plan.Created == 0 || plan.Updated == 0 || !bytes.Equal(u.export(), before) {
		u.t.Errorf("the dry run has changed products, or found nothing: %+v", plan)
	}
	applied := completed(u.apply(plan.ID))
	u.complete(u.db, applied)
	if applied.Created != plan.Created || applied.Updated != plan.Updated || fmt.Sprint(u.changes(applied.ID)) != fmt.Sprint(u.changes(plan.ID)) {
		u.t.Errorf("planned: %+v\ndone: %+v", plan, applied)
	}
	back := completed(u.revert(applied.ID))
	if back.Rejected != 0 || back.Created+back.Updated+back.Deleted != applied.Created+applied.Updated || !bytes.Equal(u.export(), before) {
		u.t.Errorf("the catalog is not what it was: %+v", back)
	}
}

// isCancelled cancels a dry run, a session that applies one, and the revert of what that has done, each after some batches.
func (u *undoing) isCancelled(cancel func(id string, batches int64)) {
	u.t.Helper()
	before := u.export()
	cancelled := func(id string, batches int64) session.Session {
		u.t.Helper()
		cancel(id, batches)
		row := u.row(u.db, id)
		if row.Status != session.Cancelled || row.BatchSeq == 0 {
			u.t.Fatalf("it is %s after %d batches: %+v", row.Status, row.BatchSeq, row)
		}
		return row
	}
	cancelled(u.dryRun(), 1+u.rand.Int64N(4))
	if !bytes.Equal(u.export(), before) {
		u.t.Error("the cancelled dry run has changed products")
	}
	plan := u.ended(u.db, u.dryRun())
	applied := cancelled(u.apply(plan.ID), 8) // so that its revert has a middle
	planned := u.changes(plan.ID)
	for id, hash := range u.changes(applied.ID) {
		if planned[id] != hash {
			u.t.Errorf("product %s became %s, and the plan says %s", id, hash, planned[id])
		}
	}
	back := cancelled(u.revert(applied.ID), 1+u.rand.Int64N(2))
	end := u.ended(u.db, u.begun("/"+back.ID+"/resume", nil))
	if end.Status != session.Completed || end.Rejected != 0 || !bytes.Equal(u.export(), before) {
		u.t.Errorf("the catalog is not what it was: %+v", end)
	}
}

// begun makes a request that begins a session and returns its id.
func (u *undoing) begun(path string, body any) string {
	u.t.Helper()
	var started struct{ SessionID string }
	u.must(u.replicas[0], http.StatusAccepted, http.MethodPost, "/api/admin/sync/full-sync"+path, body, &started)
	return started.SessionID
}

func (u *undoing) dryRun() string {
	u.t.Helper()
	options := brisk().options()
	options["dryRun"] = true
	return u.begun("", map[string]any{"action": "pull", "targetPeer": "branch", "options": options})
}

func (u *undoing) apply(plan string) string {
	u.t.Helper()
	return u.begun("", map[string]any{"action": "pull", "planId": plan})
}

func (u *undoing) revert(id string) string {
	u.t.Helper()
	return u.begun("/"+id+"/revert", nil)
}

// export is the catalog as an export has it.
func (u *undoing) export() (lines []byte) {
	u.t.Helper()
	err := u.db.ReadPage(u.t.Context(), catalog.Default, "", 10*products, func(p *catalog.Product) error {
		lines = append(p.AppendJSON(lines), '\n')
		return nil
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return lines
}

// changes is what a session has made, or would make, of each product: its short hash.
func (u *undoing) changes(id string) map[string]string {
	u.t.Helper()
	list, err := u.db.ListChanges(u.t.Context(), session.ChangeQuery{SessionID: id, Catalog: catalog.Default, Limit: 10 * products})
	if err != nil {
		u.t.Fatal(err)
	}
	became := map[string]string{}
	for _, change := range list {
		became[change.ProductID] = string(change.Kind) + " " + catalog.Short(change.HashAfter)
	}
	return became
}
