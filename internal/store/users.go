package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/user"
)

// AddUser implements [user.Store].
func (s *Store) AddUser(ctx context.Context, u *user.User) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		if u.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		u.UpdatedAt = u.CreatedAt
		err = s.translate(tx.Create(u).Error)
		if fault.KindOf(err) == fault.Conflict {
			return user.Exists(u.Name)
		}
		if err != nil {
			return err
		}
		return s.note(tx, "user.added", u.Name, nil, u.Audited())
	})
}

// AddFirstUser implements [user.Store]. Of replicas that see no user at once, the unique name lets one insert its own.
func (s *Store) AddFirstUser(ctx context.Context, u *user.User) (made bool, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) (err error) {
		made = false
		var n int64
		if err := tx.Model(&user.User{}).Count(&n).Error; err != nil || n > 0 {
			return err
		}
		if u.CreatedAt, err = s.now(tx); err != nil {
			return err
		}
		u.UpdatedAt = u.CreatedAt
		inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(u)
		if made = inserted.RowsAffected == 1; !made {
			return inserted.Error
		}
		return s.note(tx, "user.added", u.Name, nil, u.Audited())
	})
	return made && err == nil, err
}

// ListUsers implements [user.Store].
func (s *Store) ListUsers(ctx context.Context) (users []user.User, err error) {
	err = s.show.WithContext(ctx).Order("name_key").Find(&users).Error
	return users, s.translate(err)
}

// FindUser implements [user.Store] and [user.LoginStore].
func (s *Store) FindUser(ctx context.Context, name string) (user.User, error) {
	return s.takeUser(s.show.WithContext(ctx), name)
}

func (s *Store) takeUser(db *gorm.DB, name string) (u user.User, err error) {
	err = db.Where("name_key = ?", user.Key(name)).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return user.User{}, user.Unknown(name)
	}
	return u, s.translate(err)
}

// ChangeUser implements [user.Store].
func (s *Store) ChangeUser(ctx context.Context, name string, change func(*user.User) error) (u user.User, err error) {
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		admins, err := s.lockAdmins(tx)
		if err != nil {
			return err
		}
		if u, err = s.takeUser(s.forUpdate(tx), name); err != nil {
			return err
		}
		before := u
		if err := change(&u); err != nil {
			return err
		}
		if !u.Administers() && onlyOne(admins, u.ID) {
			return user.LastAdmin(u.Name)
		}
		if u.UpdatedAt, err = s.now(tx); err != nil {
			return err
		}
		if err := tx.Select("role", "password_hash", "disabled", "generation", "updated_at").Updates(&u).Error; err != nil {
			return err
		}
		return s.noteUser(tx, before, u)
	})
	if err != nil {
		return user.User{}, err
	}
	return u, nil
}

// RemoveUser implements [user.Store].
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		admins, err := s.lockAdmins(tx)
		if err != nil {
			return err
		}
		u, err := s.takeUser(s.forUpdate(tx), name)
		if err != nil {
			return err
		}
		if onlyOne(admins, u.ID) {
			return user.LastAdmin(u.Name)
		}
		if err := tx.Delete(&u).Error; err != nil {
			return err
		}
		return s.note(tx, "user.removed", u.Name, u.Audited(), nil)
	})
}

// lockAdmins returns the ids of those who administer, locked until the end of tx and always in the same order: of two administrators who
// remove each other at once, one is refused.
func (s *Store) lockAdmins(tx *gorm.DB) (ids []string, err error) {
	err = s.forUpdate(tx).Model(&user.User{}).Where("role = ? AND NOT disabled", auth.RoleAdmin).Order("id").Pluck("id", &ids).Error
	return ids, err
}

// onlyOne says whether id is the one administrator there is.
func onlyOne(admins []string, id string) bool { return len(admins) == 1 && admins[0] == id }
