package simulation

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/effort"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// The flags of the simulation. They are package state because the command line is what they belong to.
var (
	oneSeed   = flag.Uint64("simulation.seed", 0, "play the story of this seed only, and tell it")
	firstSeed = flag.Uint64("simulation.first", 1, "the first seed")
	seeds     = flag.Int("simulation.seeds", 0, "how many stories to play; 0 means as many as are quick")
)

// TestSimulation plays stories, each made from its seed, and checks what fullsync promises after each step of each of them.
func TestSimulation(t *testing.T) {
	t.Parallel()
	from := template(t)
	first, last := *firstSeed, *firstSeed+uint64(effort.Amount(20, 60))
	switch {
	case *oneSeed != 0:
		first, last = *oneSeed, *oneSeed+1
	case *seeds > 0:
		last = first + uint64(*seeds)
	case testing.Short():
		last = first + 10
	}
	var next, failed atomic.Uint64
	next.Store(first)
	for i := range 2 {
		t.Run(fmt.Sprint("stories ", i), func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1) - 1; seed < last && failed.Load() < 5; seed = next.Add(1) - 1 {
				if !play(t, from, seed) {
					failed.Add(1)
				}
			}
		})
	}
}

// play plays the story of a seed, and tells it if it goes wrong.
func play(t *testing.T, from string, seed uint64) bool {
	t.Helper()
	return t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(context.Background())
			w := &world{
				T: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), ctx: ctx, ended: make(chan struct{}), begun: time.Now(),
				counts: map[string]uint64{}, cut: map[*node]bool{}, sent: map[string]int64{},
			}
			w.run(from)
			stop()
			close(w.ended)
			w.background.Wait()
			for _, n := range w.nodes {
				if err := n.db.Close(); err != nil {
					t.Error(err)
				}
			}
			if t.Failed() || *oneSeed != 0 {
				t.Logf("the story of -simulation.seed=%d:\n%s", seed, w.told())
			}
		})
	})
}

// longCut is longer than anybody waits for a node that is cut off.
const longCut = 15 * time.Second

// run is the story: some time of trouble, then calm, in which everything must come to its end.
func (w *world) run(from string) {
	names := []string{"main", "branch", "depot"}
	for _, name := range names[:2+w.rand.IntN(2)] {
		w.newNode(from, name)
	}
	for _, n := range w.nodes {
		n.boot(0)
		n.boot(1)
	}
	for i, n := range w.nodes {
		products := make([]catalog.Product, 0, 40)
		for id := range 40 {
			if w.rand.IntN(3) > 0 && (i == 0 || w.rand.IntN(2) == 0) {
				products = append(products, product(id, w.rand.IntN(3)))
			}
		}
		if _, err := n.db.Import(w.Context(), catalogName, w.nodes[w.rand.IntN(len(w.nodes))].id, products); err != nil {
			w.Fatal(err)
		}
	}
	for range 20 + w.rand.IntN(20) {
		w.act()
		w.sleep(time.Duration(w.rand.ExpFloat64() * float64(400*time.Millisecond)))
		if w.look(); w.Failed() {
			return
		}
	}
	if w.rand.IntN(3) == 0 {
		w.cutOff(w.nodes[w.rand.IntN(len(w.nodes))])
		w.sleep(longCut)
	}
	w.settle()
	if !w.Failed() {
		w.prove()
	}
}

// look reads the diaries, and compares the catalogs of what has COMPLETED.
func (w *world) look() {
	for _, n := range w.nodes {
		n.read()
	}
	for _, n := range w.nodes {
		for _, l := range n.diary.completed {
			if l.writes {
				w.compare(n, l)
			}
		}
		n.diary.completed = nil
	}
}

// compare compares the two catalogs of a session that has COMPLETED, unless one of them was changed meanwhile.
func (w *world) compare(to *node, l line) {
	row, _, err := to.db.GetSession(w.Context(), l.session)
	if err != nil {
		w.Fatal(err)
	}
	if row.Direction == session.Revert || row.Options.DryRun {
		return
	}
	if row.Options.DeleteMissing && row.Deleted > 0 && row.Deleted > maxDeletes || !row.Options.DeleteMissing && row.Deleted > 0 {
		w.wrong("%s deleted %d products", row.ID, row.Deleted)
	}
	from := w.node(row.SourceNodeID)
	started := row.StartedAt
	if old, _, err := from.db.GetSession(w.Context(), l.session); err == nil {
		started = old.StartedAt
	}
	if row.ResumedFrom != "" || from.diary.wrote.at >= started.UTC().Format(storedTime) || to.diary.wrote.n > l.n {
		return
	}
	theirs, ours := w.products(from), w.products(to)
	for id, p := range theirs {
		if ours[id].Hash != p.Hash {
			w.wrong("%s is COMPLETED, and %s of %s differs at %s", row.ID, id, from.id, to.id)
		}
	}
	for id, p := range ours {
		if _, there := theirs[id]; !there && row.Options.DeleteMissing && row.PlanID == "" && row.DeletesWithheld == 0 && p.OriginNodeID == from.id {
			w.wrong("%s is COMPLETED, and did not delete %s", row.ID, id)
		}
	}
	if l.handled != int64(len(theirs)) {
		w.wrong("%s is COMPLETED, counts %d products, and its source has %d", row.ID, l.handled, len(theirs))
	}
}

