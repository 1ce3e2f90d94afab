// Package events tells any number of subscribers what happens to sessions, whichever replica runs them. Each replica has
// one [Hub]. While it has subscribers it queries the database once per tick and passes each change to all of them. A
// subscriber that falls behind is dropped; when it reconnects it continues where it left off. Nothing here knows HTTP.
package events

import (
	"context"
	"time"

	"fullsync/internal/session"
)

// Transition is an entry in the status log, which the database writes in the same transaction as every status change.
type Transition struct {
	// Seq numbers the transitions of all sessions. One session's numbers ascend; those of different sessions may commit out
	// of order.
	Seq       int64
	SessionID string
	Catalog   string
	Status    session.Status
	// At is database time.
	At time.Time
}

// State is what a [Hub] starts from.
type State struct {
	Now time.Time
	// Sessions are the active ones and the last finished one of each catalog.
	Sessions []session.Session
	// Recent holds the newest transitions' numbers, ascending. A number missing in between may still arrive.
	Recent []int64
}

// Changes is what one look at the database found, all as of one moment.
type Changes struct {
	// Now is the database's time; zero if there is no session.
	Now time.Time
	// Sessions holds the active sessions, those asked for, and those in Transitions, each once.
	Sessions []session.Session
	// Transitions ascend by number.
	Transitions []Transition
}

// Source is the database as a [Hub] sees it.
type Source interface {
	// State returns what to start from, with up to recent numbers.
	State(ctx context.Context, recent int) (State, error)
	// Changes runs one query for every active session, the sessions with these ids, and the transitions numbered above
	// since.
	Changes(ctx context.Context, since int64, ids []string) (Changes, error)
}

// Type is the type of an [Event].
type Type string

// The types.
const (
	// TypeSnapshot is the current state. A subscription begins with it, after any transitions that the subscriber missed.
	TypeSnapshot Type = "snapshot"
	// TypeStatus is a transition. All of them are sent, even when two happen within a tick.
	TypeStatus Type = "status"
	// TypeSession is a session that changed in any way.
	TypeSession Type = "session"
	// TypePulse says that everything sent so far is still true: the hub has just looked at the database.
	TypePulse Type = "pulse"
)

// Event is one message to subscribers. Only the field for its type is set; a pulse has no such field, and no ID.
type Event struct {
	Type Type
	// ID is the position after this event, as text ([Position.String]).
	ID         string
	Snapshot   *Snapshot
	Transition *Transition
	Session    *session.View
}

// isFor reports whether a subscription should get the event, which must not be a snapshot.
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
	// Sessions holds, newest first, the active sessions, each catalog's last finished one, and the one asked for.
	Sessions []session.View
	// Resumed says that every transition since the subscriber's position was sent before this snapshot.
	Resumed bool
}

// End is why a subscription ended.
type End string

// The ends.
const (
	// EndSlow: the subscriber did not keep up with its events.
	EndSlow End = "slow"
	// EndShutdown: the replica is stopping.
	EndShutdown End = "shutdown"
	// EndUnavailable: the database does not answer.
	EndUnavailable End = "unavailable"
)

// Want says what a subscriber wants to hear about. The zero value asks for everything from now on.
type Want struct {
	// SessionID and Catalog, if set, limit the subscription to that session or catalog.
	SessionID, Catalog string
	// After, if set, is the position of the last event the subscriber received.
	After *Position
}

// covers reports whether the subscription includes events of that session.
func (w Want) covers(sessionID, catalog string) bool {
	return (w.SessionID == "" || w.SessionID == sessionID) && (w.Catalog == "" || w.Catalog == catalog)
}
