package events

import (
	"cmp"
	"slices"
	"strings"

	"fullsync/internal/session"
)

const (
	// recentNumbers is how many of the newest transitions' numbers are looked at for missing ones at the beginning.
	recentNumbers = maxMissing
	// maxReplay is how far back, in numbers, a subscriber can go on; further back the snapshot has to do.
	maxReplay = 1000
)

// mayReplay says whether somebody who has seen up to after can be given everything up to p. A position from another
// database, or from before a backup was put back, may be ahead of p: then nobody knows what it has seen.
func (p Position) mayReplay(after Position) bool { return after.High >= p.High-maxReplay }

// welcome makes the first events of those who join at one look. Equal snapshots are made once.
type welcome struct {
	hub       *Hub
	found     Changes
	snapshots map[snapshotKey][]byte
}

type snapshotKey struct {
	sessionID, catalog string
	resumed            bool
}

// events returns what want has missed, then the current state.
func (w *welcome) events(want Want) (first [][]byte) {
	pos := w.hub.picture.pos
	key := snapshotKey{sessionID: want.SessionID, catalog: want.Catalog}
	if after := want.After; after != nil && after.High <= pos.High && pos.mayReplay(*after) {
		key.resumed = true
		first = w.missed(want, *after)
	}
	snapshot, made := w.snapshots[key]
	if !made {
		snapshot = w.hub.cfg.Encode(Event{Type: TypeSnapshot, ID: pos.String(), Snapshot: w.snapshot(want, key.resumed)})
		w.snapshots[key] = snapshot
	}
	return append(first, snapshot)
}

// missed returns the transitions after a position.
func (w *welcome) missed(want Want, seen Position) (missed [][]byte) {
	for i := range w.found.Transitions {
		t := &w.found.Transitions[i]
		if seen.Has(t.Seq) {
			continue
		}
		seen = seen.With(t.Seq)
		if want.covers(t.SessionID, t.Catalog) && t.Status.Current() == t.Status {
			missed = append(missed, w.hub.cfg.Encode(Event{Type: TypeStatus, ID: seen.String(), Transition: t}))
		}
	}
	return missed
}

// snapshot returns the current state, as far as it is wanted.
func (w *welcome) snapshot(want Want, resumed bool) *Snapshot {
	snapshot := &Snapshot{Resumed: resumed}
	for _, v := range w.hub.picture.sessions {
		if want.covers(v.ID, v.Catalog) {
			snapshot.Sessions = append(snapshot.Sessions, *v)
		}
	}
	for _, row := range w.found.Sessions {
		// One that ended long ago is not in the picture.
		if _, shown := w.hub.picture.sessions[row.ID]; !shown && row.ID == want.SessionID && want.covers(row.ID, row.Catalog) {
			snapshot.Sessions = append(snapshot.Sessions, session.NewView(row, w.found.Now, w.hub.cfg.Limits))
		}
	}
	slices.SortFunc(snapshot.Sessions, func(a, b session.View) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), strings.Compare(b.ID, a.ID))
	})
	return snapshot
}
