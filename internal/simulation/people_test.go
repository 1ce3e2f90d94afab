package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// act does one random thing.
func (w *world) act() {
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	moves := []struct {
		weight int
		do     func(*node)
	}{
		{12, w.push}, {6, w.pull}, {3, w.cancel}, {2, w.resume}, {5, w.edit}, {3, w.freeze}, {2, w.kill}, {5, w.mend}, {2, w.cutOff}, {2, w.takeAway}, {7, w.ambush},
		{5, w.plan}, {4, w.revert},
	}
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	pick := w.rand.IntN(total)
	for _, m := range moves {
		if pick -= m.weight; pick < 0 {
			m.do(n)
			return
		}
	}
}

// person has somebody do something at a node, while the story goes on.
func (w *world) person(n *node, do func(ctx context.Context, at *process)) { w.somebody(w.rand, n, do) }

func (w *world) somebody(fate *rand.Rand, n *node, do func(ctx context.Context, at *process)) {
	p := n.living(fate)
	if p == nil {
		return
	}
	w.background.Go(func() { do(context.Background(), p) })
}

func (w *world) push(n *node) { w.start(n, session.Push) }
func (w *world) pull(n *node) { w.start(n, session.Pull) }

func (w *world) start(n *node, direction session.Direction) {
	to := w.other(n)
	how := []syncer.IfRunning{syncer.Fail, syncer.Fail, syncer.Replace}[w.rand.IntN(3)]
	options := session.Options{
		BatchSize: 2 + w.rand.IntN(5), VerifyAfterSync: w.rand.IntN(4) == 0, ReadEverything: w.rand.IntN(6) == 0,
		DeleteMissing: w.rand.IntN(2) == 0, MaxDeletes: maxDeletes, MaxDeletePercent: 100,
	}
	w.person(n, func(ctx context.Context, at *process) {
		s, err := at.service.Start(ctx, syncer.StartRequest{Direction: direction, Catalog: catalogName, PeerID: to.id, Options: options, IfRunning: how, By: "alice"})
		if err == nil {
			w.tell("%s starts %s, a %s with %s (%s, %+v)", n.id, short(s.Session.ID), direction, to.id, how, options)
		}
	})
}

// other returns another node.
func (w *world) other(n *node) *node {
	for {
		if o := w.nodes[w.rand.IntN(len(w.nodes))]; o != n {
			return o
		}
	}
}

// pick returns one of a node's sessions, active or not.
func (w *world) pick(n *node, statuses ...session.Status) (session.Session, bool) {
	rows, _, err := n.db.FindSessions(w.Context(), syncer.Query{Statuses: statuses})
	if err != nil {
		w.Fatal(err)
	}
	if len(rows) == 0 {
		return session.Session{}, false
	}
	return rows[w.rand.IntN(len(rows))], true
}

func (w *world) cancel(n *node) {
	if row, ok := w.pick(n, session.ActiveStatuses()...); ok {
		w.person(n, w.cancelling(n, row, w.rand.IntN(2) == 0))
	}
}

// cancelSoon has somebody cancel a session at a node in a moment.
func (w *world) cancelSoon(fate *rand.Rand, n *node, id string) {
	w.background.Go(func() {
		w.sleep(time.Duration(fate.IntN(3000)) * time.Millisecond)
		if row, _, err := n.db.GetSession(context.Background(), id); err == nil && !w.over() && !w.calm() {
			w.somebody(fate, n, w.cancelling(n, row, fate.IntN(3) == 0))
		}
	})
}

