package syncer

import (
	"context"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// accounted returns a new session as it begins: with an account of what it changes here, unless the node keeps none.
func (c Config) accounted(row session.Session) session.Session {
	if c.Limits.KeepChanges == 0 || row.Outgoing() && !row.Options.DryRun {
		row.ChangesThrough = session.NoChanges
	}
	return row
}

// Changes returns up to limit changes that a session has made so far, those that q selects. It returns NotFound for an unknown session, and for one
// whose changes are not kept here.
func (s *Service) Changes(ctx context.Context, q session.ChangeQuery) ([]session.Change, error) {
	row, _, err := s.sessions.GetSession(ctx, q.SessionID)
	switch {
	case err != nil:
		return nil, err
	case row.Outgoing():
		return nil, fault.New(fault.NotFound, session.CodeChangesNotKept, "Changes not kept",
			"The session changes products at %s. That node keeps the changes, under the same session id.", row.TargetNodeID)
	case !row.KeepsChanges():
		return nil, session.ChangesUnknown()
	}
	q.Catalog = row.Catalog
	return s.sessions.ListChanges(ctx, q)
}
