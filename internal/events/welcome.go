package events

import (
	"cmp"
	"slices"
	"strings"

	"fullsync/internal/session"
)

const (
	// recentNumbers is how many of the newest transition numbers a starting hub searches for gaps.
	recentNumbers = maxMissing
	// maxReplay is how far back, in transition numbers, a subscriber can resume; anyone further behind gets the snapshot
	// alone.
	maxReplay = 1000
)

// mayReplay reports whether after is recent enough to replay from. A position from another database, or from before a
// backup was restored, may be ahead of p; nobody can tell what such a subscriber has seen.
func (p Position) mayReplay(after Position) bool { return after.High >= p.High-maxReplay }

// welcome makes the first events for everyone who joins at one look. It encodes equal snapshots once.
type welcome struct {
	hub       *Hub
	found     Changes
	snapshots map[snapshotKey][]byte
}

type snapshotKey struct {
	sessionID, catalog string
	resumed            bool
}

// events returns what the subscriber missed, then the current state.
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

// snapshot returns the part of the current state that want covers.
func (w *welcome) snapshot(want Want, resumed bool) *Snapshot {
	snapshot := &Snapshot{Resumed: resumed}
	for _, v := range w.hub.picture.sessions {
		if want.covers(v.ID, v.Catalog) {
			snapshot.Sessions = append(snapshot.Sessions, *v)
		}
	}
	for _, row := range w.found.Sessions {
		// A session that ended long ago is not in the picture.
		if _, shown := w.hub.picture.sessions[row.ID]; !shown && row.ID == want.SessionID && want.covers(row.ID, row.Catalog) {
			snapshot.Sessions = append(snapshot.Sessions, session.NewView(row, w.found.Now, w.hub.cfg.Limits))
		}
	}
	slices.SortFunc(snapshot.Sessions, func(a, b session.View) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), strings.Compare(b.ID, a.ID))
	})
	return snapshot
}
