package events

import (
	"reflect"
	"slices"

	"fullsync/internal/session"
)

// patienceWithMissing is how many looks to wait for a missing number: ten minutes at the usual tick. A transaction gets its
// number when it changes a status, and only a process stopped at that moment takes so long to commit.
const patienceWithMissing = 2400

// picture is what has been published: the sessions as last shown, and the transitions up to a position.
type picture struct {
	limits session.Limits
	// sessions holds the active sessions and each catalog's last finished one.
	sessions map[string]*session.View
	pos      Position
	// awaited is how many more looks to wait for each missing number.
	awaited map[int64]int
}

// newPicture returns the picture for a hub that starts from state.
func newPicture(state State, limits session.Limits) *picture {
	p := &picture{limits: limits, sessions: map[string]*session.View{}, awaited: map[int64]int{}}
	if len(state.Recent) > 0 {
		p.pos = Position{High: state.Recent[0]}
	}
	for _, seq := range state.Recent {
		p.pos = p.pos.With(seq)
	}
	for _, row := range state.Sessions {
		v := session.NewView(row, state.Now, limits)
		p.sessions[row.ID] = &v
	}
	return p
}

// active returns the ids of the sessions that were active when last shown.
func (p *picture) active() (ids []string) {
	for id, v := range p.sessions {
		if v.Status.Active() {
			ids = append(ids, id)
		}
	}
	return ids
}

// update brings the picture up to date and returns what to publish: transitions first, then sessions.
func (p *picture) update(found Changes) (fresh []Event) {
	moved := map[string]bool{}
	for i := range found.Transitions {
		t := &found.Transitions[i]
		if !p.pos.Has(t.Seq) {
			p.pos = p.pos.With(t.Seq)
			moved[t.SessionID] = true
			if t.Status.Current() != t.Status {
				continue // a state of the previous version, which does not exist in this one
			}
			fresh = append(fresh, Event{Type: TypeStatus, ID: p.pos.String(), Transition: t})
		}
	}
	p.giveUpMissing()
	slices.SortStableFunc(found.Sessions, func(a, b session.Session) int { return a.StartedAt.Compare(b.StartedAt) })
	present := map[string]bool{}
	for _, row := range found.Sessions {
		present[row.ID] = true
		v := session.NewView(row, found.Now, p.limits)
		before, known := p.sessions[row.ID]
		// A session that ended long ago, and is here only because a joining subscriber asked for it or missed it, is not
		// news.
		news := known || moved[row.ID] || row.Status.Active()
		if !news || known && reflect.DeepEqual(*before, v) {
			continue
		}
		p.show(&v)
		fresh = append(fresh, Event{Type: TypeSession, ID: p.pos.String(), Session: &v})
	}
	for _, id := range p.active() {
		if !present[id] {
			delete(p.sessions, id) // deleted by hand; there is nothing left to show
		}
	}
	return fresh
}

// show puts a session into the picture, which keeps only the last finished session of each catalog.
func (p *picture) show(v *session.View) {
	p.sessions[v.ID] = v
	if v.Status.Active() {
		return
	}
	for id, other := range p.sessions {
		if other.Catalog == v.Catalog && !other.Status.Active() && other.StartedAt.Before(v.StartedAt) {
			delete(p.sessions, id)
		}
	}
}

// giveUpMissing stops waiting for numbers whose transaction must have been rolled back by now.
func (p *picture) giveUpMissing() {
	still := make(map[int64]int, len(p.pos.Missing))
	for _, seq := range p.pos.Missing {
		left, waiting := p.awaited[seq]
		switch {
		case !waiting:
			still[seq] = patienceWithMissing
		case left > 0:
			still[seq] = left - 1
		default:
			p.pos = p.pos.Without(seq)
		}
	}
	p.awaited = still
}
