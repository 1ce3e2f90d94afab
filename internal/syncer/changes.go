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

// Changes returns up to limit changes that a session has made so far, those that q selects; of reached see [Sessions].FindChanges. It returns NotFound for an
// unknown session, and for one whose changes are not kept here.
func (s *Service) Changes(ctx context.Context, q session.ChangeQuery) (found []session.Change, reached *session.ChangePosition, err error) {
	row, _, err := s.sessions.GetSession(ctx, q.SessionID)
	switch {
	case err != nil:
		return nil, nil, err
	case row.Outgoing() && row.Options.DryRun:
		found, err = s.targets.changes(ctx, row, q)
		return found, nil, err
	case row.Outgoing():
		return nil, nil, fault.New(fault.NotFound, session.CodeChangesNotKept, "Changes not kept",
			"The session changes products at %s. That node keeps the changes, under the same session id.", row.TargetNodeID)
	case !row.KeepsChanges():
		return nil, nil, session.ChangesUnknown()
	}
	q.Catalog = row.Catalog
	return s.sessions.FindChanges(ctx, q)
}

// changes asks the target of a push for its changes. Errors are those of a [Target], and Unavailable where it cannot be asked.
func (t *Targets) changes(ctx context.Context, row session.Session, q session.ChangeQuery) (all []session.Change, err error) {
	target, err := reach(ctx, t.peers, row, t.open)
	if err != nil {
		return nil, err
	}
	defer target.Close() //nolint:errcheck // nothing was written through it
	for limit := q.Limit; len(all) < limit; {
		q.Limit = min(limit-len(all), maxAskedChanges)
		part, more, err := target.Changes(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
		if !more || len(part) == 0 {
			break
		}
		q.After = part[len(part)-1].ChangePosition
	}
	return all, nil
}

// maxAskedChanges is how many changes a target is asked for at once.
const maxAskedChanges = 1000