// products are what a node holds.
func (w *world) products(n *node) map[string]catalog.Stored {
	rows, err := n.db.ListProducts(w.Context(), catalogName, "", "", 1000)
	if err != nil {
		w.Fatal(err)
	}
	held := map[string]catalog.Stored{}
	for _, p := range rows {
		held[p.ID] = p
	}
	return held
}

// settle sets everything right, and waits until every session has ended and every cancel is confirmed.
func (w *world) settle() {
	w.tell("calm")
	w.mu.Lock()
	w.quiet = true
	w.mu.Unlock()
	for _, n := range w.nodes {
		for range 4 {
			w.mend(n)
		}
		for _, p := range n.processes {
			p.light(0, running)
		}
	}
	for second := range 150 {
		w.sleep(time.Second)
		for _, n := range w.nodes {
			w.mend(n) // a fuse may have been alight
		}
		// Requests that are late may arrive until then.
		if w.look(); w.Failed() || second >= 10 && w.waiting() == "" {
			break
		}
	}
	if left := w.waiting(); left != "" && !w.Failed() {
		w.wrong("everything works again, and still: %s", left)
	}
	w.alike()
	for _, n := range w.nodes {
		w.keptToPlans(n)
		w.putBack(n)
	}
}

// waiting says what has not come to its end.
func (w *world) waiting() string {
	for _, n := range w.nodes {
		if id, l := n.diary.active(); id != "" {
			return fmt.Sprintf("%s is %s at %s", id, l.status, n.id)
		}
		rows, err := n.db.Unconfirmed(w.Context(), time.Hour)
		if err != nil {
			w.Fatal(err)
		}
		if len(rows) > 0 {
			return "nobody knows at " + n.id + " whether its target knows that " + rows[0].ID + " was cancelled"
		}
	}
	return ""
}

func (d *diary) active() (string, line) {
	for _, id := range slices.Sorted(maps.Keys(d.sessions)) {
		if l := d.sessions[id]; l.status.Active() {
			return id, l
		}
	}
	return "", line{}
}

// alike says where the two ends of a push disagree.
func (w *world) alike() {
	for _, n := range w.nodes {
		w.fences(n)
		rows, _, err := n.db.FindSessions(w.Context(), syncer.Query{})
		if err != nil {
			w.Fatal(err)
		}
		for _, row := range rows {
			if !row.Outgoing() {
				continue
			}
			if row.ErrorCode == "TARGET_OUT_OF_STEP" { // here no database is ever restored
				w.wrong("%s at %s: %s", row.ID, n.id, row.ErrorMessage)
			}
			there, _, err := w.node(row.TargetNodeID).db.GetSession(w.Context(), row.ID)
			switch {
			case fault.KindOf(err) == fault.NotFound && row.Status != session.Completed:
			case err != nil:
				w.wrong("%s, %s at %s: %v", row.ID, row.Status, n.id, err)
			case row.Status == session.Completed && (there.Status != session.Completed || there.Created != row.Created || there.Updated != row.Updated ||
				there.Unchanged != row.Unchanged || there.Deleted != row.Deleted):
				w.wrong("%s is COMPLETED at %s with %+v, and %s at its target with %+v", row.ID, n.id, row.Counts, there.Status, there.Counts)
			case there.Status == session.Cancelled && row.Status != session.Cancelled && row.ErrorCode == "":
				w.wrong("%s was cancelled at its target, and is %s at %s", row.ID, row.Status, n.id)
			}
		}
	}
}

// fences says which batches were committed by somebody who did not hold the session any more.
func (w *world) fences(n *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for b, fence := range n.batches {
		if held := n.diary.batches[b]; held != fence {
			w.wrong("at %s, batch %d of %s was committed under fence %d, and its session had %d", n.id, b.seq, b.session, fence, held)
		}
	}
}

// prove pushes from the first node to every other one, one after the other: nothing stands in the way.
func (w *world) prove() {
	from := w.nodes[0]
	for _, to := range w.nodes[1:] {
		at := from.living(w.rand)
		s, err := at.service.Start(w.Context(), syncer.StartRequest{
			Direction: session.Push, Catalog: catalogName, PeerID: to.id, By: "the end",
			Options: session.Options{BatchSize: 7, VerifyAfterSync: true, DeleteMissing: true, MaxDeletes: maxDeletes, MaxDeletePercent: 100},
		})
		if err != nil {
			w.wrong("%s cannot push to %s in the end: %v", from.id, to.id, err)
			return
		}
		for range 60 {
			w.sleep(500 * time.Millisecond)
			if w.look(); w.waiting() == "" {
				break
			}
		}
		if row, _, err := from.db.GetSession(w.Context(), s.Session.ID); err != nil || row.Status != session.Completed {
			w.wrong("the last push to %s is %s: %s (%v)", to.id, row.Status, row.ErrorMessage, err)
		}
	}
	w.alike()
}
