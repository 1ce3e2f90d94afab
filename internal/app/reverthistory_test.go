package app_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// contents is what a catalog holds: ids, and products as an export has them.
type contents map[string]string

// export is these products as an export has them.
func (c contents) export() (lines []byte) {
	for _, id := range slices.Sorted(maps.Keys(c)) {
		lines = append(append(lines, c[id]...), '\n')
	}
	return lines
}

// told is a session of a history: what the catalog held before it and after it.
type told struct {
	id            spec.SessionID
	before, after contents
}

// history plays random syncs, changes and reverts at the main node of a pair.
type history struct {
	t        *testing.T
	pair     *nodetest.Pair
	rand     *rand.Rand
	sessions []told
	trail    []string
	// lost is how many sessions have lost a worker.
	lost int
}

// TestRevertsInRandomHistories: after the revert of a session, every product is what it was before it, if it was what the session had left;
// every other one is untouched. That holds byte for byte, and whether or not a session loses its worker in the middle.
func TestRevertsInRandomHistories(t *testing.T) {
	seed := rand.Uint64()
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		h := &history{t: t, pair: nodetest.NewPair(t, kind, 0, nodetest.Config{Settings: map[string]string{"BATCH_SIZE": "3", "MAX_PRODUCTS_PER_SECOND": "300"}}), rand: rand.New(rand.NewPCG(seed, 1))}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("seed %d: %v", seed, h.trail)
			}
			t.Logf("%d sessions, %d workers lost", len(h.sessions), h.lost)
		})
		for range 40 {
			h.change(h.pair.Branch)
		}
		for range effort.Amount(10, 40) {
			h.step()
			if t.Failed() {
				return
			}
		}
	})
}

func (h *history) step() {
	switch n := h.rand.IntN(12); {
	case n < 3:
		for range 1 + h.rand.IntN(12) {
			h.change(h.pair.Branch)
		}
	case n < 6:
		h.change(h.pair.Main)
	case n < 8 || len(h.sessions) == 0:
		h.session("pull", func() spec.SessionID {
			gate := h.pair.Wire.HoldPage(h.t, "", 1+h.rand.IntN(6))
			running := h.pair.Main.Pull(h.pull())
			h.loseWorker(running.SessionId, gate.Reached)
			gate.Open()
			h.pair.Wire.Reach(nil)
			return h.pair.Main.WaitEnd(running.SessionId, spec.COMPLETED).SessionId
		})
	case n < 9:
		h.cancelPull()
	default:
		h.revert(h.sessions[h.rand.IntN(len(h.sessions))])
	}
}

func (h *history) note(format string, args ...any) {
	h.trail = append(h.trail, fmt.Sprintf(format, args...))
}

func (h *history) held() contents {
	c := contents{}
	for _, p := range h.pair.Main.Products("main") {
		c[p.ID] = string(p.AppendJSON(nil))
	}
	return c
}

// change changes one product at a node, somehow.
func (h *history) change(n *nodetest.Node) {
	id, name := fmt.Sprintf("p-%02d", h.rand.IntN(30)), fmt.Sprintf("name %d", h.rand.IntN(4))
	switch h.rand.IntN(4) {
	case 0:
		n.Put("main", id, name)
	case 1:
		n.Import("main", nodetest.Product(h.t, fmt.Sprintf(`{"id":%q,"name":%q}`, id, name)))
	case 2:
		n.Call("alice", http.MethodDelete, "/api/catalogs/main/products/"+id, "")
	default:
		if _, err := n.Store.SQL().ExecContext(h.t.Context(), "UPDATE products SET name = '"+name+"' WHERE id = '"+id+"'"); err != nil {
			h.t.Fatal(err)
		}
	}
	h.note("%s: %s %s", n.NodeID(), id, name)
}

// pull is a pull that makes the catalog equal, in small batches.
func (h *history) pull() nodetest.Pull {
	p := deleting()
	size, percent := 1+h.rand.IntN(8), 100
	p.Options.BatchSize, p.Options.MaxDeletePercent = &size, &percent
	return p
}

// session runs one, and writes down what it did.
func (h *history) session(what string, run func() spec.SessionID) told {
	s := told{before: h.held()}
	s.id = run()
	s.after = h.held()
	h.note("%s %s", what, s.id)
	h.sessions = append(h.sessions, s)
	return s
}

// anywhere is a point that is always reached.
var anywhere = func() <-chan struct{} {
	reached := make(chan struct{})
	close(reached)
	return reached
}()

