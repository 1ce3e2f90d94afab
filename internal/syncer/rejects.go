package syncer

import (
	"context"

	"fullsync/internal/session"
)

// Rejects returns up to limit products that a session has refused so far, in order, those whose number is greater than
// after. What an earlier session refused, from which this one was resumed, is that one's. It returns NotFound for an unknown
// session; rejects are kept as long as their session.
func (s *Service) Rejects(ctx context.Context, id string, after int64, limit int) ([]session.Reject, error) {
	if _, _, err := s.sessions.GetSession(ctx, id); err != nil {
		return nil, err
	}
	return s.sessions.ListRejects(ctx, id, after, limit)
}
