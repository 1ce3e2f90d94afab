package simulation

import (
	"context"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// plan has somebody make a dry run at a node, look at it and apply it.
func (w *world) plan(n *node) {
	to, direction := w.other(n), []session.Direction{session.Push, session.Pull}[w.rand.IntN(2)]
	options := session.Options{
		DryRun: true, BatchSize: 2 + w.rand.IntN(5), ReadEverything: w.rand.IntN(6) == 0,
		DeleteMissing: w.rand.IntN(3) > 0, MaxDeletes: maxDeletes, MaxDeletePercent: 100,
	}
	look := time.Duration(w.rand.IntN(1500)) * time.Millisecond
	w.person(n, func(ctx context.Context, at *process) {
		s, err := at.service.Start(ctx, syncer.StartRequest{Direction: direction, Catalog: catalogName, PeerID: to.id, Options: options, By: "dora"})
		if err != nil {
			return
		}
		w.tell("%s starts %s, the dry run of a %s with %s", n.id, short(s.Session.ID), direction, to.id)
		for range 60 {
			w.sleep(200 * time.Millisecond)
			row, _, err := n.db.GetSession(ctx, s.Session.ID)
			if err != nil || !row.Status.Active() {
				break
			}
		}
		w.sleep(look)
		if w.over() || w.calm() {
			return
		}
		applied, err := at.service.Start(ctx, syncer.StartRequest{Direction: direction, PlanID: s.Session.ID, By: "dora"})
		if err == nil {
			w.tell("%s starts %s, which applies %s", n.id, short(applied.Session.ID), short(s.Session.ID))
		}
	})
}

// revert has somebody revert one of the sessions that have written at a node.
func (w *world) revert(n *node) {
	row, ok := w.pick(n, session.Completed, session.Failed, session.Cancelled)
	if !ok {
		return
	}
	w.person(n, func(ctx context.Context, at *process) {
		if s, err := at.service.Revert(ctx, syncer.RevertRequest{SessionID: row.ID, IfRunning: syncer.Fail, By: "erin"}); err == nil {
			w.tell("%s starts %s, which reverts %s", n.id, short(s.Session.ID), short(row.ID))
		}
	})
}

// putBackAtOnce says whether anything has come between the cancel of a session and its revert.
func (w *world) putBackAtOnce(n *node, id string) {
	row, _, err := n.db.GetSession(context.Background(), id)
	if err != nil || row.RevertedBy == "" {
		return
	}
	var between int
	err = n.db.SQL().QueryRow(`SELECT count(*) FROM diary WHERE n > (SELECT min(n) FROM diary WHERE session = ? AND status = 'CANCELLED')
		AND n < (SELECT min(n) FROM diary WHERE session = ?)`, id, row.RevertedBy).Scan(&between)
	if err != nil || between > 0 {
		w.wrong("%d lines are between the cancel of %s and its revert %s (%v)", between, id, row.RevertedBy, err)
	}
}

// sessions returns all sessions of a node.
func (w *world) sessions(n *node) map[string]session.Session {
	rows, _, err := n.db.FindSessions(w.Context(), syncer.Query{})
	if err != nil {
		w.Fatal(err)
	}
	all := map[string]session.Session{}
	for _, row := range rows {
		all[row.ID] = row
	}
	return all
}

// keptToPlans says which sessions that have applied a plan at a node did anything else, or are COMPLETED without all of it.
func (w *world) keptToPlans(n *node) {
	for id, row := range w.sessions(n) {
		if row.PlanID == "" || row.Outgoing() {
			continue
		}
		changes, err := n.db.ListChanges(w.Context(), session.ChangeQuery{SessionID: row.PlanID, Catalog: catalogName, Limit: 1000})
		if err != nil {
			w.Fatal(err)
		}
		planned := map[string]string{}
		for _, c := range changes {
			planned[c.ProductID] = c.HashAfter
		}
		did := n.diary.by[id]
		for _, d := range did {
			if after, there := planned[d.product]; !there || after != d.became {
				w.wrong("%s applies %s at %s, and has made %s %q, not %q", id, row.PlanID, n.id, d.product, d.became, after)
			}
		}
		if row.Status == session.Completed && len(did) != len(planned) {
			w.wrong("%s has applied %s at %s, which has %d changes, and made %d", id, row.PlanID, n.id, len(planned), len(did))
		}
	}
}

// putBack says which reverts at a node did not put back what they should have, or changed anything else.
func (w *world) putBack(n *node) {
	rows := w.sessions(n)
	for id, row := range rows {
		if row.Direction != session.Revert {
			continue
		}
		touched := map[string][]written{}
		for _, d := range n.diary.by[row.RevertOf] {
			touched[d.product] = append(touched[d.product], d)
		}
		for _, d := range n.diary.by[id] {
			if len(touched[d.product]) == 0 {
				w.wrong("%s reverts %s, and has changed %s, which that did not", id, row.RevertOf, d.product)
			}
		}
		if row.Status != session.Completed || row.ResumedFrom != "" {
			continue
		}
		for product, changes := range touched {
			before, after := n.diary.at(product, n.diary.begun[id]), n.diary.at(product, n.diary.over[id])
			want := before
			if before == changes[0].became {
				want = changes[0].was
			}
			if len(changes) == 1 && after != want {
				w.wrong("%s has reverted %s, and %s is %q, want %q", id, row.RevertOf, product, after, want)
			}
		}
	}
}

// at returns the content hash of a product before a line; "" where there was none.
func (d *diary) at(product string, line int64) (hash string) {
	for _, c := range d.history {
		if c.line >= line {
			break
		}
		if c.product == product {
			hash = c.became
		}
	}
	return hash
}
