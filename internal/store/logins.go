package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/audit"
	"fullsync/internal/user"
)

// endedTokensKept is how long the ids of ended tokens are kept after these have expired: replicas' clocks may differ.
const endedTokensKept = time.Hour

// errSlowed rolls a login back that has to wait, so that nothing of it is kept.
var errSlowed = errors.New("logins are slowed")

// AdmitLogin implements [user.LoginStore]. The rows are locked in the order of the limits, which is always the same, so that
// logins cannot wait for one another in a circle.
func (s *Store) AdmitLogin(ctx context.Context, limits ...user.Limit) (wait time.Duration, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		wait = 0
		rows := make([]user.Attempts, len(limits))
		for i, limit := range limits {
			if rows[i], err = s.lockAttempts(tx, limit.Subject); err != nil {
				return err
			}
		}
		// Only now: what was waited for above is over.
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			wait = max(wait, row.Wait(now))
		}
		if wait > 0 {
			return errSlowed
		}
		for i, limit := range limits {
			next := limit.Admit(rows[i], now)
			err := tx.Model(&rows[i]).UpdateColumns(map[string]any{
				"failures": next.Failures, "last_at": s.timeParam(next.LastAt), "wait_until": s.timeParam(next.WaitUntil),
			}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errSlowed) {
		return wait, nil
	}
	return 0, err
}

// longAgo is the time in the row of a subject without failures.
const longAgo = "1970-01-01 00:00:00.000+00:00"

// lockAttempts returns the row of a subject, which it makes where there is none, locked until the end of tx.
func (s *Store) lockAttempts(tx *gorm.DB, subject string) (row user.Attempts, err error) {
	// An update that changes nothing locks a row that is there already.
	err = tx.Exec("INSERT INTO login_attempts (subject, failures, last_at, wait_until) VALUES (?, 0, ?, ?) "+
		"ON CONFLICT (subject) DO UPDATE SET subject = excluded.subject", subject, longAgo, longAgo).Error
	if err != nil {
		return row, err
	}
	return row, tx.Where("subject = ?", subject).Take(&row).Error
}

// takeBack undoes one count.
func takeBack(tx *gorm.DB, subject string) error {
	return tx.Model(&user.Attempts{}).Where("subject = ? AND failures > 0", subject).
		UpdateColumn("failures", gorm.Expr("failures - 1")).Error
}

// TakeBack implements [user.LoginStore].
func (s *Store) TakeBack(ctx context.Context, subjects ...string) error {
	for _, subject := range subjects {
		if err := takeBack(s.db.WithContext(ctx), subject); err != nil {
			return s.translate(err)
		}
	}
	return nil
}

// ForgetAttempts implements [user.Store].
func (s *Store) ForgetAttempts(ctx context.Context, subject string) error {
	return s.translate(s.db.WithContext(ctx).Where("subject = ?", subject).Delete(&user.Attempts{}).Error)
}

// SignedIn implements [user.LoginStore].
func (s *Store) SignedIn(ctx context.Context, u user.User, forget, takeBackOf string) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		// The address first, as in AdmitLogin.
		if err := takeBack(tx, takeBackOf); err != nil {
			return err
		}
		if err := tx.Where("subject = ?", forget).Delete(&user.Attempts{}).Error; err != nil {
			return err
		}
		if err := tx.Model(&user.User{}).Where("id = ?", u.ID).UpdateColumn("last_login_at", s.dbNow()).Error; err != nil {
			return err
		}
		return s.noteBy(tx, signedIn(ctx, u.Name), "login.succeeded", u.Name, nil, nil)
	})
}

// signedIn is the origin of what somebody does in signing in.
func signedIn(ctx context.Context, name string) audit.Origin {
	by := audit.OriginOf(ctx)
	by.Actor, by.Kind = name, audit.User
	return by
}

// LoginFailed implements [user.LoginStore].
func (s *Store) LoginFailed(ctx context.Context, name string) error {
	by := audit.OriginOf(ctx)
	by.Actor, by.Kind = "", audit.Nobody
	return s.translate(s.noteBy(s.db.WithContext(ctx), by, "login.failed", name, nil, nil))
}

// TokenUser implements [user.LoginStore]. It is asked for every request of a person, so it is one statement on two keys, and
// reads no more than is needed.
func (s *Store) TokenUser(ctx context.Context, userID, tokenID string) (u user.User, ended bool, err error) {
	t, err := s.tokenUsers.ask(ctx, userID+" "+tokenID, func(ctx context.Context) (t tokenUser, err error) {
		t.user, t.ended, err = s.readTokenUser(ctx, userID, tokenID)
		return t, err
	})
	return t.user, t.ended, s.translate(err)
}

// tokenUser is what [Store.TokenUser] returns.
type tokenUser struct {
	user  user.User
	ended bool
}

func (s *Store) readTokenUser(ctx context.Context, userID, tokenID string) (u user.User, ended bool, err error) {
	rows, err := s.query(ctx, "SELECT id, name, role, disabled, generation, EXISTS (SELECT 1 FROM ended_tokens WHERE token_id = $2)"+
		" FROM users WHERE id = $1", userID, tokenID)
	if err != nil {
		return u, false, s.translate(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	if rows.Next() {
		err = rows.Scan(&u.ID, &u.Name, &u.Role, &u.Disabled, &u.Generation, &ended)
	} else if err = rows.Err(); err == nil {
		err = user.Unknown("of this token")
	}
	return u, ended, s.translate(err)
}

// EndToken implements [user.LoginStore].
func (s *Store) EndToken(ctx context.Context, tokenID string, expiresAt time.Time) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		ended := tx.Clauses(clause.OnConflict{DoNothing: true}).Table("ended_tokens").
			Create(map[string]any{"token_id": tokenID, "expires_at": s.timeParam(expiresAt)})
		if ended.Error != nil || ended.RowsAffected == 0 {
			return ended.Error
		}
		return s.note(tx, "login.ended", audit.OriginOf(ctx).Actor, nil, nil)
	})
}

// PruneLogins deletes failed logins that are forgotten and ended tokens that have expired.
func (s *Store) PruneLogins(ctx context.Context) error {
	db := s.db.WithContext(ctx)
	if err := db.Where("last_at < " + s.agoSQL(user.ForgetAfter)).Delete(&user.Attempts{}).Error; err != nil {
		return s.translate(err)
	}
	return s.translate(db.Exec("DELETE FROM ended_tokens WHERE expires_at < " + s.agoSQL(endedTokensKept)).Error)
}
