// Package events tells any number of subscribers what happens to sessions, on whatever replica they run. One [Hub] per
// replica looks at the database while it has subscribers, with one query per tick, and hands each change to all of them.
// A subscriber that does not keep up is dropped, and goes on from where it was when it comes back. Nothing here knows HTTP.
package events

import (
	"context"
	"time"

	"fullsync/internal/session"
)

// Transition is one entry of the log of statuses, which the database writes together with every change of a status.
type Transition struct {
	// Seq numbers the transitions of all sessions. Those of one session ascend; those of two may commit out of order.
	Seq       int64
	SessionID string
	Catalog   string
	Status    session.Status
	// At is the database's time.
	At time.Time
}

// State is what a [Hub] begins with.
type State struct {
	Now time.Time
	// Sessions are the active ones and the last finished one of each catalog.
	Sessions []session.Session
	// Recent are the numbers of the newest transitions, ascending: those missing among them may still come.
	Recent []int64
}

// Changes is one look at the database, at one moment.
type Changes struct {
	// Now is the database's time; zero where there is no session.
	Now time.Time
	// Sessions are the active ones, those asked for, and those of Transitions, each once.
	Sessions []session.Session
	// Transitions ascend by number.
	Transitions []Transition
}

// Source is where a [Hub] looks: the database.
type Source interface {
	// State returns what to begin with.
	State(ctx context.Context, recent int) (State, error)
	// Changes returns, with one query, every active session, the sessions with these ids, and the transitions whose
	// number is above since.
	Changes(ctx context.Context, since int64, ids []string) (Changes, error)
}

// Type is the type of an [Event].
type Type string

// The types.
const (
	// TypeSnapshot is the current state, the first event of a subscription but for the transitions it has missed.
	TypeSnapshot Type = "snapshot"
	// TypeStatus is a transition. Every one is sent, also one that lasted shorter than a tick.
	TypeStatus Type = "status"
	// TypeSession is a session of which anything has changed.
	TypeSession Type = "session"
	// TypePulse says that everything told so far still holds: the database has just been looked at.
	TypePulse Type = "pulse"
)

// Event is what subscribers are told. The member of its type is set; a pulse has none, and no ID.
type Event struct {
	Type Type
	// ID is the position after this event, as text.
	ID         string
	Snapshot   *Snapshot
	Transition *Transition
	Session    *session.View
}

// isFor says whether an event that is no snapshot belongs to a subscription.
func (e Event) isFor(want Want) bool {
	switch e.Type {
	case TypePulse:
		return true
	case TypeStatus:
		return want.covers(e.Transition.SessionID, e.Transition.Catalog)
	default:
		return want.covers(e.Session.ID, e.Session.Catalog)
	}
}

// Snapshot is the current state.
type Snapshot struct {
	// Sessions are the active ones and the last finished one of each catalog, and the one that was asked for, newest first.
	Sessions []session.View
	// Resumed says that every transition after the position that was asked for has been sent before this snapshot.
	Resumed bool
}

// End says why a subscription has ended.
type End string

// The ends.
const (
	// EndSlow is that of a subscriber that did not take its events.
	EndSlow End = "slow"
	// EndShutdown is that of a replica that stops.
	EndShutdown End = "shutdown"
	// EndUnavailable is that of a database that does not answer.
	EndUnavailable End = "unavailable"
)

// Want says what a subscriber wants to hear of. The zero value wants everything from now on.
type Want struct {
	// SessionID and Catalog, where not empty, leave everything else out.
	SessionID, Catalog string
	// After, if not nil, is the position of the last event that was received.
	After *Position
}

// covers says whether events of that session belong to the subscription.
func (w Want) covers(sessionID, catalog string) bool {
	return (w.SessionID == "" || w.SessionID == sessionID) && (w.Catalog == "" || w.Catalog == catalog)
}
