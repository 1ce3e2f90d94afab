package store

import (
	"fullsync/internal/session"
)

// heard adds to an UPDATE of a session when its source last gave a sign of life, where that is news.
func (s *Store) heard(values map[string]any, pulse session.Pulse) {
	if pulse.Silent != nil {
		values["last_source_at"] = s.agoExpr(*pulse.Silent)
	}
}

// mark adds to an UPDATE of a session the mark with that prefix: where the session is now.
func (s *Store) mark(values map[string]any, prefix string, row *session.Session) {
	m := session.MarkOf(row)
	values[prefix+"at"], values[prefix+"batches"] = s.dbNow(), m.Batches
	values[prefix+"handled"], values[prefix+"bytes"] = m.Handled, m.Bytes
}
