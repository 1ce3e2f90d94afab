package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/token"
)

// endedAPITokensKept is how long a token is listed after it has expired or was revoked.
const endedAPITokensKept = 30 * 24 * time.Hour

// AddToken implements [token.Store].
func (s *Store) AddToken(ctx context.Context, t *token.Token, ttl time.Duration) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		if t.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		t.ExpiresAt = t.CreatedAt.Add(ttl)
		if err := tx.Create(t).Error; err != nil {
			return err
		}
		if err := tx.Model(t).UpdateColumn("expires_at", s.timeParam(t.ExpiresAt)).Error; err != nil {
			return err
		}
		return s.note(tx, "token.created", t.ID, nil, t.Audited())
	})
}

// ListTokens implements [token.Store].
func (s *Store) ListTokens(ctx context.Context) (tokens []token.Token, err error) {
	db := s.show.WithContext(ctx)
	if err := db.Order("created_at DESC, id").Find(&tokens).Error; err != nil {
		return nil, s.translate(err)
	}
	now, err := s.now(db)
	for i := range tokens {
		tokens[i].Expired = !tokens[i].ExpiresAt.After(now)
	}
	return tokens, s.translate(err)
}

// RevokeToken implements [token.Store].
func (s *Store) RevokeToken(ctx context.Context, id, by string) (t token.Token, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		t = token.Token{}
		err := s.forUpdate(tx).Where("id = ?", id).Take(&t).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return token.Unknown()
		}
		if err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		t.Expired = !t.ExpiresAt.After(now)
		if t.RevokedAt != nil {
			return nil
		}
		t.RevokedAt, t.RevokedBy = &now, by
		if err := tx.Select("revoked_at", "revoked_by").Updates(&t).Error; err != nil {
			return err
		}
		return s.note(tx, "token.revoked", t.ID, t.Audited(), nil)
	})
	return t, err
}

// FindToken implements [token.Store].
func (s *Store) FindToken(ctx context.Context, hash []byte) (token.Token, error) {
	t, err := s.namedTokens.ask(ctx, string(hash), func(ctx context.Context) (token.Token, error) { return s.readToken(ctx, hash) })
	return t, s.translate(err)
}

func (s *Store) readToken(ctx context.Context, hash []byte) (t token.Token, err error) {
	rows, err := s.query(ctx, "SELECT id, name, role, expires_at, revoked_at, expires_at <= "+s.nowSQL()+" FROM api_tokens WHERE hash = $1", hash)
	if err != nil {
		return t, s.translate(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	if rows.Next() {
		err = rows.Scan(&t.ID, &t.Name, &t.Role, &t.ExpiresAt, &t.RevokedAt, &t.Expired)
	} else if err = rows.Err(); err == nil {
		err = token.Unknown()
	}
	return t, s.translate(err)
}

// TokensUsed implements [token.Store]. The rows are written in the order of their ids, so that replicas cannot wait for one another in a
// circle.
func (s *Store) TokensUsed(ctx context.Context, uses map[string]token.Use) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		for _, id := range slices.Sorted(maps.Keys(uses)) {
			values := map[string]any{"last_used_at": s.dbNow(), "last_used_from": uses[id].Address}
			if uses[id].Node != "" { // a person who tries the token does not hide which node uses it
				values["last_used_by"] = uses[id].Node
			}
			if err := tx.Model(&token.Token{}).Where("id = ?", id).UpdateColumns(values).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// PruneTokens deletes tokens that expired or were revoked long ago.
func (s *Store) PruneTokens(ctx context.Context) error {
	ago := s.agoSQL(endedAPITokensKept)
	return s.translate(s.db.WithContext(ctx).Where("expires_at < " + ago + " OR revoked_at < " + ago).Delete(&token.Token{}).Error)
}