// loseWorker has a session lose its worker, sometimes: once it has reached some point if it ever does, or else wherever it is.
func (h *history) loseWorker(id spec.SessionID, reached <-chan struct{}) {
	if h.rand.IntN(4) > 0 {
		return
	}
	nodetest.Eventually(h.t, "the point or the end", func() bool {
		select {
		case <-reached:
			return true
		default:
			return nodetest.Ended(h.pair.Main.Session(id))
		}
	})
	// As if another process had it, and had been silent for long.
	lost, err := h.pair.Main.Store.SQL().ExecContext(h.t.Context(), `UPDATE sync_sessions SET fence = fence + 1, push_fence = fence + 1, last_heartbeat_at = '`+inSQL(time.Now().Add(-time.Hour))+
		`' WHERE id = $1 AND worker <> '' AND status IN ('PREPARING', 'TRANSFERRING')`, id.String())
	if err != nil {
		h.t.Fatal(err)
	}
	if n, _ := lost.RowsAffected(); n > 0 {
		h.lost++
		h.note("%s loses its worker", id)
	}
}

// cancelPull cancels a pull at some moment, and has what it changed put back.
func (h *history) cancelPull() {
	before := h.held()
	running := h.pair.Main.Pull(h.pull())
	yes := true
	resp, err := h.pair.Main.API("alice", auth.RoleOperator).CancelFullSyncWithResponse(h.t.Context(), spec.CancelRequest{SessionId: running.SessionId, Revert: &yes})
	switch {
	case err != nil:
		h.t.Fatal(err)
	case resp.JSON200 == nil: // it was quicker
		h.pair.Main.WaitEnd(running.SessionId, spec.COMPLETED)
		h.sessions = append(h.sessions, told{running.SessionId, before, h.held()})
		return
	case resp.JSON200.Session.RevertedBy != nil:
		h.loseWorker(*resp.JSON200.Session.RevertedBy, anywhere)
		h.pair.Main.WaitEnd(*resp.JSON200.Session.RevertedBy, spec.COMPLETED)
	}
	h.note("cancelled %s", running.SessionId)
	if now := h.held(); !maps.Equal(now, before) {
		h.t.Errorf("after the cancel the catalog is %v, want %v", now, before)
	}
}

// revert puts back what a session did, sometimes in two parts.
func (h *history) revert(of told) {
	now := h.held()
	want, left := of.undone(now)
	if h.rand.IntN(3) == 0 {
		h.session("broken off revert of "+of.id.String(), func() spec.SessionID { return h.breakOff(of, now, want) })
	}
	var end spec.Session
	changed := !maps.Equal(of.before, of.after)
	if !changed {
		noRevert(h.t, h.pair.Main, of.id, http.StatusConflict, "NOTHING_CHANGED")
		return
	}
	back := h.session("revert of "+of.id.String(), func() spec.SessionID {
		running := revert(h.t, h.pair.Main, of.id)
		h.loseWorker(running.SessionId, anywhere)
		end = h.pair.Main.WaitEnd(running.SessionId, spec.COMPLETED)
		return end.SessionId
	})
	if !maps.Equal(back.after, want) || !bytes.Equal(export(h.t, h.pair.Main), want.export()) || end.Rejected != left {
		h.t.Errorf("after the revert of %s the catalog is %v, want %v; %d are left alone, want %d", of.id, back.after, want, end.Rejected, left)
	}
}

// breakOff begins a revert and cancels it at some moment.
func (h *history) breakOff(of told, now, want contents) spec.SessionID {
	a := h.pair.Main.Call("alice", http.MethodPost, nodetest.StartPath+"/"+of.id.String()+"/revert", "")
	started, err := nodetest.Decode[spec.StartResponse](a)
	if err != nil || a.Status != http.StatusAccepted {
		return of.id // it has changed nothing
	}
	id := started.SessionId
	body := fmt.Sprintf(`{"sessionId":%q}`, id)
	if a := h.pair.Main.Call("alice", http.MethodPost, nodetest.CancelPath, body); a.Status != http.StatusOK && a.Status != http.StatusConflict {
		h.t.Errorf("cancel: %d %s", a.Status, a.Body)
	}
	for product, hash := range h.held() {
		if hash != now[product] && hash != want[product] {
			h.t.Errorf("in the middle of the revert %s is neither what it was nor what it will be", product)
		}
	}
	return id
}

// undone returns what the catalog is to hold after the session's revert, and how many products are left alone.
func (s told) undone(now contents) (want contents, left int64) {
	want = maps.Clone(now)
	ids := maps.Clone(s.before)
	maps.Copy(ids, s.after)
	for id := range ids {
		switch before, after := s.before[id], s.after[id]; {
		case before == after || now[id] == before:
		case now[id] != after:
			left++
		case before == "":
			delete(want, id)
		default:
			want[id] = before
		}
	}
	return want, left
}