func (w *world) cancelling(n *node, row session.Session, revert bool) func(ctx context.Context, at *process) {
	return func(ctx context.Context, at *process) {
		w.tell("%s cancels %s", n.id, short(row.ID))
		done, err := at.service.Cancel(ctx, row.ID, syncer.Cancellation{By: "bob", Revert: revert})
		if err != nil {
			var finished *syncer.FinishedError
			var running *syncer.RunningError // what was cancelled before cannot be put back while another sync runs
			if !errors.As(err, &finished) && !(revert && errors.As(err, &running)) && fault.KindOf(err) != fault.Unavailable {
				w.wrong("cancel at %s: %v", n.id, err)
			}
			return
		}
		w.tell("%s has cancelled %s (%s)", n.id, short(row.ID), done.Message())
		if revert && !done.Already && n.id == row.TargetNodeID {
			w.putBackAtOnce(n, row.ID)
		}
		w.holdTo(n, row.ID, everything)
		if to := w.node(row.TargetNodeID); to != n && done.MayLandUntil == nil {
			w.holdTo(to, row.ID, everything)
		} else if to != n {
			w.sleep(time.Until(*done.MayLandUntil) + time.Second)
			w.holdTo(to, row.ID, batches)
		}
	}
}

// holdTo has what was promised of a session at a node be over from now on.
func (w *world) holdTo(n *node, id string, what promise) {
	var last int64
	if err := n.db.SQL().QueryRow("SELECT COALESCE(MAX(n), 0) FROM diary").Scan(&last); err != nil {
		w.tell("the diary of %s: %v", n.id, err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.claims = append(w.claims, claim{id, n, last, what})
}

func (w *world) resume(n *node) {
	row, ok := w.pick(n, session.Failed, session.Cancelled)
	if !ok {
		return
	}
	w.person(n, func(ctx context.Context, at *process) {
		if s, err := at.service.Resume(ctx, row.ID, "carol"); err == nil {
			w.tell("%s resumes %s as %s", n.id, short(row.ID), short(s.ID))
		}
	})
}

// edit changes some products, if no session writes the catalog.
func (w *world) edit(n *node) {
	edits := make([]catalog.Edit, 0, 8)
	for i := range 40 {
		if w.rand.IntN(8) == 0 {
			edits = append(edits, catalog.Edit{Product: product(i, w.rand.IntN(3)), Delete: w.rand.IntN(3) == 0})
		}
	}
	editor := syncer.NewEditor(syncer.Config{NodeID: n.id}, n.db)
	if _, err := editor.Edit(w.Context(), catalogName, edits); err == nil {
		w.tell("%s edits %d products", n.id, len(edits))
	}
}

// product is one of three versions of a product.
func product(id, version int) catalog.Product {
	p, err := catalog.Parse(fmt.Appendf(nil, `{"id":"p-%02d","name":"Version %d"}`, id, version))
	if err != nil {
		panic(err)
	}
	return p
}

func (w *world) freeze(n *node) {
	if p := n.living(w.rand); p != nil {
		w.trap(p, frozen)
	}
}

func (w *world) ambush(n *node) {
	if p := n.living(w.rand); p != nil {
		p.mu.Lock()
		p.ambush = true
		p.mu.Unlock()
	}
}

func (w *world) kill(n *node) {
	if p := n.living(w.rand); p != nil {
		w.trap(p, dead)
	}
}

// trap has something become of a process now, or at one of its next calls.
func (w *world) trap(p *process, next state) {
	if calls := w.rand.IntN(30); calls > 0 {
		p.light(calls, next)
		return
	}
	p.become(next)
}

// mend sets one thing right.
func (w *world) mend(n *node) {
	w.mu.Lock()
	if w.cut[n] {
		w.story = append(w.story, n.id+" is connected again")
	}
	delete(w.cut, n)
	w.mu.Unlock()
	n.mu.Lock()
	n.away = false
	processes := append([]*process(nil), n.processes...)
	n.mu.Unlock()
	for i, p := range processes {
		switch p.is() {
		case frozen:
			p.become(running)
			return
		case dead:
			n.boot(i)
			return
		}
	}
}

func (w *world) cutOff(n *node) {
	w.tell("%s is cut off", n.id)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[n] = true
}

func (w *world) takeAway(n *node) {
	w.tell("the database of %s goes away", n.id)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = true
}
